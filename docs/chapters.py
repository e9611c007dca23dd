"""Execute chapters, or compare them by pytest; those alone that changed since they passed here.

That a chapter passed is said by an empty file in ``build/passed``, made last, with a hash in its
name of its code, its outputs and all that they come from. So a sentence of its prose is no change,
nor is an old file that git brings back; another processor, version, kernel of OpenBLAS or number
of threads is one.
"""

import ast
import hashlib
import os
import re
import subprocess
import sys
import sysconfig
from functools import cache
from importlib.util import find_spec
from multiprocessing.pool import ThreadPool
from pathlib import Path

import nbformat
import numpy as np
import pytest
import scipy.linalg  # noqa: F401 (which has an OpenBLAS of its own, beside NumPy's)
from threadpoolctl import threadpool_info

PASSED, EXECUTED = Path("build/passed"), Path("build/notebooks")
RULES = ["Makefile", "conftest.py", "docs/chapters.py", "notebooks/nbconvert_config.py"]
AGAIN = {"executed": "make notebooks FORCE=1", "compared": "make test FORCE=1"}
VARIABLES = ("GLIBC_", "NPY_", "OMP_", "OPENBLAS_")


def without_prose(path: Path) -> nbformat.NotebookNode:
    """Return a notebook without its prose, from which no output comes."""
    notebook = nbformat.read(path, as_version=4)
    notebook.cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    return notebook


def stamp(purpose: str, path: Path) -> Path:
    """Return the file that is there if the notebook has passed, with everything as it is."""
    notebook = without_prose(path)
    code = "\n".join(cell.source for cell in notebook.cells)
    tables = [Path("notebooks", name) for name in re.findall(r"[\w./-]+\.(?:csv|json)\b", code)]
    files = [*map(Path, RULES), *(table for table in tables if table.exists())]
    parts = [nbformat.writes(notebook), *(file.read_text() for file in files)]
    parts.append(repr((helpers(code), machine())))
    digest = hashlib.sha256(repr(parts).encode()).hexdigest()
    return PASSED / f"{path.stem}-{purpose}-{digest}"


def machine() -> tuple:
    """Return what computes: Python, what is installed, BLAS with its kernels and threads."""
    return (
        sys.version,
        sorted(path.name for path in Path(sysconfig.get_path("purelib")).glob("*.dist-info")),
        sorted(repr(library) for library in threadpool_info() if library["user_api"] == "blas"),
        np.show_config(mode="dicts")["SIMD Extensions"],
        sorted(item for item in os.environ.items() if item[0].startswith(VARIABLES)),
    )


def helpers(code: str) -> list[tuple[str, str]]:
    """Return the modules of digits_lr that code uses, and what they execute.

    A module is used where its name stands, or that of a function or class in it, be it in a
    string: that may be one too many and is never one too few.
    """
    package = Path(find_spec("digits_lr").origin).parent
    modules = {path: executed(path.read_text()) for path in package.rglob("*.py")}
    used = {path for path in modules if path.stem == "__init__"}
    names = {
        path: {path.stem, *re.findall(r"^(?:def|class) (\w+)", modules[path], re.MULTILINE)}
        for path in modules.keys() - used
    }
    texts = [code]
    while texts:
        words = set(re.findall(r"\w+", texts.pop()))
        new = {path for path in names if names[path] & words} - used
        used |= new
        texts += [modules[path] for path in new]
    return [(str(path.relative_to(package)), modules[path]) for path in sorted(used)]


@cache
def executed(source: str) -> str:
    """Return the source of a module without comments and docstrings, which no output shows."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
        if isinstance(node, documented) and ast.get_docstring(node) is not None:
            node.body[0] = ast.Pass()
    return ast.unparse(tree)


def left(purpose: str, notebooks: list[Path]) -> list[Path]:
    """Return the notebooks that have not passed, those first that take longest; name the others."""
    if os.environ.get("FORCE"):
        passed = []
    else:
        passed = [path for path in notebooks if stamp(purpose, path).exists()]
    for path in passed:
        print(f"{path} is as it was when {purpose}. All the same: {AGAIN[purpose]}")
    return sorted({*notebooks} - {*passed}, reverse=True)


def execute(notebook: Path) -> bool:
    """Execute a notebook into `EXECUTED`; return whether no cell failed."""
    begun = stamp("executed", notebook)
    command = [sys.executable, "-m", "nbconvert", "--config", "notebooks/nbconvert_config.py"]
    command += ["--to=notebook", "--execute", f"--output-dir={EXECUTED}", notebook]
    passed = subprocess.run(command).returncode == 0
    if passed and stamp("executed", notebook) == begun:  # nothing changed meanwhile
        stamp("executed", EXECUTED / notebook.name).touch()
    return passed


class Comparison:
    """A plugin of pytest that notes which notebooks nbval finds equal."""

    def __init__(self, notebooks: list[Path]) -> None:
        self.begun = {path: stamp("compared", path) for path in notebooks}
        self.cells = {
            path: {f"{path}::Cell {number}" for number in range(len(without_prose(path).cells))}
            for path in notebooks
        }

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note a notebook after the last of its cells."""
        path = Path(report.nodeid.partition("::")[0])
        if path in self.cells and report.when == "call" and report.passed:
            self.cells[path].discard(report.nodeid)
            if not self.cells[path] and stamp("compared", path) == self.begun[path]:
                self.begun[path].touch()


def main(purpose: str, *args: str) -> int:
    """Execute notebooks in place, or compare them in a run of pytest with these arguments."""
    PASSED.mkdir(parents=True, exist_ok=True)
    notebooks = left(purpose, [Path(arg) for arg in args if arg.endswith(".ipynb")])
    others = [arg for arg in args if not arg.endswith(".ipynb")]
    if purpose == "compared":
        return pytest.main([*map(str, notebooks), *others], plugins=[Comparison(notebooks)])
    with ThreadPool(int(others[0])) as pool:
        all_passed = all(pool.map(execute, notebooks, chunksize=1))
    if all_passed:  # a cell that fails changes no notebook, and nobody reads half a file
        for path in notebooks:
            (EXECUTED / path.name).replace(path)
    return not all_passed


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
