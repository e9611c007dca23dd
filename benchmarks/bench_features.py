"""Chapter 3's ladder: `C` chosen on validation images, errors on test images, time and memory.

Run it by ``python benchmarks/bench_features.py`` (a quarter of an hour on an idle core); it writes
``features.md`` and ``features.json`` beside this file. Each rung is a process of its own, with one
BLAS thread. The last 10,000 training images choose `C`; then the rung is fitted to all 60,000, and
the test images are scored once a run.
"""

import argparse
import json
import multiprocessing
import os
import resource
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

os.environ.update(dict.fromkeys(["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"], "1"))

import numpy as np
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

import digits_lr as dl

HERE = Path(__file__).parent
N_VALIDATION = 10_000


def pairs(n_components):
    """Return principal components of unit variance, their squares and products in pairs."""
    pca = PCA(n_components, whiten=True, svd_solver="covariance_eigh")
    return [pca, PolynomialFeatures(degree=2, include_bias=False)]


THREE_SCALES = make_union(
    dl.StrokeDirections(cell=4), dl.StrokeDirections(cell=7), dl.StrokeDirections(12, cell=3)
)
# Steps before the classifier, and the values of C to choose from.
RUNGS = {
    "pixels": ([], [0.01, 0.1, 1]),
    "upright pixels": ([dl.Upright()], [0.01, 0.1, 1]),
    "40 components in pairs": (pairs(40), [0.001, 0.01, 0.1]),
    "upright, 40 components in pairs": ([dl.Upright(), *pairs(40)], [0.001, 0.01, 0.1]),
    "strokes": ([dl.StrokeDirections(), StandardScaler()], [0.01, 0.1, 1]),
    "strokes, 60 components in pairs": ([dl.StrokeDirections(), *pairs(60)], [0.001, 0.01, 0.1]),
    "strokes, 100 components in pairs": ([dl.StrokeDirections(), *pairs(100)], [0.001, 0.01, 0.1]),
    "three scales, 100 components in pairs": ([THREE_SCALES, *pairs(100)], [0.001, 0.01, 0.1]),
}


def load(split):
    """Return training and test images, from 0 to 1, and their labels."""
    if split == "standard":
        images, labels = dl.load_mnist()
        X = images.reshape(len(images), -1) / 255
        return X[:60_000], X[60_000:], labels[:60_000], labels[60_000:]
    ours = dl.load_mnist_split(test_size=1 / 7, random_state=0)
    X_train, X_test = ours.X_train / 255, ours.X_test / 255
    return X_train, X_test, ours.y_train, ours.y_test


def fit(X, y, C, tol, max_iter=1000):
    """Fit the classifier that every rung shares; return it and its processor seconds."""
    start = time.process_time()
    model = LogisticRegression(C=C, tol=tol, max_iter=max_iter).fit(X, y)
    return model, time.process_time() - start


def measure(split, name, grid, tol):
    """Choose C on validation images, fit all training images, score the test images once."""
    X_train, X_test, y_train, y_test = load(split)
    steps = make_pipeline(*map(clone, RUNGS[name][0]), "passthrough")
    fitted, held = slice(0, len(X_train) - N_VALIDATION), slice(len(X_train) - N_VALIDATION, None)
    validation = {}
    if len(grid) > 1:
        features, wanted = steps.fit_transform(X_train[fitted]), y_train[held]
        features_held = steps.transform(X_train[held])
        for C in grid:
            model, _ = fit(features, y_train[fitted], C, tol)
            validation[C] = int((model.predict(features_held) != wanted).sum())
        del features
    C = min(validation, key=validation.get) if validation else grid[0]
    start, wall = time.process_time(), time.perf_counter()
    features = steps.fit_transform(X_train)
    features_seconds, wall = time.process_time() - start, time.perf_counter() - wall
    model, fit_seconds = fit(features, y_train, C, tol)
    predicted = model.predict(steps.transform(X_test))
    return {
        "split": split,
        "rung": name,
        "features": features.shape[1],
        "validation": validation,
        "C": C,
        "tol": tol,
        "train_errors": int((model.predict(features) != y_train).sum()),
        "test_errors": int((predicted != y_test).sum()),
        "wrong": np.flatnonzero(predicted != y_test).tolist(),
        "iterations": int(model.n_iter_[0]),
        "features_seconds": features_seconds,
        "fit_seconds": fit_seconds,
        "mebibytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def table(rows):
    """Return the rows as a page in Markdown."""
    lines = [
        "# What chapter 3's ladder costs, and what it gives",
        "",
        "Written by `benchmarks/bench_features.py`. Errors are counted among 10,000 images. `C` is "
        "the value with the fewest errors on the last 10,000 training images, fitted to the "
        "others; the rung was then fitted to all 60,000. Seconds are the processor's, with one "
        "BLAS thread. Memory is the most that the process held, choosing `C` included.",
        "",
        "| split | rung | features | held-out errors by `C` | `C` | test errors | "
        "seconds, features + fit | iterations | MiB |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        tried = ", ".join(f"{C}: {errors}" for C, errors in row["validation"].items())
        seconds = f"{row['features_seconds']:.0f} + {row['fit_seconds']:.0f}"
        lines.append(
            f"| {row['split']} | {row['rung']} | {row['features']:,} | {tried} | {row['C']} | "
            f"{row['test_errors']} | {seconds} | {row['iterations']} | {row['mebibytes']:,.0f} |"
        )
    return "\n".join(lines) + "\n"


def main():
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--split", nargs="+", default=["standard", "series"])
    parser.add_argument("--rung", nargs="+", default=list(RUNGS), choices=RUNGS)
    parser.add_argument("--C", type=float, nargs="+", help="instead of the rung's own grid")
    parser.add_argument("--tol", type=float, default=1e-4)
    parser.add_argument("--out", type=Path, default=HERE / "features.json")
    args = parser.parse_args()
    rows = []
    for split in args.split:
        for name in args.rung:
            # A process a rung: the most memory that it held is the rung's own.
            with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as child:
                row = child.submit(
                    measure, split, name, args.C or RUNGS[name][1], args.tol
                ).result()
            print({key: value for key, value in row.items() if key != "wrong"}, flush=True)
            rows.append(row)
            args.out.write_text(json.dumps(rows) + "\n")
            args.out.with_suffix(".md").write_text(table(rows))


if __name__ == "__main__":
    main()
