"""How many threads are used: one of BLAS's, and those of joblib that share its memory."""

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

import joblib
from joblib.parallel import get_active_backend
from threadpoolctl import threadpool_limits

_lock = threading.Lock()
_limit: Any = None  # threadpoolctl's, set by the first of the uses that overlap
_under_limit = 0


@contextlib.contextmanager
def one_blas_thread() -> Iterator[None]:
    """Let BLAS use one thread until the last of the uses that overlap is over."""
    global _limit, _under_limit
    with _lock:
        if not _under_limit:
            _limit = threadpool_limits(1, user_api="blas")
        _under_limit += 1
    try:
        yield
    finally:
        with _lock:
            _under_limit -= 1
            if not _under_limit:
                _limit.restore_original_limits()


def backend_is_the_callers() -> bool:
    """Tell whether the caller has made a joblib backend active, instead of joblib's default."""
    # joblib's default follows the preference, a backend of the caller's does not.
    threads, processes = (get_active_backend(prefer=kind)[0] for kind in ["threads", "processes"])
    return type(threads) is type(processes)


def classes_in_threads(solver: str) -> contextlib.AbstractContextManager[Any]:
    """Let the classes of one-vs-rest be fitted by threads, unless the caller chose a backend."""
    # Threads share one copy of X, where joblib's default would give each process its own. In
    # liblinear they would share one random generator too, and coefficients differ from fit to fit:
    # https://github.com/scikit-learn/scikit-learn/issues/31883
    if backend_is_the_callers():
        return contextlib.nullcontext()
    return joblib.parallel_config("sequential" if solver == "liblinear" else "threading")
