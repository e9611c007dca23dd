"""A fit in another process, which shows what it prints and can be killed: the caller's end."""

import atexit
import contextlib
import os
import pickle
import selectors
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import sklearn
from joblib.parallel import get_active_backend

from digits_lr._threads import backend_is_the_callers
from digits_lr.fitting._child import BEGIN, END, changed_by_fit
from digits_lr.fitting._messages import Message, pack, receive, send, unpack

_TICK = 0.5  # seconds after which a clock should move, though nothing was printed
_SERVE = "from digits_lr.fitting import _child; _child.serve()"


class NotCarriedError(Exception):
    """A fit that cannot be carried to another process as it is, or no process is to be had."""


def fit_in_child(
    model: Any, X: Any, y: Any, start: str | None, show: Callable[[str], None]
) -> None:
    """Fit `model` in the child; `show` each line that it prints, and an empty one at each tick."""
    try:
        # The model, its steps and their parameters are the caller's objects after the fit too.
        objects = [model, *model.get_params(deep=True).values()]
        task = pack((_settings(objects), objects, X, y, start))
        child = _take_child()
    except Exception as error:  # of whatever kind: to pickle is to run anybody's code
        raise NotCarriedError from error
    try:
        answer = child.ask(task, show)
    except BaseException:
        child.end()
        raise
    _keep(child)
    try:
        raised, states, random_states, caught = unpack(answer, objects)
    except Exception as error:  # some errors can be pickled, and not unpickled
        raise NotCarriedError from error
    estimators, generators = changed_by_fit(objects)
    for estimator, state in zip(estimators, states, strict=True):
        estimator.__dict__ = state
    for generator, state in zip(generators, random_states, strict=True):
        generator.set_state(state)
    _warn_again(caught)
    if raised:
        raise raised


def _settings(objects: list[Any]) -> tuple[Any, ...]:
    """Return what a fit depends on beside its arguments, or raise if that cannot be carried."""
    config, random_state = sklearn.get_config(), np.random.get_state(legacy=False)  # noqa: NPY002
    if (
        config["array_api_dispatch"]
        or random_state["bit_generator"] != "MT19937"  # by np.random.set_bit_generator
        or backend_is_the_callers()
        # The user's callbacks, which should be called here. scikit-learn has no public name for
        # them: when `test_the_users_callbacks_are_called_here` fails, it has another.
        or any(getattr(one, "_skl_callbacks", None) for one in objects)
    ):
        raise NotCarriedError
    n_jobs = get_active_backend()[1]
    return Path.cwd(), config, n_jobs, np.geterr(), list(warnings.filters), random_state


def _warn_again(caught: list[tuple[Any, ...]]) -> None:
    """Give the warnings of the child as from where they arose, through the caller's filters."""
    modules = _modules_by_file()
    for message, category, filename, line in caught:
        names = modules.get(filename, {})
        name, registry = names.get("__name__"), names.setdefault("__warningregistry__", {})
        warnings.warn_explicit(message, category, filename, line, name, registry)


def _modules_by_file() -> dict[str, dict[str, Any]]:
    """Return the namespace of each imported module, by its file."""
    # Some lazy modules import something when they are asked for an attribute.
    modules = [vars(one) for one in [*sys.modules.values()] if isinstance(one, ModuleType)]
    return {names["__file__"]: names for names in modules if names.get("__file__")}


class _Child:
    """A process that fits, for as long as this one lives."""

    def __init__(self) -> None:
        self.started = time.time()
        self.sender: threading.Thread | None = None
        self.process = subprocess.Popen(
            # -u, or C's printf holds lines back; -P, or modules here could shadow the child's.
            [sys.executable, "-u", "-P", "-c", _SERVE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,  # so that Ctrl-C at a terminal does not reach it
        )

    def is_alive_and_up_to_date(self) -> bool:
        """Tell whether the child can fit, by the modules as they are now."""
        if self.process.poll() is not None:
            return False
        for file in _modules_by_file():
            with contextlib.suppress(OSError):  # it is there no more, or in an archive
                if os.stat(file).st_mtime >= self.started:  # noqa: PTH116 (a Path is slow)
                    return False
        return True

    def ask(self, task: Message, show: Callable[[str], None]) -> Message:
        """Send `task`, `show` the lines that come, and return the answer."""
        # By a thread: if the child prints much while it starts, neither waits for the other.
        sender = threading.Thread(target=self.send, args=[task], daemon=True)
        sender.start()
        self.sender = sender  # once it runs, as `end` cannot join a thread that never did
        has_begun, last_lines = False, deque[str](maxlen=20)
        for line in self.lines():
            if line == END:
                with contextlib.suppress(EOFError, pickle.UnpicklingError):
                    return receive(self.process.stdout)
                break  # it died before it had sent all
            if line == BEGIN:
                has_begun = True
            elif line.strip():
                last_lines.append(line)
            show(line)
        if not has_begun:
            raise NotCarriedError
        raise RuntimeError(
            f"the fitting process died with exit code {self.process.wait()}"
            f" (-9 is often a lack of memory); it last said:\n{''.join(last_lines)}"
        )

    def send(self, task: Message) -> None:
        """Send `task`; if the child died, whoever reads its lines will notice."""
        with contextlib.suppress(OSError):
            send(self.process.stdin, task)

    def lines(self) -> Iterator[str]:
        """Yield each line that the child prints, and an empty one when none came for a while."""
        rest, pipe = b"", self.process.stderr.fileno()  # type: ignore[union-attr] # a pipe it is
        with selectors.DefaultSelector() as selector:
            selector.register(pipe, selectors.EVENT_READ)
            while True:
                if not selector.select(_TICK):
                    if self.process.poll() is not None:
                        break  # what it started lives on, and holds the other end
                    yield ""
                elif chunk := os.read(pipe, 1 << 16):
                    *whole, rest = (rest + chunk).split(b"\n")
                    yield from (line.decode(errors="replace") + "\n" for line in whole)
                else:
                    break
        yield rest.decode(errors="replace") + "\n"  # it was cut off

    def __del__(self) -> None:
        # An interrupt may come before a fit holds it: it ends when its caller's pipes are closed.
        if hasattr(self, "process"):
            self.close_pipes()

    def end(self) -> None:
        """Kill the child, with the processes that it may have started, and let go of its pipes."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        if self.sender:
            self.sender.join()
        self.close_pipes()

    def close_pipes(self) -> None:
        """Let go of the child, which ends when its caller does."""
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            with contextlib.suppress(OSError):  # what was written, and not yet sent
                pipe.close()  # type: ignore[union-attr]


_waiting: list[_Child] = []  # for the next fit: at most one


def _take_child() -> _Child:
    """Return the child that waits, or a new one; no two threads get the same."""
    while True:
        try:
            child = _waiting.pop()
        except IndexError:
            return _Child()
        if child.is_alive_and_up_to_date():
            return child
        child.end()


def _keep(child: _Child) -> None:
    if _waiting:  # fits in several threads have a child each
        child.end()
    else:
        _waiting.append(child)


@atexit.register
def end_waiting() -> None:
    """End the child that waits for the next fit."""
    while _waiting:
        _waiting.pop().end()


os.register_at_fork(after_in_child=_waiting.clear)  # a copy would talk to the same child
