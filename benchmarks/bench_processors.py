"""The notebooks' outputs under other processors: what passes nbval, and by how much it drifts.

``make test-processors`` runs it (about half an hour) and writes ``processors.md`` into ``build/``;
with ``ARGS=--store`` beside this file. It fails when nbval does. A processor is stood in for by
environment variables that choose what the libraries run: OpenBLAS its kernel, NumPy its loops, the
C library its functions. The kernel process itself says which it took, and the page quotes it.
"""

import argparse
import importlib.util
import multiprocessing
import os
import re
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import nbformat
import numpy as np
import pytest
from bench_fits import ROOT, circumstances, written_by
from nbclient import execute
from nbformat import NotebookNode
from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__

PACKAGES = ["scikit-learn", "numpy", "scipy", "matplotlib"]
# NumPy warns when told to leave out what the machine does not have.
HERE = [name for name in __cpu_dispatch__ if __cpu_features__[name]]
BASELINE = {"NPY_DISABLE_CPU_FEATURES": " ".join(HERE)}
NO_FMA = {"GLIBC_TUNABLES": "glibc.cpu.hwcaps=-FMA,-FMA4,-AVX2"}


def kernel(name: str) -> dict[str, str]:
    """Return what makes OpenBLAS take the kernel of a processor."""
    return {"OPENBLAS_CORETYPE": name}


def threads(n: int) -> dict[str, str]:
    """Return what makes OpenBLAS and OpenMP use `n` threads."""
    return dict.fromkeys(["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"], str(n))


# The OpenBLAS in NumPy's and SciPy's wheels for x86 has these five kernels.
CIRCUMSTANCES = {
    "all of a processor of 2008, 1 thread": kernel("Nehalem") | BASELINE | NO_FMA | threads(1),
    "OpenBLAS for Prescott (2004)": kernel("Prescott"),
    "OpenBLAS for Sandy Bridge (2011)": kernel("Sandybridge"),
    "OpenBLAS for Haswell (2013) and Zen": kernel("Haswell"),
    "OpenBLAS for Skylake-X (2017), 2 threads": kernel("SkylakeX") | threads(2),
    "NumPy without dispatched features": BASELINE,
    "C library without FMA and AVX2": NO_FMA,
    "8 threads": threads(8),
    "OpenBLAS for Nehalem (2008)": kernel("Nehalem"),
    "1 thread": threads(1),
}

# What is run of each notebook: the last cell, and what is put for what in which cells.
NOTEBOOKS = {
    "01_digits_l2_saga": (None, {}),
    "02_mnist_l1_saga": (
        None,
        {
            "split-call": (
                "X_train, X_test = (csr",
                "X_train, y_train = X_train[:6_000], y_train[:6_000]\nX_train, X_test = (csr",
            ),
            "stopping": ("slice(50_000), slice(50_000, None)", "slice(5_000), slice(5_000, None)"),
            "knn": ("rows[:60_000], labels[:60_000]", "rows[:6_000], labels[:6_000]"),
        },
    ),
    "03_mnist_features": ("strokes", {}),
}

# The first cell of each. OpenBLAS by itself starts no more threads than there are cores. The last
# bit of that power of e shows whether the C library multiplies and adds in one step.
PROBE = """
import json, math, os
import scipy.linalg
from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__
from threadpoolctl import threadpool_info, threadpool_limits

if "OMP_NUM_THREADS" in os.environ:
    threadpool_limits(int(os.environ["OMP_NUM_THREADS"]))
blas = {f"{one['architecture']}, threads: {one['num_threads']}"
        for one in threadpool_info() if one["internal_api"] == "openblas"}
features = [name for name in __cpu_dispatch__ if __cpu_features__[name]]
fma = math.exp(3.625) == float.fromhex("0x1.2c32a20e4f855p+5")
print(*sorted(blas), "NumPy " + (" ".join(features) or "baseline"), sep="; ", end="; ")
print("FMA" if fma else "no FMA")
"""

# A number, with its thousands set apart by commas or not.
NUMBER = re.compile(r"-?\d+(?:,\d{3})*(?:\.\d*)?(?:e[-+]?\d+)?")


