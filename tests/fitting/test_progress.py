"""What a person sees of a fit, and what is left when they interrupt it."""

import codecs
import io
import json
import os
import pty
import re
import signal
import subprocess
import sys
import termios
import time
from contextlib import contextmanager

import nbformat
import psutil
import pytest
from jupyter_client.manager import start_new_kernel
from nbclient import NotebookClient
from tqdm import tqdm

from digits_lr.fitting.fit import _show_epoch

FIT = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
from sklearn.datasets import load_digits
from digits_lr.fitting.fit import fit_multinomial, fit_one_vs_rest
X, y = load_digits(n_class=3, return_X_y=True)
options = dict(C=0.5, l1_ratio=0.5, tol=0.02, max_iter=100)
"""
ENDLESS = "fit_multinomial(X, y, C=1e6, l1_ratio=0, tol=0, max_iter=2**31 - 1)"


@pytest.fixture(autouse=True)
def every_change_is_drawn(monkeypatch):
    monkeypatch.setenv("TQDM_MININTERVAL", "0")


@contextmanager
def at_terminal(code):
    """Run `code` with a terminal for stderr; give the process and the terminal's other end."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 120))
    process = subprocess.Popen(
        [sys.executable, "-c", FIT + code],
        stdout=subprocess.PIPE,
        stderr=theirs,
        text=True,
        start_new_session=True,
    )
    os.close(theirs)
    with process, os.fdopen(ours, "rb", buffering=0) as terminal:
        try:
            yield process, terminal
        finally:
            process.kill()


def read(terminal, until=None):
    """What is written to the terminal up to the text `until`, or to the end."""
    text = ""
    decoder = codecs.getincrementaldecoder("utf-8")()  # a chunk may end inside a character
    while until is None or until not in text:
        try:
            chunk = terminal.read(1024)
        except OSError:  # Linux, when the last writer is gone
            break
        if not chunk:
            break
        text += decoder.decode(chunk)
    return text


def left_on_screen(text):
    """The line that a terminal shows in the end."""
    line = ""
    for part in text.split("\r"):
        line = part + line[len(part) :]
    return line.strip()


def epochs_in(text):
    return [int(epoch) for epoch in re.findall(r"epoch (\d+) of ", text)]


def test_terminal_shows_each_epoch_and_then_nothing():
    code = "model = fit_multinomial(X, y, **options); print(model.n_iter_[0], model.verbose)"
    with at_terminal(code) as (process, terminal):
        text = read(terminal)
        last, verbose = map(int, process.stdout.read().split())
    assert epochs_in(text) == list(range(1, last))  # the last one prints no change
    assert last > 5
    assert verbose == 0
    assert left_on_screen(text) == ""


def test_times_are_of_epochs_and_not_of_the_start_before_them():
    bar = tqdm(file=io.StringIO(), bar_format="{remaining}")
    bar.start_t -= 1000
    for epoch in [1, 2]:
        _show_epoch(bar, 0.1, 100, f"Epoch {epoch}, change: 1\n")
    assert bar.initial == 1
    assert bar.format_dict["elapsed"] < 500


def test_terminal_says_when_lbfgs_goes_first():
    with at_terminal("fit_multinomial(X, y, start='lbfgs', **options)") as (_, terminal):
        text = read(terminal)
    starting, lbfgs, epoch = (text.find(word) for word in ["starting", "lbfgs start", "epoch 1 "])
    assert 0 <= starting < lbfgs < epoch
    assert left_on_screen(text) == ""


def test_terminal_foretells_the_last_epoch_from_the_change():
    with at_terminal("fit_multinomial(X, y, **options | {'tol': 0.03})") as (_, terminal):
        text = read(terminal)
    frames = re.findall(r"epoch (\d+) of (about|at most) (\d+), change (\S+), stops at 0.03 ", text)
    assert {bound for _, bound, _, _ in frames} == {"about"}
    for epoch, _, total, change in frames:
        assert int(total) == pytest.approx(int(epoch) * float(change) / 0.03, rel=0.05, abs=1)


def test_terminal_foretells_no_more_epochs_than_allowed():
    with at_terminal("fit_multinomial(X, y, **options | {'tol': 0, 'max_iter': 3})") as (
        _,
        terminal,
    ):
        text = read(terminal)
    assert re.findall(r"epoch (\d of .*?),", text) == [f"{n} of at most 3" for n in (1, 2, 3)]


def test_terminal_shows_classes_done_and_then_nothing():
    code = """
model = fit_one_vs_rest(X, y, **options)
print([saga.verbose for saga in [model.estimator, *model.estimators_]])
"""
    with at_terminal(code) as (process, terminal):
        text = read(terminal)
        verbose = process.stdout.read()
    done = [int(n) for n in re.findall(r"(\d) of 3 classes", text)]
    assert done == sorted(done)
    assert set(done) == {0, 1, 2, 3}
    assert verbose == "[0, 0, 0, 0]\n"
    assert left_on_screen(text) == ""


def test_terminal_stays_silent_without_progress():
    code = "for fit in fit_multinomial, fit_one_vs_rest: fit(X, y, progress=False, **options)"
    with at_terminal(code) as (process, terminal):
        assert read(terminal) == ""
        assert process.stdout.read() == ""
        assert process.wait() == 0


