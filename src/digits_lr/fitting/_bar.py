"""What a fit prints of how far it is, and how a progress bar shows it."""

import contextlib
import itertools
import math
import re
import time
from collections import deque
from collections.abc import Iterator
from typing import Any

from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import LabelBinarizer
from tqdm import tqdm

from digits_lr.fitting._here import binary_or_only, last_step


@contextlib.contextmanager
def telling_progress(model: Any) -> Iterator[None]:
    """Let the steps and the solver of `model` print how far they are; then be as asked again."""
    classifier = last_step(model)
    regression = binary_or_only(classifier)
    asked = regression.verbose, getattr(model, "verbose", None)
    if regression.solver in ("sag", "saga"):
        regression.verbose = asked[0] or 1  # what is no number is for scikit-learn to refuse
    has_callbacks = regression.solver == "lbfgs" and hasattr(regression, "set_callbacks")
    if has_callbacks:  # scikit-learn 1.9
        regression.set_callbacks(_PrintIterations())
    if isinstance(model, Pipeline):
        print(f"step 1 of {len(model.steps)}")
        model.verbose = asked[1] or True  # it tells which step is over
    try:
        yield
    finally:
        # The models of one-vs-rest are clones, which were told the same.
        for one in [regression, *getattr(classifier, "estimators_", [])]:
            if isinstance(one, LogisticRegression):
                one.verbose = asked[0]
                if has_callbacks:
                    one.set_callbacks()
        if isinstance(model, Pipeline):
            model.verbose = asked[1]


def tell_solver(model: Any, y: Any) -> None:
    """Print by which solver the classifier of `model` is fitted now, and to how many classes."""
    classifier = last_step(model)
    regression, classes = binary_or_only(classifier), ""
    if regression is not classifier:
        with contextlib.suppress(ValueError, TypeError):  # the fit itself will refuse y
            n_fits = LabelBinarizer(sparse_output=True).fit_transform(y).shape[1]
            classes = f"{n_fits} classes " if n_fits > 1 else ""
    print(f"fitting {classes}by {regression.solver}")


class _PrintIterations:
    """A callback of scikit-learn's that prints the number of each iteration."""

    def __init__(self) -> None:
        self.iterations = itertools.count(1)

    def setup(self, estimator: Any, context: Any) -> None:
        """Do nothing, nor at the other points that scikit-learn asks a callback for."""

    teardown = on_fit_task_begin = setup

    def on_fit_task_end(self, estimator: Any, context: Any) -> None:  # noqa: ARG002 (its protocol)
        if context.task_name == "lbfgs-iter":
            print(f"lbfgs iteration {next(self.iterations)}")


class FitBar:
    """Show on `bar` how far a fit is, once or for each class, by the lines that it prints."""

    def __init__(self, bar: tqdm, regression: LogisticRegression) -> None:
        self.bar, self.regression = bar, regression
        self.n_fits = 1
        self.epochs_of_done: list[int] = []
        self.epochs_expected: deque[float] = deque(maxlen=1)  # by the fits that go on
        self.first_epoch_at = 0.0

    def show(self, line: str) -> None:
        """Show what `line` says; an empty one lets the clock go on."""
        if epoch := re.search(r"Epoch (\d+), change: ([\d.e+-]+|nan|inf)$", line):
            self._show_epoch(int(epoch[1]), float(epoch[2]))
        elif done := re.search(r"convergence after (\d+) epochs|max_iter reached", line):
            if self.n_fits > 1:
                self.epochs_of_done.append(int(done[1] or self.regression.max_iter))
                self._show_epoch()
        elif done := re.match(r"\[Pipeline\].*\(step (\d+) of (\d+)\)", line):
            if done[1] != done[2]:
                self._describe(f"step {int(done[1]) + 1} of {done[2]}")
        elif line.startswith(("fitting", "lbfgs", "step")):
            if classes := re.match(r"fitting (\d+) classes", line):
                self.n_fits = int(classes[1])
                self.epochs_expected = deque(maxlen=self.n_fits)
            self._describe(line.strip())
        elif not line:
            self.bar.refresh()

    def _describe(self, text: str) -> None:
        # What a fast fit prints comes in thousands of lines: the bar is drawn ten times a second.
        self.bar.set_description_str(text, refresh=False)
        self.bar.update(0)

    def _show_epoch(self, epoch: int = 0, change: float = 0.0) -> None:
        text = f"{len(self.epochs_of_done)} of {self.n_fits} classes"
        if epoch:
            # saga's change falls about as 1/epoch, so this foretells the last epoch.
            tol, max_iter = self.regression.tol, self.regression.max_iter
            expected = min(max_iter, max(epoch, epoch * change / tol if tol else math.inf))
            self.epochs_expected.append(expected)
            if self.n_fits == 1:
                bound = "about" if expected < max_iter else "at most"
                text = f"epoch {epoch} of {bound} {math.ceil(expected)}, change {change:.2g}, "
                text += f"stops at {tol:g}"
        bar, done = self.bar, self.epochs_of_done
        self.first_epoch_at = self.first_epoch_at or time.monotonic()
        bar.n += 1
        known = done or self.epochs_expected
        to_do = (self.n_fits - len(done)) * sum(known) / len(known)
        bar.total = max(bar.n, math.ceil(sum(done) + to_do))
        # The time left is foretold from epochs alone: what came before them says nothing of it.
        an_epoch = (time.monotonic() - self.first_epoch_at) / max(bar.n - 1, 1)
        left = tqdm.format_interval(an_epoch * (bar.total - bar.n)) if bar.n > 1 else "?"
        bar.bar_format = f"{{desc}} |{{bar:20}}| {{elapsed}}, {left} left"
        self._describe(text)