def picture_guard():
    """Return the notebooks' conftest, which compares pictures, as a module."""
    spec = importlib.util.spec_from_file_location("pictures", ROOT / "notebooks" / "conftest.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def shorten(notebook: NotebookNode, last: str | None, changes: dict) -> NotebookNode:
    """Return the notebook up to its cell `last`, with `changes` made and the probe in front."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    if last:
        cells = cells[: [cell.id for cell in cells].index(last) + 1]
    for cell in cells:
        old, new = changes.get(cell.id, ("", ""))
        if old not in cell.source:
            raise ValueError(f"cell {cell.id!r} does not hold {old!r}, which is to be replaced")
        cell.source = cell.source.replace(old, new)
    # nbval compares no output of a cell that has no number.
    probe = nbformat.v4.new_code_cell(PROBE, id="probe")
    return nbformat.v4.new_notebook(cells=[probe, *cells], metadata=notebook.metadata)


def prepare(name: str, folder: Path) -> Path:
    """Write what is run of a notebook into `folder`; return the file."""
    whole = nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", as_version=4)
    short = shorten(whole, *NOTEBOOKS[name])
    if NOTEBOOKS[name][1]:  # what is stored is of other cells; let these give theirs
        probe = short.cells[0]
        execute(short, cwd=folder, kernel_name="python3", timeout=3600)
        probe.update(execution_count=None, outputs=[])
    nbformat.write(short, folder / f"{name}.ipynb")
    return folder / f"{name}.ipynb"


class Recorder:
    """A plugin of pytest that keeps each cell's stored outputs, its new ones and the verdict."""

    def __init__(self) -> None:
        self.cells = []

    def pytest_runtest_makereport(self, item, call):
        """Take what nbval has left in its item."""
        if call.when == "call":
            passed = call.excinfo is None
            self.cells.append((item.cell.id, item.cell.outputs, item.test_outputs or [], passed))


def run(path: Path, variables: dict[str, str]) -> dict:
    """Run nbval on a prepared notebook, in a kernel with these environment variables."""
    os.environ.update(variables)
    recorder, pictures = Recorder(), picture_guard()
    # pytest would rewrite nbval's own asserts, and warns that it is imported already.
    options = ["--nbval", "--nbval-current-env", "-q", "-p", "no:cacheprovider", "--assert=plain"]
    code = pytest.main([*options, str(path)], plugins=[pictures, recorder])
    n_cells = len(nbformat.read(path, as_version=4).cells)
    if code > pytest.ExitCode.TESTS_FAILED or len(recorder.cells) != n_cells:
        raise RuntimeError(f"nbval ran {len(recorder.cells)} of {n_cells} cells of {path}")
    _, _, said, _ = recorder.cells[0]
    return {"kernel": texts(said).strip()} | drift(recorder.cells, pictures.Picture)


def run_all(paths: list[Path], variables: dict[str, str]) -> list[dict]:
    """Do the same for several, side by side, each in a process to which the variables are left."""
    n_jobs, spawn = min(len(paths), os.cpu_count()), multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(n_jobs, mp_context=spawn, max_tasks_per_child=1) as pool:
        return list(pool.map(run, paths, [variables] * len(paths)))


def drift(cells: list, picture: type) -> dict:
    """Return the cells that failed, all numbers that changed, and by how much pictures did."""
    found = {"failed": [], "numbers": [], "levels": 0, "share": 0.0}
    for name, stored, new, passed in cells:
        if not passed:
            found["failed"].append(name)
        old, now = NUMBER.findall(texts(stored)), NUMBER.findall(texts(new))
        if len(old) == len(now):
            changed = [(name, *pair) for pair in zip(old, now, strict=True) if len({*pair}) > 1]
            found["numbers"] += changed
        for before, after in zip(pngs(stored), pngs(new), strict=False):
            levels = picture(before).levels(picture(after))
            found["levels"] = max(found["levels"], int(levels.max()))
            found["share"] = max(found["share"], float(np.mean(levels > 0)))
    return found


def texts(outputs: list[NotebookNode]) -> str:
    """Return all that the outputs say."""
    return "\n".join(
        output.get("text") or output.get("data", {}).get("text/plain", "") for output in outputs
    )


def pngs(outputs: list[NotebookNode]) -> Iterator[str]:
    """Yield the outputs' pictures."""
    for output in outputs:
        if png := output.get("data", {}).get("image/png"):
            yield png


def relative(old: str, new: str) -> float:
    """Return by which share of the larger one two printed numbers differ."""
    old, new = (float(number.replace(",", "")) for number in (old, new))
    return abs(old - new) / (max(abs(old), abs(new)) or 1)


def in_words(found: dict) -> str:
    """Return a cell of the table."""
    words = []
    if found["failed"]:
        words.append("**failed**: " + ", ".join(found["failed"]))
    if found["numbers"]:
        name, old, new = max(found["numbers"], key=lambda one: relative(*one[1:]))
        words.append(f"{old} → {new} in {name} ({relative(old, new):.2%})")
    if found["levels"]:
        words.append(f"pictures {found['levels']} levels, {found['share']:.4%}")
    return "; ".join(words) or "equal"


def as_markdown(rows: dict[str, list[dict]]) -> str:
    """Return the page: what was tried, the table, and each number that drifted."""
    runs = [run for row in rows.values() for run in row]
    passed = sum(not run["failed"] for run in runs)
    levels, share = (max(run[key] for run in runs) for key in ["levels", "share"])
    changed = [
        f"- {name}, {notebook}, `{cell}`: {old} → {new}"
        for name, row in rows.items()
        for notebook, found in zip(NOTEBOOKS, row, strict=True)
        for cell, old, new in dict.fromkeys(found["numbers"])
    ]
    lines = [
        "# The same outputs on other processors",
        "",
        written_by(circumstances(PACKAGES), "make test-processors"),
        "",
        f"{passed} of {len(runs)} runs passed nbval, which compares every text exactly, and "
        f"pictures as eyes do. Printed numbers that changed: {len(changed)}. A picture changed by "
        f"at most {levels} of 255 levels, in at most {share:.3%} of its pixels.",
        "",
        "A processor is stood in for by environment variables, which make OpenBLAS, NumPy and the "
        "C library run what they would run on it. The second column is what the process of the "
        "notebook then said: OpenBLAS's kernel (it calls Prescott's Katmai) and threads, the "
        "features that NumPy dispatches to, and whether the C library's powers of e multiply and "
        "add in one step (FMA). Chapter 3 and `digits_lr.fit` keep to one BLAS thread all the "
        "same.",
        "",
        "Chapter 1 was run whole. Chapter 2 would take too long: all its cells were run, but "
        "fitted to the first 6,000 training images (5,000 where it holds some out), and compared "
        "with what they give when no variable is set. Chapter 3 was run up to its first model of "
        "strokes, on all its images.",
        "",
        "| what was set | what the process said | chapter 1 | 2, fewer images | 3, up to strokes |",
        "|---|---|---|---|---|",
    ]
    for name, row in rows.items():
        lines.append(f"| {' | '.join([name, row[0]['kernel'], *map(in_words, row)])} |")
    lines += [
        "",
        "*Equal*: every text and every pixel is the same. Else there are the cells that failed, "
        "the printed number that changed by the largest share of itself, and by how much pictures "
        "changed.",
    ]
    if changed:
        lines += ["", "## Each number that changed", "", *changed]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Run each notebook under each circumstance, and write the page after each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--store", action="store_true", help="write beside this file")
    folder = ROOT / "benchmarks" if parser.parse_args().store else ROOT / "build"
    copies = ROOT / "build" / "processors"
    copies.mkdir(parents=True, exist_ok=True)
    paths = [prepare(name, copies) for name in NOTEBOOKS]
    rows = {}
    for name, variables in CIRCUMSTANCES.items():
        print(f"{name}: {variables}", flush=True)
        rows[name] = run_all(paths, variables)
        (folder / "processors.md").write_text(as_markdown(rows))
    sys.exit(any(run["failed"] for row in rows.values() for run in row))


if __name__ == "__main__":
    main()
