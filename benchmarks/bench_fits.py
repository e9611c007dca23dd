"""The original's fit beside every other way to such a model: seconds, memory, and how they grow.

``make bench`` runs it (forty minutes on two cores) and writes ``results.md``, ``results.json`` and
``growth.png`` into ``build/``; with ``ARGS=--store`` beside this file, where the notebooks and the
site read them. ``ARGS=--quick`` fits 500 images, once. Each fit is a process of its own. Seconds
are those of a clock on the wall, so nothing else should be running; all ways take turns, three
times. Memory is the most that the process and its children held together, each shared page counted
once. It fails if a second busy process slows a fit down more than `MOST_SLOWED` times.

Other libraries that fit an L1 logistic regression were tried on 6,000 images and left out: skglm
0.5 (one-vs-rest, 101 s where saga needs 8, to another point: it has no loose stopping rule), snapml
1.17 (it ends with two thirds to four fifths of the training images right, whatever the scale and
the penalty) and scikit-learn-intelex 2026.2 (L1 is handed back to scikit-learn).
"""

import argparse
import json
import os
import platform
import re
import subprocess
import sys
import time
from datetime import date
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median

import numpy as np
import psutil
from scipy.sparse import csr_array
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.multiclass import OneVsRestClassifier
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

import digits_lr as dl

ROOT = Path(__file__).parents[1]
SETTINGS = {"C": 50, "l1_ratio": 1, "max_iter": 1000}
PACKAGES = ["scikit-learn", "numpy", "scipy", "joblib"]


def load():
    """Return chapter 2's training images, test images, and the labels of both."""
    images, labels = dl.load_mnist()
    X = images.reshape(len(images), -1)
    return train_test_split(X, labels, test_size=1 / 7, random_state=0)


def saga(tol=0.01):
    """Return the original's model."""
    return LogisticRegression(solver="saga", **SETTINGS, tol=tol, random_state=0)


def original(X, y):
    """Fit as the original did: dense input, no helper."""
    return saga().fit(X.astype(np.float64), y)


def sparse(model, start=None):
    """Return a fit of `model` on sparse input."""
    return lambda X, y: dl.fit(
        model, csr_array(X).astype(np.float64), y, start=start, progress=False
    )


def example(X, y):
    """Fit as scikit-learn's MNIST example does."""
    model = LogisticRegression(solver="saga", C=50 / len(y), l1_ratio=1, tol=0.1, random_state=0)
    scaler = StandardScaler()
    model.fit(scaler.fit_transform(X.astype(np.float64)), y)
    model.coef_ /= scaler.scale_  # as for raw pixels
    model.intercept_ -= model.coef_ @ scaler.mean_
    return model.set_params(C=SETTINGS["C"], l1_ratio=1)  # for the objective


def one_vs_rest(n_jobs):
    """Return ten binary models, fitted `n_jobs` at a time."""
    return OneVsRestClassifier(saga(), n_jobs=n_jobs)


def liblinear(X, y):
    """Fit ten binary models by coordinate descent, which also penalises the intercepts."""
    one = saga().set_params(solver="liblinear")
    ten = OneVsRestClassifier(one).fit(csr_array(X).astype(np.float64), y)
    for binary in ten.estimators_:
        binary.set_params(solver="saga")  # for the objective, which is that of the other rows
    return ten


def cyanure(epochs, X, y):
    """Fit the multinomial model by so many epochs of cyanure's catalyst-miso, in float32."""
    from cyanure.estimators import Classifier

    theirs = Classifier(
        loss="multiclass-logistic",
        penalty="l1",
        lambda_1=1 / (SETTINGS["C"] * len(y)),
        solver="catalyst-miso",
        max_iter=epochs,
        duality_gap_interval=epochs,
        fit_intercept=True,
        verbose=False,
        random_state=0,
    )
    theirs.fit(X.astype(np.float32), y.astype(np.int64))
    model = saga()
    model.coef_, model.intercept_ = theirs.coef_.T, theirs.intercept_.ravel()
    model.classes_, model.n_iter_ = np.unique(y), np.array([theirs.n_iter_])
    return model


