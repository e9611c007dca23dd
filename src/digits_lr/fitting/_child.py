"""The process in which watched fits run, one after the other, until their caller is gone.

A fit is received through stdin and answered through stdout. What it prints, by C too, goes line by
line to stderr.
"""

import os
import queue
import signal
import sys
import threading
import traceback
import warnings
from types import ModuleType
from typing import Any

import joblib
import numpy as np
import sklearn

from digits_lr.fitting._bar import tell_solver, telling_progress
from digits_lr.fitting._here import fit_here
from digits_lr.fitting._messages import Message, pack, receive, send, unpack

BEGIN, END = "the fit begins\n", "the fit is over\n"


def changed_by_fit(objects: list[Any]) -> tuple[list[Any], list[Any]]:
    """Return those of `objects` that a fit changes: estimators, and generators of NumPy's."""
    estimators = [
        one for one in objects if hasattr(one, "get_params") and not isinstance(one, type)
    ]
    generators = [one for one in objects if isinstance(one, np.random.RandomState)]
    return estimators, [np.random, *generators]  # a parameter may be the global one: set last


def serve() -> None:
    """Fit what comes, until the caller is gone."""
    sys.modules["__main__"] = ModuleType("__main__")  # what a notebook defines is not found here
    messages, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)  # what a step would ask there, nobody answers
    os.dup2(2, 1)
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr] # a step's name
    tasks = queue.SimpleQueue[Message]()
    threading.Thread(target=_receive_tasks, args=[messages, tasks], daemon=True).start()
    while True:
        answer = _answer(tasks.get())
        print("\n" + END, end="")  # on a line of its own, whatever was printed before
        send(answers, answer)


def _receive_tasks(messages: Any, tasks: queue.SimpleQueue[Message]) -> None:
    try:
        while True:
            tasks.put(receive(messages))
    finally:  # the caller, which holds the other end, is gone
        os.killpg(0, signal.SIGKILL)


def _answer(task: Message) -> Message:
    """Do a fit and pack what comes of it: nothing, if it cannot be carried here or back."""
    try:
        settings, objects, X, y, start = unpack(task)
        folder, config, n_jobs, float_errors, filters, random_state = settings
        os.chdir(folder)
        np.random.set_state(random_state)  # noqa: NPY002 (what scikit-learn draws from)
        raised = None
        with (
            sklearn.config_context(**config),
            joblib.parallel_config(n_jobs=n_jobs),
            np.errstate(**float_errors),
            warnings.catch_warnings(record=True) as caught,
        ):
            warnings.resetwarnings()
            # So that a warning is an error where it would be one in the caller's process.
            warnings.filters.extend(filters)  # type: ignore[attr-defined]
            print("\n" + BEGIN, end="")
            model = objects[0]
            try:
                with telling_progress(model):
                    fit_here(model, X, y, start, lambda labels: tell_solver(model, labels))
            except BaseException as error:
                place = traceback.extract_tb(error.__traceback__)[-1]
                error.add_note(f"In the fitting process, {place.filename}, line {place.lineno}.")
                raised = error
        estimators, generators = changed_by_fit(objects)
        states = [vars(estimator) for estimator in estimators]
        random_states = [generator.get_state(legacy=False) for generator in generators]
        warned = [(one.message, one.category, one.filename, one.lineno) for one in caught]
        return pack((raised, states, random_states, warned), objects)
    except Exception:
        return pack(None)
