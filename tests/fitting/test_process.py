"""The process in which a watched fit runs: one for all fits, while it lives."""

import importlib
import io
import os
import resource
import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from types import ModuleType

import numpy as np
import psutil
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from digits_lr.fitting import _messages, _process
from digits_lr.fitting._process import fit_in_child

X, Y = (values[:400] for values in load_digits(return_X_y=True))
SAGA = LogisticRegression(solver="saga", C=0.5, tol=0.02, max_iter=100, random_state=3)


def ignore(_line): ...


def fit_and_get_pid():
    fit_in_child(clone(SAGA), X, Y, None, ignore)
    (child,) = _process._waiting
    return child.process.pid


def test_one_child_serves_fit_after_fit_until_a_module_is_changed_or_it_dies(tmp_path, monkeypatch):
    first = fit_and_get_pid()
    with pytest.raises(ValueError, match="'C' parameter"):
        fit_in_child(LogisticRegression(C=-1), X, Y, None, print)
    assert fit_and_get_pid() == first
    ours = ModuleType("ours")
    ours.__file__ = str(tmp_path / "ours.py")
    monkeypatch.setitem(sys.modules, "ours", ours)
    assert fit_and_get_pid() == first
    (tmp_path / "ours.py").touch()
    second = fit_and_get_pid()
    assert second != first
    os.kill(second, signal.SIGKILL)
    psutil.Process(second).wait()
    assert fit_and_get_pid() != second


def test_an_error_here_ends_the_fit_with_all_its_processes():
    first, seen = fit_and_get_pid(), []

    def show(line):
        if "Epoch" in line:
            seen.append(line)
            raise InterruptedError

    # A hundred slow epochs: too few lines to fill the buffer that C would write when full.
    model = LogisticRegression(solver="saga", tol=0, max_iter=100)
    threads, files = threading.active_count(), psutil.Process().num_fds()
    with pytest.raises(InterruptedError):
        fit_in_child(model, np.tile(X, (200, 1)), np.tile(Y, 200), None, show)
    assert seen == ["Epoch 1, change: 1\n"]
    assert not psutil.pid_exists(first)
    assert (threading.active_count(), psutil.Process().num_fds()) == (threads, files - 3)
    assert vars(model) == vars(clone(model))
    assert fit_and_get_pid() != first


def test_fits_in_two_threads_have_a_child_each_and_one_stays():
    both_fit = threading.Barrier(2)

    def fit(seed):
        model, waits = clone(SAGA).set_params(random_state=seed), [both_fit.wait]
        fit_in_child(model, X, Y, None, lambda line: "Epoch" in line and waits and waits.pop()())
        return model.coef_

    with ThreadPoolExecutor(2) as pool:
        coefs = list(pool.map(fit, [0, 1]))
    for seed, coef in enumerate(coefs):
        np.testing.assert_array_equal(
            coef, clone(SAGA).set_params(random_state=seed).fit(X, Y).coef_
        )
    assert len(_process._waiting) == 1


def test_what_is_printed_without_an_end_of_line_hides_no_end(capfd):
    prints = FunctionTransformer(print, len, check_inverse=True, kw_args={"end": ""})
    with pytest.raises(TypeError, match="has no len"):  # of what print returns
        fit_in_child(make_pipeline(prints, SAGA), X, Y, None, ignore)
    assert capfd.readouterr() == ("", "")


def test_whatever_a_fit_raises_is_raised_here():
    with pytest.raises(SystemExit):
        fit_in_child(make_pipeline(FunctionTransformer(sys.exit), SAGA), X, Y, None, ignore)


def test_a_child_that_dies_is_an_error_with_its_last_words():
    model = make_pipeline(FunctionTransformer(os._exit), SAGA)
    with pytest.raises(RuntimeError, match=r"exit code 7 [\s\S]*step 1 of 2"):
        fit_in_child(model, 7, Y, None, ignore)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("sys.executable", "/nowhere/python"),
        ("digits_lr.fitting._process._SERVE", "1 / 0"),
        # More than a pipe holds, while this process sends more than a pipe holds.
        ("digits_lr.fitting._process._SERVE", "import sys; print('x' * 2**20, file=sys.stderr)"),
    ],
)
def test_a_child_that_cannot_start_is_no_process_to_be_had(name, value, monkeypatch):
    _process.end_waiting()
    monkeypatch.setattr(name, value)
    with pytest.raises(_process.NotCarriedError):
        fit_in_child(SAGA, np.tile(X, (20, 1)), np.tile(Y, 20), None, ignore)


def test_more_open_files_than_select_can_count_are_no_obstacle():
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, limits[1]), limits[1]))
    files = [os.open(os.devnull, os.O_RDONLY) for _ in range(1100)]
    _process.end_waiting()
    try:
        fit_and_get_pid()
    finally:
        for file in files:
            os.close(file)
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def test_arrays_arrive_as_they_are_and_can_be_written_to_where_they_could_be():
    read_only = X.astype(np.uint8)
    read_only.flags.writeable = False
    for given in [read_only, np.asfortranarray(X)]:
        message, pipe = _messages.pack(given), io.BytesIO()
        assert np.shares_memory(np.frombuffer(message[1], np.uint8), given)
        _messages.send(pipe, message)
        pipe.seek(0)
        arrived = _messages.unpack(_messages.receive(pipe))
        assert (arrived.dtype, arrived.flags.writeable) == (given.dtype, given.flags.writeable)
        np.testing.assert_array_equal(arrived, given)


@pytest.mark.parametrize(
    ("wants", "outcome"),
    [("input()", pytest.raises(EOFError)), ("subprocess.run(['cat'])", nullcontext())],
)
def test_a_step_that_asks_at_the_terminal_finds_nobody_there(wants, outcome, tmp_path, monkeypatch):
    code = f"import subprocess\ndef ask(X):\n    {wants}\n    return X\n"
    (tmp_path / "asking.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    _process.end_waiting()
    ask = importlib.import_module("asking").ask
    model = make_pipeline(FunctionTransformer(ask), clone(SAGA))
    with outcome:
        fit_in_child(model, X, Y, None, ignore)
    _process.end_waiting()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # Popen's
def test_a_child_that_nobody_holds_any_more_ends():
    child = _process._Child()
    pid = child.process.pid
    del child
    psutil.wait_procs([psutil.Process(pid)], timeout=30)
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
