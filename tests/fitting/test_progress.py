"""What a person sees of a fit, and what is left when they interrupt it."""

import codecs
import io
import os
import pty
import re
import signal
import subprocess
import sys
import termios
from contextlib import contextmanager

import psutil
import pytest
from jupyter_client.manager import start_new_kernel
from sklearn.linear_model import LogisticRegression
from tqdm import tqdm

from digits_lr.fitting._bar import FitBar
from tests.conftest import wait_until

FIT = """
import multiprocessing, signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
multiprocessing.set_start_method("forkserver")  # Python 3.14's own, under which locks cost more
import digits_lr as dl
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
X, y = load_digits(n_class=3, return_X_y=True)
saga = LogisticRegression(solver="saga", C=0.5, tol=0.02, random_state=0)
ten = OneVsRestClassifier(saga)
pipeline = make_pipeline(StandardScaler(), saga)
endless = make_pipeline("passthrough", LogisticRegression(
    solver="saga", C=1e6, tol=0, max_iter=2**31 - 1))
"""
ENDLESS = "dl.fit(endless, X, y)"


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
        stdin=subprocess.PIPE,
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
    """Return the epochs that the text shows, each once, though the clock draws it again."""
    return list(dict.fromkeys(map(int, re.findall(r"epoch (\d+) of ", text))))


NEWS = {
    "print(dl.fit(saga, X, y).n_iter_[0], saga.verbose)": [
        "starting, 00:0", "fitting by saga", "epoch 1 of",
    ],
    "dl.fit(saga, X, y, start='lbfgs')": ["lbfgs: objective", "epoch 1 of"],
    "dl.fit(pipeline, X, y)": ["step 1 of 2", "step 2 of 2", "fitting by saga", "epoch 1 of"],
    "dl.fit(ten, X, y)": ["fitting 3", "0 of 3 classes", "1 of 3 classes", "2 of 3", "3 of 3"],
    "dl.fit(saga.set_params(solver='lbfgs'), X, y)": ["fitting by lbfgs", "iteration 3"],
    "dl.fit(saga.set_params(solver='newton-cholesky'), X, y)": ["fitting by newton-chol"],
    "dl.fit(saga.set_params(solver='sag'), X, y)": ["fitting by sag", "epoch 1 of"],
}  # fmt: skip


def test_terminal_shows_what_each_solver_tells_and_then_nothing():
    with at_terminal("\nprint(file=sys.stderr)\n".join(["import sys", *NEWS])) as (
        process,
        terminal,
    ):
        _, *texts = read(terminal).split("\n")
        last, verbose = map(int, process.stdout.read().split())
    assert epochs_in(texts[0]) == list(range(1, last))  # the last one prints no change
    assert last > 5
    assert verbose == 0
    for text, news in zip(texts, NEWS.values(), strict=True):
        if not hasattr(LogisticRegression, "set_callbacks"):  # scikit-learn before 1.9
            news = [word for word in news if "iteration" not in word]
        places = [text.find(word) for word in news]
        assert min(places) >= 0, (news, text)
        assert places == sorted(places)
        assert left_on_screen(text) == ""


# What the bar says


def shown(lines, **settings):
    """Return what the bar shows after each of the lines, a second passing before each."""
    texts = []
    with tqdm(file=io.StringIO(), bar_format="{desc}, {elapsed}", desc="starting") as bar:
        fit_bar = FitBar(bar, LogisticRegression(**settings))
        for line in lines:
            bar.start_t -= 1
            fit_bar.first_epoch_at -= bool(fit_bar.first_epoch_at)
            fit_bar.show(line)
            texts.append(re.sub(" *[|].*[|]", "", str(bar)))
    return texts


def test_one_fit_is_foretold_from_its_change_and_timed_from_its_first_epoch():
    lines = [
        "", "step 1 of 2\n", "[Pipeline] ... (step 1 of 2) Processing scale, total=   0.0s\n",
        "fitting by saga\n", "Epoch 1, change: 1", "Epoch 2, change: 0.5", "Epoch 3, change: 1.5",
        "max_iter reached after 9 seconds", "[Pipeline] (step 2 of 2) Processing saga, total= 9s",
    ]  # fmt: skip
    assert shown(lines, tol=0.1, max_iter=30) == [
        "starting, 00:01",
        "step 1 of 2, 00:02",
        "step 2 of 2, 00:03",
        "fitting by saga, 00:04",
        "epoch 1 of about 10, change 1, stops at 0.1 00:05, ? left",
        "epoch 2 of about 10, change 0.5, stops at 0.1 00:06, 00:08 left",
        "epoch 3 of at most 30, change 1.5, stops at 0.1 00:07, 00:27 left",
        "epoch 3 of at most 30, change 1.5, stops at 0.1 00:08, 00:27 left",
        "epoch 3 of at most 30, change 1.5, stops at 0.1 00:09, 00:27 left",
    ]


def test_what_a_step_prints_like_an_epoch_is_passed_over():
    assert shown(["Epoch 0, change: 0.5, loss 3.2\n"]) == ["starting, 00:01"]


