"""Chapter 3's ladder beside the original's fit: errors, seconds and memory, and how they grow.

``make bench`` runs it (about eight minutes on an idle core) and writes ``features.md`` and
``features.json`` into ``build/``; with ``ARGS=--store`` beside this file, where the site reads
them. ``ARGS=--quick`` fits 500 images. Each row is a process of its own with one BLAS thread.
The last sixth of the standard split's training images chooses `C`; then the rung is fitted to all
of them, and the test images are scored once. Chapter 2's split takes the same `C`.
"""

import argparse
import json
import multiprocessing
import os
import resource
import time
from concurrent.futures import ProcessPoolExecutor

os.environ.update(dict.fromkeys(["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"], "1"))

import numpy as np
from bench_fits import PACKAGES, ROOT, circumstances, saga, written_by
from bench_fits import load as load_chapter_2
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

import digits_lr as dl

CENTRED = StandardScaler(with_std=False)


def components(n_components):
    """Return the step to principal components, exact and without random numbers."""
    return PCA(n_components, svd_solver="covariance_eigh")


def pairs(n_components):
    """Return the steps to principal components, their squares and products in pairs."""
    products = PolynomialFeatures(degree=2, include_bias=False)
    return [components(n_components), dl.ParetoScaler(), products]


THREE_SCALES = make_union(
    make_pipeline(dl.StrokeDirections(cell=4), components(100)),
    make_pipeline(dl.StrokeDirections(cell=7), components(100)),
    make_pipeline(dl.StrokeDirections(12, cell=3), components(100)),
)
# Steps before the classifier, and the values of C to choose from.
RUNGS = {
    "pixels": ([CENTRED], [0.01, 0.1, 1]),
    "upright": ([dl.Upright(), CENTRED], [0.01, 0.1, 1]),
    "pairs": (pairs(40), [0.001, 0.01, 0.1]),
    "upright, pairs": ([dl.Upright(), *pairs(40)], [0.001, 0.01, 0.1]),
    "strokes": ([dl.StrokeDirections(), StandardScaler()], [0.01, 0.1, 1]),
    "strokes, pairs": ([dl.StrokeDirections(), *pairs(60)], [0.1, 1, 10, 100]),
    "three scales, pairs": ([THREE_SCALES, *pairs(60)], [0.1, 1, 10, 100]),
}
GROWING = ["pixels", "three scales, pairs"]


def load(split, n_images):
    """Return training and test images, from 0 to 1, and their labels."""
    if split == "standard":
        images, labels = dl.load_mnist()
        X = images.reshape(len(images), -1)
        return X[:n_images] / 255, X[60_000:] / 255, labels[:n_images], labels[60_000:]
    X_train, X_test, y_train, y_test = load_chapter_2()
    return X_train[:n_images] / 255, X_test / 255, y_train[:n_images], y_test