FAST, CYANURE = "multinomial, sparse, from lbfgs", "multinomial, cyanure"
WAYS = {
    "multinomial, dense (the original)": original,
    "multinomial, sparse": sparse(saga()),
    FAST: sparse(saga(), "lbfgs"),
    f"{FAST}, tol = 0.0001": sparse(saga(tol=0.0001), "lbfgs"),
    CYANURE: partial(cyanure, 10),
    f"{CYANURE}, 80 epochs": partial(cyanure, 80),
    "multinomial, scikit-learn's example": example,
    "one-vs-rest, sparse, 1 job": sparse(one_vs_rest(1)),
    "one-vs-rest, sparse, 2 jobs": sparse(one_vs_rest(2)),
    "one-vs-rest, sparse, 5 jobs": sparse(one_vs_rest(5)),
    "one-vs-rest, sparse, 5 jobs, from lbfgs": sparse(one_vs_rest(5), "lbfgs"),
    "one-vs-rest, liblinear": liblinear,
}
ORIGINAL, *_ = WAYS
JOBS = [name for name in WAYS if name.endswith(("job", "jobs"))]
FITS = [name for name in WAYS if name not in JOBS[:2]]
GROWING = [ORIGINAL, FAST, CYANURE]
MOST_SLOWED = 2.2


def fit_once(name: str, n_images: int) -> None:
    """Fit in this process and print what came out as JSON."""
    X, X_test, y, y_test = load()
    X, y = X[:n_images], y[:n_images]
    start = time.perf_counter()
    model = WAYS[name](X, y)
    seconds = time.perf_counter() - start
    one_by_one = getattr(model, "estimators_", [model])
    coef = np.vstack([one.coef_ for one in one_by_one])
    X, X_test = (csr_array(some).astype(np.float64) for some in [X, X_test])
    row = {
        "way": name,
        "images": n_images,
        "seconds": seconds,
        "epochs": [int(np.ravel(one.n_iter_)[0]) for one in one_by_one],
        "objective": dl.objective(model, X, y),
        "train": model.score(X, y),
        "test": model.score(X_test, y_test),
        "zeros": float(np.mean(coef == 0)),
    }
    print(json.dumps(row))


def watch(*command: str) -> tuple[str, float]:
    """Run a command; return what it printed and its peak memory in MiB."""
    peak = 0
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        while process.poll() is None:
            peak = max(peak, memory(psutil.Process(process.pid)))
            time.sleep(0.5)  # a look costs milliseconds of a core that the fit may want
        printed = process.stdout.read()
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return printed, peak / 2**20


def memory(process: psutil.Process) -> int:
    """Return the bytes that a process and its children hold, shared pages once."""
    held = 0
    for one in [process, *process.children(recursive=True)]:
        try:
            info = one.memory_full_info()
        except psutil.Error:  # it has just ended
            continue
        held += getattr(info, "pss", info.uss)
    return held


def measure(name: str, n_images: int) -> dict:
    """Fit in a process of its own; return the row of the table."""
    printed, peak = watch(sys.executable, __file__, "--fit", name, "--images", str(n_images))
    row = json.loads(printed) | {"mebibytes": peak}
    print(f"{name}, {n_images} images: {row['seconds']:.1f} s", flush=True)
    return row


def measure_all(names: list[str], n_images: int, turns: int) -> list[dict]:
    """Measure all ways in turn, `turns` times; return a row a way, with all its seconds."""
    rounds = [[measure(name, n_images) for name in names] for _ in range(turns)]
    return [
        rows[0]
        | {
            "seconds": [row["seconds"] for row in rows],
            "mebibytes": max(row["mebibytes"] for row in rows),
        }
        for rows in zip(*rounds, strict=True)
    ]


def measure_slowed(names: list[str], n_images: int) -> dict[str, float]:
    """Return how many times longer each fit takes while other processes keep a core busy."""
    alone = measure_all(names, n_images, 1)
    spin = [sys.executable, "-c", "while True: pass"]
    busy = [subprocess.Popen(spin) for _ in range(max(1, os.cpu_count() - 1))]
    try:
        beside = measure_all(names, n_images, 1)
    finally:
        for process in busy:
            process.kill()
            process.wait()
    return {
        name: ratios(slow, fast)[0] for name, slow, fast in zip(names, beside, alone, strict=True)
    }


def ratios(row: dict, other: dict) -> list[float]:
    """Return how many times the seconds of `other` `row` took, turn by turn."""
    pairs = zip(row["seconds"], other["seconds"], strict=True)
    return [ours / theirs for ours, theirs in pairs]


def measure_gradient() -> float:
    """Return the seconds that one gradient of the loss over all pixels takes on one thread."""
    X, _, y, _ = load()
    X, target = X.astype(np.float64), np.eye(10)[y]
    coef = np.zeros((10, X.shape[1]))
    seconds = []
    with threadpool_limits(1):
        for _ in range(9):
            start = time.perf_counter()
            scores = np.exp(X @ coef.T)
            coef -= 1e-9 * (scores / scores.sum(axis=1, keepdims=True) - target).T @ X
            seconds.append(time.perf_counter() - start)
    return median(seconds)


