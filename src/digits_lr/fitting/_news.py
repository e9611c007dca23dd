"""What a progress bar says of a fit, read from the lines that the fit prints."""

import math
import re
import time
from collections import deque

from sklearn.linear_model import LogisticRegression
from tqdm import tqdm


class News:
    """Show a bar what each line says; `one` is fitted `n_fits` times, some at the same time."""

    def __init__(self, bar: tqdm, one: LogisticRegression, n_fits: int) -> None:
        self.bar, self.one, self.n_fits = bar, one, n_fits
        self.ended: list[int] = []  # the epochs of the fits that are over
        self.foretold: deque[float] = deque(maxlen=n_fits)  # of those that go on
        self.first_epoch_at = 0.0

    def __call__(self, line: str) -> None:
        """Show what `line` says; an empty one lets the clock go on."""
        if epoch := re.search(r"Epoch (\d+), change: (\S+)", line):
            self._foretell(int(epoch[1]), float(epoch[2]))
        elif ended := re.search(r"convergence after (\d+) epochs|max_iter reached", line):
            self.ended.append(int(ended[1] or self.one.max_iter))
            self._show_epochs(f"{len(self.ended)} of {self.n_fits} classes")
        elif line.startswith(("lbfgs", "fitting")):
            self.bar.set_description_str(line.strip())
        else:
            self.bar.refresh()

    def _foretell(self, epoch: int, change: float) -> None:
        # saga's change falls about as 1/epoch, so epoch * change / tol foretells the last epoch.
        tol, max_iter = self.one.tol, self.one.max_iter
        expected = min(max_iter, max(epoch, epoch * change / tol if tol else math.inf))
        self.foretold.append(expected)
        if self.n_fits > 1:
            self._show_epochs(f"{len(self.ended)} of {self.n_fits} classes")
        else:
            bound = "about" if expected < max_iter else "at most"
            self._show_epochs(
                f"epoch {epoch} of {bound} {math.ceil(expected)}, "
                f"change {change:.2g}, stops at {tol:g}"
            )

    def _show_epochs(self, text: str) -> None:
        bar = self.bar
        self.first_epoch_at = self.first_epoch_at or time.monotonic()
        bar.n += 1
        of_each = self.ended or self.foretold
        rest = (self.n_fits - len(self.ended)) * sum(of_each) / len(of_each)
        bar.total = max(bar.n, math.ceil(sum(self.ended) + rest))
        # The time left is foretold from epochs alone: the start before them says nothing of it.
        an_epoch = (time.monotonic() - self.first_epoch_at) / max(bar.n - 1, 1)
        left = tqdm.format_interval(an_epoch * (bar.total - bar.n)) if bar.n > 1 else "?"
        bar.bar_format = f"{{desc}} |{{bar:20}}| {{elapsed}}, {left} left"
        bar.set_description_str(text, refresh=False)
        bar.update(0)