def test_thousands_of_lines_are_not_all_drawn():
    drawn = io.StringIO()
    with tqdm(file=drawn, bar_format="{desc}", desc="starting", miniters=0) as bar:
        fit_bar = FitBar(bar, LogisticRegression())
        for k in range(3_000):
            fit_bar.show(f"lbfgs iteration {k}\n")
            fit_bar.show("a step's own\n")
    assert drawn.getvalue().count("\r") < 600


def test_without_a_tolerance_all_epochs_are_foretold():
    assert shown(["Epoch 1, change: 1"], tol=0, max_iter=7)[0].startswith("epoch 1 of at most 7,")


def test_many_fits_are_foretold_from_those_that_are_over():
    lines = ["fitting 3 classes by saga\n", *["Epoch 1, change: 1"] * 3]
    lines += ["convergence after 2 epochs took 1 seconds", "max_iter reached after 9 seconds"]
    assert shown(lines, tol=0.1) == [
        "fitting 3 classes by saga, 00:01",
        "0 of 3 classes 00:02, ? left",
        "0 of 3 classes 00:03, 00:28 left",
        "0 of 3 classes 00:04, 00:27 left",
        "1 of 3 classes 00:05, 00:02 left",
        "2 of 3 classes 00:06, 02:28 left",
    ]


# Interrupts


def test_interrupts_leave_nothing_and_the_child_that_waits_ends_with_its_caller():
    code = f"""
import psutil, sys, threading
this = psutil.Process()
files = this.num_fds()
for _ in range(2):
    try:
        {ENDLESS}
    except KeyboardInterrupt:
        print(len(this.children()), this.num_fds() - files, threading.active_count() - 1)
        print(file=sys.stderr)
print(not hasattr(endless[-1], "coef_") and dl.fit(saga, X, y).score(X, y) > 0.9, flush=True)
input()
"""
    with at_terminal(code) as (process, terminal):
        # Its second thread is there once the child runs, long after Popen has returned here.
        wait_until(lambda: any(n_threads(child) > 1 for child in children(process)))
        process.send_signal(signal.SIGINT)
        text = read(terminal, until="\n") + read(terminal, until="epoch")
        process.send_signal(signal.SIGINT)
        text += read(terminal, until="\n")
        said = [process.stdout.readline().strip() for _ in range(3)]
        [child] = children(process)
        os.killpg(process.pid, signal.SIGKILL)
    assert said == ["0 0 0", "0 0 0", "True"]  # no process, file descriptor or thread
    assert [left_on_screen(line) for line in text.split("\n")[:2]] == ["", ""]
    assert_ends(child)


def test_the_child_that_fits_ends_with_its_caller_and_needs_no_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with at_terminal(ENDLESS) as (process, terminal):
        read(terminal, until="epoch 3 of")
        [child] = children(process)
        assert list(tmp_path.iterdir()) == []
        os.killpg(process.pid, signal.SIGKILL)  # what Jupyter does to a busy kernel
    assert_ends(child)


def children(process):
    return psutil.Process(process.pid).children()


def n_threads(process):
    try:
        return process.num_threads()
    except psutil.NoSuchProcess:  # joblib starts some that soon end
        return 0


def assert_ends(process):
    try:
        wait_until(lambda: has_ended(process))
    except AssertionError:
        process.kill()
        raise


def has_ended(process):
    try:
        return process.status() == psutil.STATUS_ZOMBIE  # where nobody reaps orphans
    except psutil.NoSuchProcess:
        return True


@pytest.fixture(scope="module")
def kernel():
    manager, client = start_new_kernel(env=os.environ | {"TQDM_MININTERVAL": "0"})
    client.execute_interactive(FIT)
    yield manager, client
    client.stop_channels()
    manager.shutdown_kernel(now=True)


class Cell:
    """A cell that a person runs: every text that one of its outputs showed, and what is left."""

    def __init__(self, kernel, code, interrupt_at=None, allow_stdin=True):
        self.manager, client = kernel
        self.interrupt_at = interrupt_at
        self.shown, self.outputs = [], {}
        self.reply = client.execute_interactive(
            code, allow_stdin=allow_stdin, output_hook=self.receive, timeout=60
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
    model = dl.fit(saga, X, y)
"""
    cell = Cell(kernel, code)
    epochs = epochs_in("\n".join(cell.shown))
    assert len(epochs) > 4
    assert epochs == list(range(1, len(epochs) + 1))
    assert any("█" in text for text in cell.shown)
    assert list(cell.outputs.values()) == ["before\n", {}]


def test_interrupting_the_kernel_ends_the_fit_with_a_short_traceback(kernel):
    cell = Cell(kernel, ENDLESS, interrupt_at="epoch 3 of")
    assert cell.reply["ename"] == "KeyboardInterrupt"
    assert len("".join(cell.reply["traceback"]).splitlines()) < 30
    assert list(cell.outputs.values()) == [{}]
    again = Cell(kernel, "print(dl.fit(pipeline, X, y).score(X, y) > 0.9)")
    assert "step 2 of 2" in "".join(again.shown)
    assert again.outputs["stdout"] == "True\n"


def test_a_cell_that_nobody_watches_shows_nothing(kernel):
    code = "for model in saga, ten, pipeline: dl.fit(model, X, y)"
    cell = Cell(kernel, code, allow_stdin=False)  # as nbclient and nbval execute
    assert cell.reply["status"] == "ok"
    assert cell.outputs == {}
