"""A fit in a process of its own: both ends of it, the caller's and the child's.

The child is started with this file as its script and a folder as its argument. In the folder it
finds ``task``, what to give to `fit`, and leaves ``result``, the fitted model or what it raised.
"""

import os
import shutil
import subprocess
import sys
import threading
import traceback
import warnings
from collections import deque
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import joblib
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.base import BaseEstimator
from sklearn.utils import check_array


def fit(
    model: BaseEstimator, X: NDArray | csr_matrix, y: NDArray, start: Callable | None = None
) -> tuple[BaseEstimator, list[Warning]]:
    """Fit `model` here; return it with the warnings that scikit-learn gave.

    ``start(model, X, y)`` comes first, and gives `model` the coefficients to start from.
    """
    # saga works on floats. Converted once here, not once in every worker of one-vs-rest.
    X = check_array(X, accept_sparse="csr", dtype=[np.float64, np.float32], order="C")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        if start:
            start(model, X, y)
        model.fit(X, y)
    return model, [warning.message for warning in caught]


def fit_in_child(
    model: BaseEstimator,
    X: NDArray | csr_matrix,
    y: NDArray,
    show: Callable[[str], None],
    start: Callable | None = None,
) -> tuple[BaseEstimator, list[Warning]]:
    """Do what `fit` does in a child process, and `show` each line that it prints."""
    with TemporaryDirectory(prefix="digits_lr-") as folder:
        task, result = Path(folder, "task"), Path(folder, "result")
        joblib.dump((model, X, y, start), task)
        last_lines = deque(maxlen=20)
        with subprocess.Popen(
            # -u, or C's printf holds lines back; -P, or modules here could shadow the child's.
            [sys.executable, "-u", "-P", __file__, folder],
            stdin=subprocess.PIPE,  # never written to: it closes when this process is gone
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,  # a kill of this process's group spares it, to tidy up
        ) as child:
            try:
                for line in child.stdout:
                    last_lines.append(line)
                    show(line)
            except BaseException:
                child.kill()
                child.wait()
                raise
        if not result.exists():
            raise RuntimeError(
                f"the fitting process died with exit code {child.returncode}"
                f" (-9 is often a lack of memory); it last said:\n{''.join(last_lines)}"
            )
        outcome = joblib.load(result)
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


def _main(folder: Path) -> None:
    threading.Thread(target=_follow_parent, args=[folder], daemon=True).start()
    try:
        # Memory-mapped: the arrays are read in place, not copied into this process.
        task = joblib.load(folder / "task", mmap_mode="r")
        with joblib.parallel_config("threading"):  # threads share that one copy
            result = fit(*task)
    except Exception as error:
        error.add_note("In the fitting process:\n" + traceback.format_exc())
        result = error
    joblib.dump(result, folder / "result")


def _follow_parent(folder: Path) -> None:
    """Tidy up and exit as soon as the parent, which holds the other end of stdin, is gone."""
    os.read(sys.stdin.fileno(), 1)  # nothing ever comes: it returns at the end of the file
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(1)


if __name__ == "__main__":
    _main(Path(sys.argv[1]))
