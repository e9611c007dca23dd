"""Write what the page Try it works with: chapter 2's model, and a few digits for it to judge.

`make model` runs this, after a change of chapter 2's fit: the model is fitted again as there, which
takes two minutes, and `tests/test_stored_outputs.py` holds it to what the chapter printed.
"""

import json
from base64 import b64encode
from pathlib import Path

import numpy as np
from scipy.sparse import csr_array
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

from digits_lr import fit, load_mnist

PUBLISHED = Path(__file__).with_name("_static") / "model.js"
# Of the stored numbers. Other processors may give others from the thirteenth decimal on; rounding
# at the ninth moves no test image's score by more than 0.000004.
UNIT = 1e-9


def split() -> list[np.ndarray]:
    """Return chapter 2's training and test images, one a row, and their labels."""
    images, labels = load_mnist()
    return train_test_split(
        images.reshape(len(images), -1), labels, test_size=1 / 7, random_state=0
    )


def script(coef: np.ndarray, intercept: np.ndarray) -> str:
    """Return a script that defines MODEL: a script, since a page in a folder may fetch no data."""
    weights, offsets = (np.rint(numbers / UNIT).astype(int) for numbers in (coef, intercept))
    _, X_test, _, y_test = split()
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
    X_train, _, y_train, _ = split()
    model = LogisticRegression(
        C=50, l1_ratio=1, solver="saga", tol=0.01, max_iter=1000, random_state=0
    )
    fit(model, csr_array(X_train, dtype=np.float64), y_train)
    PUBLISHED.write_text(script(model.coef_, model.intercept_))
