"""A fit in a process of its own: both ends of it, the caller's and the child's.

One child waits for the next fit. A fit is sent through its stdin and comes back through its stdout;
what is printed meanwhile, by C too, comes line by line through its stderr.
"""

import atexit
import contextlib
import io
import os
import pickle
import queue
import selectors
import signal
import subprocess
import sys
import threading
import traceback
import warnings
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, BinaryIO

import joblib
import numpy as np
import sklearn
from joblib.parallel import get_active_backend

from digits_lr.fitting._bar import tell_solver, telling_progress
from digits_lr.fitting._here import fit_here
from digits_lr.fitting._threads import backend_is_the_callers

_TICK = 0.5  # seconds after which a clock should move, though nothing was printed
_BEGIN, _END = "the fit begins\n", "the fit is over\n"
_SERVE = "from digits_lr.fitting import _process; _process.serve()"

_Message = list[bytes | bytearray | memoryview]  # a pickle, and the arrays that it refers to


class NotCarriedError(Exception):
    """A fit that cannot be carried to another process as it is, or no process is to be had."""


# The caller's end


def fit_in_child(
    model: Any, X: Any, y: Any, start: str | None, show: Callable[[str], None]
) -> None:
    """Fit `model` in the child; `show` each line that it prints, and an empty one at each tick."""
    try:
        own = _own_objects(model)
        task = _pack((_surroundings_of_fit(own), own, X, y, start))
        child = _take_child()
    except Exception as error:  # of whatever kind: pickling runs anybody's code
        raise NotCarriedError from error
    try:
        answer = child.ask(task, show)
    except BaseException:
        child.end()
        raise
    _keep(child)
    try:
        raised, states, random_states, caught = _unpack(answer, own)
    except Exception as error:  # some errors can be pickled, and not unpickled
        raise NotCarriedError from error
    estimators, generators = _estimators_and_generators(own)
    for estimator, state in zip(estimators, states, strict=True):
        estimator.__dict__ = state
    for generator, state in zip(generators, random_states, strict=True):
        generator.set_state(state)
    _warn_again(caught)
    if raised:
        raise raised


def _own_objects(model: Any) -> list[Any]:
    """Return `model`, its steps and their parameters, which are the caller's after the fit too."""
    parameters = model.get_params(deep=True).values()
    # Not the lists of steps, in which a fit may replace some.
    return [model, *(one for one in parameters if not isinstance(one, list))]


def _estimators_and_generators(own: list[Any]) -> tuple[list[Any], list[Any]]:
    """Return what has a state to bring back: the estimators, and NumPy's generators."""
    estimators = [one for one in own if hasattr(one, "get_params") and not isinstance(one, type)]
    # NumPy's global one first: it may also be a parameter.
    return estimators, [np.random, *(one for one in own if isinstance(one, np.random.RandomState))]


def _surroundings_of_fit(own: list[Any]) -> tuple[Any, ...]:
    """Return what a fit depends on beside its arguments, or raise if that cannot be carried."""
    config, random_state = sklearn.get_config(), np.random.get_state(legacy=False)  # noqa: NPY002
    if (
        config["array_api_dispatch"]
        or random_state["bit_generator"] != "MT19937"  # by np.random.set_bit_generator
        or backend_is_the_callers()
        # The user's callbacks, which should be called here. scikit-learn has no public name for
        # them; `test_the_users_callbacks_are_called_here` fails when this one moves.
        or any(getattr(one, "_skl_callbacks", None) for one in own)
    ):
        raise NotCarriedError
    n_jobs = get_active_backend()[1]
    return Path.cwd(), config, random_state, n_jobs, np.geterr(), list(warnings.filters)


def _warn_again(caught: list[tuple[Any, ...]]) -> None:
    """Give the warnings of the child as from where they arose, through the caller's filters."""
    modules = {getattr(module, "__file__", None): module for module in [*sys.modules.values()]}
    for message, category, filename, line in caught:
        names = vars(modules[filename]) if filename in modules else {}
        warnings.warn_explicit(
            message,
            category,
            filename,
            line,
            module=names.get("__name__"),
            registry=names.setdefault("__warningregistry__", {}),
        )


