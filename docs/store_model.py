"""Write what the page Try it works with: a model of pixels, one of strokes, and digits to judge.

`make model` runs this, after a change of either fit: chapter 2's model is fitted again as there,
and chapter 3's `strokes` to the same training images, which takes three minutes.
`tests/test_stored_outputs.py` holds both to what the chapters printed.
"""

import json
from base64 import b64encode
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from digits_lr import StrokeDirections, fit, load_mnist

PUBLISHED = Path(__file__).with_name("_static") / "model.js"
# Of the stored numbers. Other processors may give others from the thirteenth decimal on; rounding
# at the ninth moves no test image's score of pixels by more than 0.000004. Features of strokes are
# at most 1; coefficients rounded at the second decimal give every test image the same answer.
UNITS = {"pixels": 1e-9, "strokes": 0.01}


def split() -> list[np.ndarray]:
    """Return chapter 2's training and test images, one a row, and their labels."""
    images, labels = load_mnist()
    return train_test_split(
        images.reshape(len(images), -1), labels, test_size=1 / 7, random_state=0
    )


def without_scaler(pipeline: Pipeline) -> tuple[LogisticRegression, NDArray]:
    """Return the classifier of chapter 3's `strokes`, for features less their means, and these.

    The means are rounded; what that changes goes into the intercepts.
    """
    _, scaler, model = pipeline
    model.coef_ = model.coef_ / scaler.scale_
    means = scaler.mean_.round(3)
    model.intercept_ = model.intercept_ + model.coef_ @ (means - scaler.mean_)
    return model, means


def script(models: dict[str, LogisticRegression], means: NDArray) -> str:
    """Return a script that defines MODEL: a script, since a page in a folder may fetch no data."""
    stored = {
        name: {
            "unit": unit,
            "intercepts": np.rint(models[name].intercept_ / unit).astype(int).tolist(),
            "coefficients": np.rint(models[name].coef_ / unit).astype(int).tolist(),
        }
        for name, unit in UNITS.items()
    }
    stored["strokes"]["means"] = means.tolist()
    _, X_test, _, y_test = split()
    right = models["pixels"].predict(X_test) == y_test
    # The first image of each digit among those that the pixels get right, and among the others.
    stored["digits"] = {
        name: [b64encode(X_test[those & (y_test == digit)][0]).decode() for digit in range(10)]
        for name, those in [("right", right), ("wrong", ~right)]
    }
    model = json.dumps(stored, separators=(",", ":")).replace("],", "],\n")
    return (
        "// Written by docs/store_model.py. Digits: MNIST, Y. LeCun, C. Cortes, C. J. C. Burges,\n"
        "// CC BY-SA 3.0, a byte a pixel in base64.\n"
        f"const MODEL = {model};\n"
    )


if __name__ == "__main__":
    X_train, _, y_train, _ = split()
    pixels = LogisticRegression(
        C=50, l1_ratio=1, solver="saga", tol=0.01, max_iter=1000, random_state=0
    )
    fit(pixels, csr_array(X_train, dtype=np.float64), y_train)
    pipeline = make_pipeline(
        StrokeDirections(n_directions=8, cell=4, power=0.3, n_jobs=-1),
        StandardScaler(),
        LogisticRegression(C=0.1, max_iter=3000),
    )
    fit(pipeline, X_train, y_train)
    strokes, means = without_scaler(pipeline)
    PUBLISHED.write_text(script({"pixels": pixels, "strokes": strokes}, means))
