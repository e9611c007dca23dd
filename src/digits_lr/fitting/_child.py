"""A fit in a process of its own: both ends of it, the caller's and the child's.

The child is started with this file as its script and a folder as its argument. In the folder it
finds ``task``, what to give to `fit_here`, and leaves ``result``, the fitted model or what it
raised.
"""

import contextlib
import copy
import os
import select
import shutil
import subprocess
import sys
import threading
import traceback
import warnings
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import joblib
import numpy as np
from joblib.parallel import get_active_backend
from sklearn.base import BaseEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.utils import check_random_state
from threadpoolctl import threadpool_limits

from digits_lr.fitting._start import announce_iterations, fit_from_lbfgs

_TICK = 0.5  # seconds after which a clock should move, though nothing was said
_GENERATOR = check_random_state(None)  # what `random_state=None` draws from


def callers_workers() -> bool:
    """Tell whether the caller has made a joblib backend active, instead of joblib's default."""
    # joblib's default follows the preference, a backend of the caller's does not.
    workers = [get_active_backend(prefer=kind)[0] for kind in ["threads", "processes"]]
    return type(workers[0]) is type(workers[1])


def fit_here(model: BaseEstimator, X: Any, y: Any, start: str | None) -> BaseEstimator:
    """Fit a copy of `model` in this process and return it."""
    model = copy.copy(model)
    # Threads share one copy of X, where joblib's default would give each process its own; and in
    # liblinear one random generator, so its coefficients would differ from fit to fit:
    # https://github.com/scikit-learn/scikit-learn/issues/31883
    solver = getattr(model, "estimator", model).solver
    ours = "sequential" if solver == "liblinear" else "threading"
    workers = contextlib.nullcontext() if callers_workers() else joblib.parallel_config(ours)
    with workers, threadpool_limits(1, user_api="blas"):
        if start:
            fit_from_lbfgs(model, X, y)
            return model
        return model.fit(X, y)


def fit_in_child(
    model: BaseEstimator, X: Any, y: Any, start: str | None, show: Callable[[str], None]
) -> tuple[BaseEstimator, list[Warning]]:
    """Fit in a child process; `show` each line that it prints, and an empty one at each tick.

    Return the fitted model and the warnings that scikit-learn gave.
    """
    with TemporaryDirectory(prefix="digits_lr-") as folder:
        task, result = Path(folder, "task"), Path(folder, "result")
        joblib.dump((_GENERATOR.get_state(), model, X, y, start), task)
        said: deque[str] = deque(maxlen=20)
        with subprocess.Popen(
            # -u, or C's printf holds lines back; -P, or modules here could shadow the child's.
            [sys.executable, "-u", "-P", __file__, folder],
            stdin=subprocess.PIPE,  # never written to: it closes when this process is gone
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # a kill of this process's group spares it, to tidy up
        ) as child:
            assert child.stdout  # a pipe, as asked for
            try:
                for line in _lines(child.stdout.fileno()):
                    if line:
                        said.append(line)
                    show(line)
            except BaseException:
                child.kill()
                child.wait()
                raise
        if not result.exists():
            raise RuntimeError(
                f"the fitting process died with exit code {child.returncode}"
                f" (-9 is often a lack of memory); it last said:\n{''.join(said)}"
            )
        outcome, caught, random_state = joblib.load(result)
    _GENERATOR.set_state(random_state)  # as if the fit had drawn from it here
    if isinstance(outcome, Exception):
        raise outcome
    own, theirs = (getattr(some, "estimator", some).random_state for some in (model, outcome))
    if isinstance(own, np.random.RandomState):
        own.set_state(theirs.get_state())
    return outcome, caught


def _lines(pipe: int) -> Iterator[str]:
    """Yield each line that comes through `pipe`, and an empty one when none came for a while."""
    rest = b""
    while True:
        if not select.select([pipe], [], [], _TICK)[0]:
            yield ""
        elif chunk := os.read(pipe, 1 << 16):
            *whole, rest = (rest + chunk).split(b"\n")
            for line in whole:
                yield line.decode(errors="replace") + "\n"
        else:
            break
    if rest:  # it was cut off
        yield rest.decode(errors="replace") + "\n"


def _main(folder: Path) -> None:
    threading.Thread(target=_follow_parent, args=[folder], daemon=True).start()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")  # the caller's filters decide
        try:
            # Memory-mapped: the arrays are read in place, not copied into this process.
            random_state, *task = joblib.load(folder / "task", mmap_mode="r")
            _GENERATOR.set_state(random_state)
            outcome = _fit_aloud(*task)
        except Exception as error:
            error.add_note("In the fitting process:\n" + traceback.format_exc())
            outcome = error
    part = folder / "part"  # half a result never gets the good name
    joblib.dump((outcome, [warning.message for warning in caught], _GENERATOR.get_state()), part)
    part.replace(folder / "result")


def _fit_aloud(model: BaseEstimator, X: Any, y: Any, start: str | None) -> BaseEstimator:
    """Fit `model`, with all that its solver can say of how far it is."""
    one = getattr(model, "estimator", model)
    asked, one.verbose = one.verbose, int(one.solver in {"sag", "saga"})
    announce_iterations(one)
    print(f"fitting by {one.solver}")
    model = fit_here(model, X, y, start)
    for fitted in [one, model, *getattr(model, "estimators_", [])]:
        if isinstance(fitted, LogisticRegression):
            fitted.verbose = asked
            vars(fitted).pop("_skl_callbacks", None)
    return model


def _follow_parent(folder: Path) -> None:
    """Tidy up and exit as soon as the parent, which holds the other end of stdin, is gone."""
    os.read(sys.stdin.fileno(), 1)  # nothing ever comes: it returns at the end of the file
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(1)


if __name__ == "__main__":
    _main(Path(sys.argv[1]))