def test_silent_where_nobody_watches():
    code = FIT + "for fit in fit_multinomial, fit_one_vs_rest: fit(X, y, **options)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert (done.stdout, done.stderr) == (b"", b"")


@pytest.mark.parametrize("when", ["starting", "fitting"])
def test_interrupt_ends_the_fit_and_leaves_nothing(when, tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    code = f"""
import json, os, psutil, threading
this = psutil.Process()
fds = this.num_fds()
try:
    {ENDLESS}
except KeyboardInterrupt:
    left = [len(this.children()), this.num_fds() - fds, threading.active_count() - 1]
    print(json.dumps(left + os.listdir(os.environ["TMPDIR"])))
print(fit_multinomial(X, y, **options).score(X, y) > 0.9)
"""
    with at_terminal(code) as (process, terminal):
        text = ""
        if when == "fitting":
            text += read(terminal, until="epoch 3 of")
        else:
            # Its second thread is there once the child runs, long after Popen has returned here.
            wait_until(lambda: any(c.num_threads() > 1 for c in children(process)))
        process.send_signal(signal.SIGINT)
        text += read(terminal)
        left, next_fit = process.stdout.read().splitlines()
    assert json.loads(left) == [0, 0, 0]  # no process, file descriptor or thread, and no folder
    assert next_fit == "True"
    assert left_on_screen(text) == ""


def test_fit_ends_and_tidies_up_when_its_caller_is_killed(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with at_terminal(ENDLESS) as (process, terminal):
        read(terminal, until="epoch 3 of")
        [child] = children(process)
        assert list(tmp_path.iterdir()) != []
        os.killpg(process.pid, signal.SIGKILL)  # what Jupyter does to a busy kernel
    try:
        wait_until(lambda: has_ended(child))
    except AssertionError:
        child.kill()
        raise
    assert list(tmp_path.iterdir()) == []


def children(process):
    return psutil.Process(process.pid).children()


def has_ended(process):
    try:
        return process.status() == psutil.STATUS_ZOMBIE  # where nobody reaps orphans
    except psutil.NoSuchProcess:
        return True


def wait_until(condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture(scope="module")
def kernel():
    manager, client = start_new_kernel(env=os.environ | {"TQDM_MININTERVAL": "0"})
    client.execute_interactive(FIT)
    yield manager, client
    client.stop_channels()
    manager.shutdown_kernel(now=True)


class Cell:
    """A cell that a person runs: every text that one of its outputs showed, and what is left."""

    def __init__(self, kernel, code, interrupt_at=None):
        self.manager, client = kernel
        self.interrupt_at = interrupt_at
        self.shown, self.outputs = [], {}
        self.reply = client.execute_interactive(
            code, allow_stdin=True, output_hook=self.receive, timeout=60
        )["content"]

    def receive(self, message):
        content = message["content"]
        if message["msg_type"] in ("display_data", "update_display_data"):
            self.outputs[content["transient"]["display_id"]] = content["data"]
            self.shown.append(content["data"].get("text/plain", ""))
            if self.interrupt_at and self.interrupt_at in self.shown[-1]:
                self.manager.interrupt_kernel()
                self.interrupt_at = None
        elif message["msg_type"] == "stream":
            self.outputs[content["name"]] = content["text"]
        else:
            assert message["msg_type"] in ("status", "execute_input", "error")


def test_live_notebook_shows_each_epoch_and_then_nothing(kernel):
    code = """
import io, tqdm
print("before")
for C in tqdm.tqdm([0.5], file=io.StringIO()):  # a bar of the reader's own around it
    model = fit_multinomial(X, y, **options)
"""
    cell = Cell(kernel, code)
    epochs = epochs_in("\n".join(cell.shown))
    assert len(epochs) > 4
    assert epochs == list(range(1, len(epochs) + 1))
    assert any("█" in text for text in cell.shown)
    assert list(cell.outputs.values()) == ["before\n", {}]


def test_live_notebook_shows_classes_done_and_then_nothing(kernel):
    cell = Cell(kernel, "model = fit_one_vs_rest(X, y, **options)")
    shown = "\n".join(cell.shown)
    assert [n for n in range(4) if f"{n} of 3 classes" in shown] == [0, 1, 2, 3]
    assert list(cell.outputs.values()) == [{}]


def test_live_notebook_stays_empty_without_progress(kernel):
    assert Cell(kernel, "model = fit_multinomial(X, y, progress=False, **options)").outputs == {}


def test_interrupting_the_kernel_ends_the_fit(kernel):
    cell = Cell(kernel, ENDLESS, interrupt_at="epoch 3 of")
    assert cell.reply["ename"] == "KeyboardInterrupt"
    assert list(cell.outputs.values()) == [{}]
    children = Cell(kernel, "import psutil; print(psutil.Process().children())")
    assert children.outputs == {"stdout": "[]\n"}


def test_executed_notebook_stores_no_trace():
    code = "model = fit_multinomial(X, y, **options)\nmodel = fit_one_vs_rest(X, y, **options)"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(FIT + code)])
    NotebookClient(notebook).execute()
    assert notebook.cells[0].execution_count == 1
    assert notebook.cells[0].outputs == []