class _Child:
    """A process that fits, for as long as this one lives."""

    def __init__(self) -> None:
        self.sender: threading.Thread | None = None
        self.process = subprocess.Popen(
            # -u, or C's printf holds lines back; -P, or modules here could shadow the child's.
            [sys.executable, "-u", "-P", "-c", _SERVE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,  # so that Ctrl-C at a terminal does not reach it
        )

    def ask(self, task: _Message, show: Callable[[str], None]) -> _Message:
        """Send `task`, `show` the lines that come, and return the answer."""
        # By a thread: if the child prints much while it starts, neither waits for the other.
        self.sender = threading.Thread(
            target=_send_unless_broken, args=[self.process.stdin, task], daemon=True
        )
        self.sender.start()
        has_begun, last_lines = False, deque[str](maxlen=20)
        for line in self.lines():
            if line == _END:
                with contextlib.suppress(EOFError, pickle.UnpicklingError):
                    return _receive(self.process.stdout)
                break  # it died before it had sent all
            has_begun |= line == _BEGIN
            if line.strip() and line != _BEGIN:
                last_lines.append(line)
            show(line)
        if not has_begun:
            raise NotCarriedError
        raise RuntimeError(
            f"the fitting process died with exit code {self.process.wait()}"
            f" (-9 is often a lack of memory); it last said:\n{''.join(last_lines)}"
        )

    def lines(self) -> Iterator[str]:
        """Yield each line that the child prints, and an empty one when none came for a while."""
        rest, pipe = b"", self.process.stderr.fileno()  # type: ignore[union-attr] # a pipe it is
        with selectors.DefaultSelector() as selector:
            selector.register(pipe, selectors.EVENT_READ)
            while True:
                if not selector.select(_TICK):
                    if self.process.poll() is not None:  # only processes of its own still live
                        break
                    yield ""
                elif chunk := os.read(pipe, 1 << 16):
                    *whole, rest = (rest + chunk).split(b"\n")
                    for line in whole:
                        yield line.decode(errors="replace") + "\n"
                else:
                    break
        if rest:  # it was cut off
            yield rest.decode(errors="replace") + "\n"

    def end(self) -> None:
        """Kill the child, with the processes that it may have started, and let go of its pipes."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        if self.sender:
            self.sender.join()
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
        if child.process.poll() is None:
            return child
        child.end()


def _keep(child: _Child) -> None:
    if _waiting:  # fits in several threads have a child each
        child.end()
    else:
        _waiting.append(child)


@atexit.register
def _end_waiting() -> None:
    while _waiting:
        _waiting.pop().end()


if hasattr(os, "register_at_fork"):  # a copy of this process would talk to the same child
    os.register_at_fork(after_in_child=_waiting.clear)


# What both ends use


class _Pickler(pickle.Pickler):
    """Pickles the number of each of the caller's `own` objects instead of a copy."""

    def __init__(self, file: BinaryIO, own: list[Any], **options: Any) -> None:
        super().__init__(file, **options)
        self.numbers = {id(one): number for number, one in enumerate(own)}

    def persistent_id(self, one: Any) -> int | None:
        """Return the number of `one`, if it has one."""
        return self.numbers.get(id(one))


class _Unpickler(pickle.Unpickler):
    """Gives the caller's `own` objects for their numbers."""

    def __init__(self, file: BinaryIO, own: list[Any], **options: Any) -> None:
        super().__init__(file, **options)
        self.own = own

    def persistent_load(self, number: int) -> Any:
        """Return the object with this number."""
        return self.own[number]


def _pack(content: Any, own: list[Any] = []) -> _Message:  # noqa: B006 (it is only read)
    """Pickle `content`, without a copy of its arrays."""
    file, arrays = io.BytesIO(), list[pickle.PickleBuffer]()
    _Pickler(file, own, protocol=5, buffer_callback=arrays.append).dump(content)
    return [file.getbuffer(), *(array.raw() for array in arrays)]


def _unpack(message: _Message, own: list[Any] = []) -> Any:  # noqa: B006 (it is only read)
    return _Unpickler(io.BytesIO(message[0]), own, buffers=message[1:]).load()


def _send(pipe: Any, message: _Message) -> None:
    pickle.dump([len(part) for part in message], pipe)
    for part in message:
        pipe.write(part)
    pipe.flush()


def _receive(pipe: Any) -> _Message:
    parts = [bytearray(size) for size in pickle.load(pipe)]  # which arrays can be written to
    for part in parts:
        if pipe.readinto(part) < len(part):
            raise EOFError
    return [*parts]


def _send_unless_broken(pipe: Any, message: _Message) -> None:
    with contextlib.suppress(OSError, ValueError):  # whoever reads the lines sees that it died
        _send(pipe, message)


# The child's end


def serve() -> None:
    """Fit what comes through stdin, one task after the other, until the caller is gone."""
    sys.modules["__main__"] = ModuleType("__main__")  # what a notebook defines is not found here
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # all that is printed, by C too, goes where the caller looks for lines
    tasks = queue.SimpleQueue[_Message]()
    threading.Thread(target=_receive_tasks, args=[tasks], daemon=True).start()
    while True:
        answer = _answer(tasks.get())
        print("\n" + _END, end="")  # on a line of its own, whatever was printed before
        _send(answers, answer)
        del answer


def _receive_tasks(tasks: queue.SimpleQueue[_Message]) -> None:
    try:
        while True:
            tasks.put(_receive(sys.stdin.buffer))
    finally:  # the caller, which holds the other end of stdin, is gone
        os.killpg(0, signal.SIGKILL)


def _answer(task: _Message) -> _Message:
    """Do a fit and pack what comes of it: None if it cannot be carried here, or back."""
    try:
        surroundings, own, X, y, start = _unpack(task)
        folder, config, random_state, n_jobs, float_errors, filters = surroundings
        os.chdir(folder)
        estimators, generators = _estimators_and_generators(own)
        np.random.set_state(random_state)  # noqa: NPY002 (what scikit-learn draws from)
        raised = None
        with (
            sklearn.config_context(**config),
            joblib.parallel_config(n_jobs=n_jobs),
            np.errstate(**float_errors),
            warnings.catch_warnings(record=True) as caught,
        ):
            warnings.resetwarnings()
            warnings.filters.extend(filters)  # type: ignore[attr-defined] # so that a warning is an error where it would be
            print("\n" + _BEGIN, end="")
            try:
                with telling_progress(own[0]):
                    fit_here(own[0], X, y, start, lambda labels: tell_solver(own[0], labels))
            except BaseException as error:
                raised = error
                place = traceback.extract_tb(error.__traceback__)[-1]
                error.add_note(f"In the fitting process, {place.filename}, line {place.lineno}.")
        states = [vars(estimator) for estimator in estimators]
        random_states = [generator.get_state(legacy=False) for generator in generators]
        warned = [(one.message, one.category, one.filename, one.lineno) for one in caught]
        return _pack((raised, states, random_states, warned), own)
    except Exception:
        return _pack(None)
