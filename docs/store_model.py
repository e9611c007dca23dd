"""Write what the page Try it works with: chapter 2's model, and a few digits for it to judge.

`make notebooks` runs this once chapter 2 is executed. The model comes from the file in which the
chapter saved it, the digits from its test images.
"""

import json
from base64 import b64encode
from pathlib import Path

import numpy as np
from sklearn.model_selection import train_test_split

from digits_lr import load_mnist

ROOT = Path(__file__).parents[1]
SAVED = ROOT / "notebooks" / "model.npz"
PUBLISHED = Path(__file__).with_name("_static") / "model.js"
# Of the stored numbers. Other processors may give others from the thirteenth decimal on; rounding
# at the ninth moves no test image's score by more than 0.000004.
UNIT = 1e-9


def script(coef: np.ndarray, intercept: np.ndarray) -> str:
    """Return a script that defines MODEL: a script, since a page in a folder may fetch no data."""
    weights, offsets = (np.rint(numbers / UNIT).astype(int) for numbers in (coef, intercept))
    images, labels = load_mnist()
    _, X_test, _, y_test = train_test_split(
        images.reshape(len(images), -1), labels, test_size=1 / 7, random_state=0
    )
    right = (X_test @ weights.T + offsets).argmax(axis=1) == y_test
    # The first image of each digit among those that the model gets right, and among the others.
    digits = {
        name: [X_test[those & (y_test == digit)][0] for digit in range(10)]
        for name, those in [("right", right), ("wrong", ~right)]
    }
    rows = ",\n".join(json.dumps(row.tolist(), separators=(",", ":")) for row in weights)
    packed = {name: [b64encode(image).decode() for image in digits[name]] for name in digits}
    return (
        "// Written by docs/store_model.py. Digits: MNIST, Y. LeCun, C. Cortes, C. J. C. Burges,\n"
        "// CC BY-SA 3.0, a byte a pixel in base64.\n"
        f"const MODEL = {{\n"
        f'"unit": {UNIT},\n"intercepts": {offsets.tolist()},\n"coefficients": [\n{rows}\n],\n'
        f'"digits": {json.dumps(packed, indent=0)}\n}};\n'
    )


if __name__ == "__main__":
    with np.load(SAVED) as saved:
        PUBLISHED.write_text(script(saved["coef"], saved["intercept"]))