def installed(package: str) -> str:
    """Return a package's version, or that there is none."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def processor() -> str:
    """Return the processor's name where QEMU or Linux tells it, and else its architecture."""
    if emulated := os.environ.get("QEMU_CPU"):
        return f"{emulated}, emulated by QEMU"
    cpuinfo = Path("/proc/cpuinfo")
    told = re.search(r"model name\s*: (.+)", cpuinfo.read_text()) if cpuinfo.exists() else None
    return told[1] if told else platform.machine()


def circumstances(packages: list[str]) -> dict:
    """Return when and on what this process measures, with the versions of `packages`."""
    return {
        "date": date.today().isoformat(),
        "cores": os.cpu_count(),
        "processor": processor(),
        "versions": {"Python": platform.python_version()}
        | {package: installed(package) for package in packages},
    }


def written_by(measured: dict, command: str = "make bench") -> str:
    """Return the sentence that tells `circumstances` above a table that `command` wrote."""
    versions = ", ".join(f"{name} {number}" for name, number in measured["versions"].items())
    return (
        f"Written by `{command}` on {measured['date']}: {measured['cores']} cores "
        f"({measured['processor']}), {versions}."
    )


def spread(values: list[float], digits: int = 1) -> str:
    """Return the median of `values`, with the least and the most of them."""
    middle, least, most = (f"{f(values):.{digits}f}" for f in [median, min, max])
    return middle if len(values) == 1 else f"{middle} ({least} to {most})"


def grown(results: dict, way: str) -> list[dict]:
    """Return the rows of `way`, from the fewest images to all."""
    return [row for row in results["growth"] if row["way"] == way]


def slope(rows: list[dict], column: str) -> float:
    """Return the power of the number of images with which a column grows."""
    images = [row["images"] for row in rows]
    values = [np.median(row[column]) for row in rows]
    return float(np.polyfit(np.log(images), np.log(values), 1)[0])