def measure(split, name, n_images, grid):
    """Choose C on validation images, fit all training images, score the test images once."""
    X_train, X_test, y_train, y_test = load(split, n_images)
    steps = make_pipeline(*map(clone, RUNGS[name][0]))
    n_fitted = n_images - n_images // 6
    X_valid, y_valid = X_train[n_fitted:], y_train[n_fitted:]
    validation = {}
    if len(grid) > 1:
        features = steps.fit_transform(X_train[:n_fitted])
        features_valid = steps.transform(X_valid)
        for C in grid:
            model = LogisticRegression(C=C, max_iter=3000).fit(features, y_train[:n_fitted])
            validation[C] = int((model.predict(features_valid) != y_valid).sum())
        del features
    C = min(validation, key=validation.get, default=grid[0])
    started = time.process_time()
    features = steps.fit_transform(X_train)
    transformed = time.process_time()
    model = LogisticRegression(C=C, max_iter=3000).fit(features, y_train)
    fitted = time.process_time()
    return {
        "split": split,
        "rung": name,
        "images": n_images,
        "features": features.shape[1],
        "validation": validation,
        "C": C,
        "errors": int((model.predict(steps.transform(X_test)) != y_test).sum()),
        "iterations": int(model.n_iter_[0]),
        "features_seconds": transformed - started,
        "fit_seconds": fitted - transformed,
        "mebibytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def measure_original(n_images):
    """Fit as the original did, on the split of chapter 2."""
    X_train, X_test, y_train, y_test = load_chapter_2()
    X = X_train[:n_images].astype(np.float64)
    started = time.process_time()
    model = saga().fit(X, y_train[:n_images])
    return {
        "seconds": time.process_time() - started,
        "errors": int((model.predict(X_test) != y_test).sum()),
    }


def in_a_process(function, *args):
    """Call `function` in a process of its own: the most memory that it held is the row's own."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as child:
        row = child.submit(function, *args).result()
    print(*args, row, flush=True)
    return row


def tables(rows, key, head, line):
    """Return a table for each value of `key`: `head` of that value, and a `line` for each row."""
    lines = []
    for value in dict.fromkeys(row[key] for row in rows):
        lines += ["", *head(value), *(line(row) for row in rows if row[key] == value)]
    return lines


def as_markdown(results):
    """Return the tables of `results` as Markdown, with what each column means."""
    original = results["original"]
    lines = [
        "# What chapter 3's ladder costs, and what it gives",
        "",
        f"{written_by(results)} Errors are counted among 10,000 test images. `C` has the fewest "
        "errors among the last sixth of the standard training images, fitted to the others; the "
        "rung was then fitted to all. Seconds are the processor's, with one BLAS thread; memory "
        "is the most that the process held, choosing `C` included. In the same run the original's "
        f"fit of the pixels took {original['seconds']:.0f} seconds and made {original['errors']} "
        "errors on chapter 2's split.",
        "",
        "| rung | validation errors by `C` |",
        "|---|---|",
    ]
    for row in results["rungs"]:
        if tried := ", ".join(f"{C}: {errors}" for C, errors in row["validation"].items()):
            lines.append(f"| {row['rung']} | {tried} |")
    lines += tables(
        results["rungs"],
        "split",
        lambda split: [
            f"## {split.capitalize()} split",
            "",
            "| rung | features | `C` | test errors | seconds, features + fit | iterations | MiB |",
            "|---|--:|--:|--:|--:|--:|--:|",
        ],
        lambda row: (
            f"| {row['rung']} | {row['features']:,} | {row['C']} | {row['errors']} "
            f"| {row['features_seconds']:.0f} + {row['fit_seconds']:.0f} | {row['iterations']} "
            f"| {row['mebibytes']:,.0f} |"
        ),
    )
    lines += [
        "",
        "## How they grow with the number of training images",
        "",
        "The standard split, with the `C` of above.",
    ]
    lines += tables(
        results["growth"],
        "rung",
        lambda rung: [
            f"| {rung}: images | test errors | seconds, features + fit | MiB |",
            "|--:|--:|--:|--:|",
        ],
        lambda row: (
            f"| {row['images']:,} | {row['errors']} "
            f"| {row['features_seconds']:.1f} + {row['fit_seconds']:.1f} "
            f"| {row['mebibytes']:,.0f} |"
        ),
    )
    return "\n".join(lines) + "\n"


def main():
    """Measure everything, one after the other, and write both files."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    to_store = parser.add_mutually_exclusive_group()
    to_store.add_argument("--quick", action="store_true", help="500 images only")
    to_store.add_argument("--store", action="store_true", help="write beside this file")
    options = parser.parse_args()
    n_images, names, growing, parts = 60_000, list(RUNGS), GROWING, [8, 4, 2, 1]
    if options.quick:
        n_images, names, growing, parts = 500, ["pixels", "strokes"], ["pixels"], [1]
    rungs = [in_a_process(measure, "standard", name, n_images, RUNGS[name][1]) for name in names]
    chosen = {row["rung"]: [row["C"]] for row in rungs}
    rungs += [in_a_process(measure, "chapter 2's", name, n_images, chosen[name]) for name in names]
    results = circumstances(PACKAGES) | {
        "original": in_a_process(measure_original, n_images),
        "rungs": rungs,
        "growth": [
            in_a_process(measure, "standard", name, n_images // part, chosen[name])
            for name in growing
            for part in parts
        ],
    }
    folder = ROOT / "benchmarks" if options.store else ROOT / "build"
    folder.mkdir(exist_ok=True)
    (folder / "features.json").write_text(json.dumps(results, indent=1) + "\n")
    (folder / "features.md").write_text(as_markdown(results))


if __name__ == "__main__":
    main()
