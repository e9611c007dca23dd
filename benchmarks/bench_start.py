"""saga from lbfgs beside saga from zero, over a grid: it should never end higher, nor later.

``python benchmarks/bench_start.py`` writes ``start.md`` and ``start.json`` into ``build/``, with
``--store`` beside this file; with ``--quick`` the small digits alone, at two values of `tol`. It
takes hours, as a fit from zero may need thousands of epochs: those that need more than `MOST` are
stopped there, and count with what they have reached. It fails if a fit from lbfgs ends higher, in
more epochs, or more than half a second later than the fit from zero.
"""

import argparse
import itertools
import json
import sys
import time
import warnings

import numpy as np
from bench_fits import PACKAGES, ROOT, circumstances, load, written_by
from scipy.sparse import csr_array
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

import digits_lr as dl

MOST = 3000  # epochs on digits; a twentieth of it on MNIST
L1_RATIOS, STRENGTHS, TOLERANCES = [0, 0.5, 1], [0.01, 0.05, 1, 10, 50], [1e-2, 1e-3, 1e-4]
COLUMNS = [
    "images, pixels, l1_ratio, C, tol",
    "epochs",
    "from lbfgs",
    "objective",
    "from lbfgs ",
    "zeros",
    "from lbfgs  ",
    "seconds",
    "from lbfgs   ",
]


def data(quick: bool):
    """Yield a name, images, labels and the most epochs for each data set."""
    X, y = load_digits(return_X_y=True)
    for rows, scale in itertools.product([500, 1400, 1797], [1, 16]):
        yield f"digits {rows:,}, /{scale}", X[:rows] / scale, y[:rows], MOST
    if not quick:
        X, _, y, _ = load()
        for rows, scale in itertools.product([7_500, 15_000, 60_000], [1, 255]):
            images = csr_array(X[:rows]).astype(np.float64) / scale
            yield f"MNIST {rows:,}, /{scale}", images, y[:rows], MOST // 20


def fit(model: LogisticRegression, X, y, start: str | None) -> dict:
    """Fit and return epochs, objective, share of zeros and seconds."""
    began = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        dl.fit(model, X, y, start=start, progress=False)
    return {
        "seconds": time.perf_counter() - began,
        "epochs": int(model.n_iter_[0]),
        "objective": dl.objective(model, X, y),
        "zeros": float(np.mean(model.coef_ == 0)),
    }


def worse(row: dict) -> list[str]:
    """Return in what the fit from lbfgs was worse."""
    plain, fast = row["plain"], row["fast"]
    reasons = {
        "objective": fast["objective"] > plain["objective"] * (1 + 1e-6),
        "epochs": fast["epochs"] > plain["epochs"],
        "seconds": fast["seconds"] > plain["seconds"] + 0.5,
    }
    return [name for name, is_worse in reasons.items() if is_worse]


def as_markdown(results: dict) -> str:
    """Return the table of all fits, and what it comes to."""
    rows = results["fits"]
    lower = [1 - row["fast"]["objective"] / row["plain"]["objective"] for row in rows]
    faster = [row["plain"]["seconds"] / row["fast"]["seconds"] for row in rows]
    lines = [
        "# saga from zero, and from lbfgs",
        "",
        f"{written_by(results, 'benchmarks/bench_start.py')} One fit each, one thread for BLAS. Of "
        f"{len(rows)} fits from lbfgs {sum(map(bool, map(worse, rows)))} were worse: higher by "
        "over a millionth, with more epochs, or slower by over half a second. In the median "
        f"they end {np.median(lower):.1%} lower, in {np.median(faster):.1f} times fewer seconds.",
        "",
        "| " + " | ".join(COLUMNS) + " |",
        "|---" + "|--:" * (len(COLUMNS) - 1) + "|",
    ]
    for row in rows:
        both = row["plain"], row["fast"]
        cells = [f"{one['epochs']:,}" for one in both]
        cells += [f"{one['objective']:,.3f}" for one in both]
        cells += [f"{one['zeros']:.0%}" for one in both]
        cells += [f"{one['seconds']:.2f}" for one in both]
        lines.append(f"| {row['setting']} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Fit everything twice and write both files."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="small digits, at two values of tol")
    parser.add_argument("--store", action="store_true", help="write beside this file")
    options = parser.parse_args()
    folder = ROOT / "benchmarks" if options.store else ROOT / "build"
    tolerances = TOLERANCES[:2] if options.quick else TOLERANCES
    results = circumstances(PACKAGES) | {"fits": []}
    for name, X, y, most in data(options.quick):
        for l1_ratio, C, tol in itertools.product(L1_RATIOS, STRENGTHS, tolerances):
            row = {"setting": f"{name}, {l1_ratio}, {C}, {tol}"}
            for key, start in [("plain", None), ("fast", "lbfgs")]:
                model = LogisticRegression(
                    C=C, l1_ratio=l1_ratio, solver="saga", tol=tol, max_iter=most, random_state=0
                )
                row[key] = fit(model, X, y, start)
            results["fits"].append(row)
            print(row["setting"], *worse(row), flush=True)
            folder.mkdir(exist_ok=True)
            (folder / "start.json").write_text(json.dumps(results, indent=1) + "\n")
            (folder / "start.md").write_text(as_markdown(results))
    if failed := sum(map(bool, map(worse, results["fits"]))):
        sys.exit(f"{failed} fits from lbfgs were worse than those from zero")


if __name__ == "__main__":
    main()