def as_markdown(results: dict) -> str:
    """Return the tables of `results` as Markdown, with what each column means."""
    rows = results["fits"]
    first = rows[0]
    lines = [
        "# What each fit costs, and what comes out",
        "",
        f"{written_by(results)} C = 50, L1, `tol` = 0.01, raw pixels, {first['images']:,} training "
        "images of MNIST. Seconds and ratios are the median of "
        f"{len(first['seconds'])} turns, with the least and the most.",
        "",
        "| way | seconds | times faster | gradients | peak MiB | epochs | objective | train | test "
        "| zeros |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for row in rows:
        least, most = min(row["epochs"]), max(row["epochs"])
        lines.append(
            f"| {row['way']} | {spread(row['seconds'])} | {spread(ratios(first, row))} "
            f"| {median(row['seconds']) / results['gradient_seconds']:.0f} "
            f"| {row['mebibytes']:.0f} | {least if least == most else f'{least} to {most}'} "
            f"| {row['objective']:,.0f} | {row['train']:.5f} | {row['test']:.4f} "
            f"| {row['zeros']:.1%} |"
        )
    lines += [
        "",
        "The objective is `digits_lr.objective`; for one-vs-rest it is the sum of the ten models' "
        "and not to be compared with the multinomial one. Seconds include the conversion of the "
        "images. Gradients are the seconds in units of "
        f"{results['gradient_seconds']:.3f} s, which one gradient of the loss takes, dense, in "
        "float64, on one thread: one look at all pixels of all images, the least that any way can "
        "do. [scikit-learn's example]"
        "(https://scikit-learn.org/stable/auto_examples/linear_model/"
        "plot_sparse_logistic_regression_mnist.html) is fitted on all training images: "
        "standardised pixels, C = 50 / images, `tol` = 0.1. Of the coefficients "
        f"{results['blank']:.1%} belong to pixels that no training image has ink in; saga leaves "
        "them at zero, whatever the penalty. Memory is that of the whole process with its "
        "children, loading and scoring included, looked at twice a second.",
        "",
        "## How time and memory grow",
        "",
        "![Seconds and memory against the number of images, on logarithmic axes: of the original "
        "and cyanure seconds rise about as fast as the number of images, and memory more slowly; "
        "from lbfgs seconds do not rise](growth.png)",
        "",
        "The slope is the power of the number of images that fits the column best: 1 means that "
        "twice as many images take twice as long. From lbfgs fewer images take no less time, "
        "probably because the fewer there are the better a model can tell them apart, and the "
        "further away lies the minimum.",
        "",
        "| images "
        + "".join(f"| {name.removeprefix('multinomial, ')}: seconds | MiB " for name in GROWING)
        + "|",
        "|--:" * (1 + 2 * len(GROWING)) + "|",
    ]
    growth = [grown(results, name) for name in GROWING]
    for same_images in zip(*growth, strict=True):
        cells = [f"| {spread(row['seconds'])} | {row['mebibytes']:.0f} " for row in same_images]
        lines.append(f"| {same_images[0]['images']:,} " + "".join(cells) + "|")
    if len(growth[0]) > 1:
        cells = [f"| {slope(g, 'seconds'):.2f} | {slope(g, 'mebibytes'):.2f} " for g in growth]
        lines.append("| slope " + "".join(cells) + "|")
    jobs = results["jobs"]
    lines += [
        "",
        "## Ten binary fits, several at a time",
        "",
        f"| way, {jobs[0]['images']:,} images | seconds | times faster |",
        "|---|--:|--:|",
        *(
            f"| {row['way']} | {spread(row['seconds'])} | {spread(ratios(jobs[0], row))} |"
            for row in jobs
        ),
        "",
        "## Beside a busy process",
        "",
        f"How many times longer a fit to {jobs[0]['images']:,} images takes while another process "
        f"keeps a core busy; the benchmark fails above {MOST_SLOWED}.",
        "",
        "| way | times slower |",
        "|---|--:|",
        *(f"| {name} | {ratio:.2f} |" for name, ratio in results["slowed"].items()),
    ]
    return "\n".join(lines) + "\n"


def draw_growth(results: dict):
    """Return the figure of seconds and memory against the number of images."""
    from matplotlib.figure import Figure  # here, or each fit would hold it in memory

    fig = Figure(figsize=(9, 3.6), layout="constrained")
    axs = fig.subplots(1, 2)
    for ax, column, unit in zip(axs, ["seconds", "mebibytes"], ["seconds", "MiB"], strict=True):
        curves = {}
        for name in GROWING:
            rows = grown(results, name)
            label = f"{name.removeprefix('multinomial, ')}: slope {slope(rows, column):.2f}"
            curves[label] = [[f(row[column]) for f in [np.median, np.min, np.max]] for row in rows]
        images = [row["images"] for row in rows]
        dl.plot_curves(
            images,
            curves,
            xlabel="training images",
            ylabel=unit,
            title="",
            xscale="log",
            yscale="log",
            ax=ax,
        )
        ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1), frameon=False)
    return fig


def main() -> None:
    """Measure everything, one after the other, and write all files."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    to_store = parser.add_mutually_exclusive_group()
    to_store.add_argument("--quick", action="store_true", help="500 images only")
    to_store.add_argument("--store", action="store_true", help="write beside this file")
    parser.add_argument("--fit", choices=WAYS, help=argparse.SUPPRESS)
    parser.add_argument("--images", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.fit:
        fit_once(options.fit, options.images)
        return

    folder = ROOT / "benchmarks" if options.store else ROOT / "build"
    n_images, turns, parts = (500, 1, [2]) if options.quick else (60_000, 3, [8, 4, 2])
    # Few images are easily told apart, so that their minimum is far away: the fits to the end, and
    # all beside a busy process, would take minutes.
    ways, slowed = FITS, [*GROWING, JOBS[-1]]
    if options.quick:
        ways, slowed = [name for name in FITS if "tol" not in name], [ORIGINAL]
    fits = measure_all(ways, n_images, turns)
    growth = [row for part in parts for row in measure_all(GROWING, n_images // part, turns)]
    growth += [row for row in fits if row["way"] in GROWING]
    few = n_images // 8
    results = circumstances([*PACKAGES, "cyanure"]) | {
        "gradient_seconds": measure_gradient(),
        "blank": float(np.mean(load()[0].max(axis=0) == 0)),
        "fits": fits,
        "growth": growth,
        "jobs": measure_all(JOBS, few, turns),
        "slowed": measure_slowed(slowed, few),
    }
    folder.mkdir(exist_ok=True)
    (folder / "results.json").write_text(json.dumps(results, indent=1) + "\n")
    (folder / "results.md").write_text(as_markdown(results))
    draw_growth(results).savefig(folder / "growth.png", dpi=110, metadata={"Software": None})
    most = max(results["slowed"].values())
    if most > MOST_SLOWED and not options.quick:
        sys.exit(f"a busy process slows a fit down {most:.2f} times, more than {MOST_SLOWED}")


if __name__ == "__main__":
    main()
