"""A progress bar for whoever is watching, without a trace in what is stored."""

import contextlib
import io
import sys
import threading
from collections.abc import Callable
from typing import Any

from IPython import get_ipython
from IPython.display import display
from tqdm import tqdm


def watched() -> bool:
    """Tell whether a person can see progress now: at a terminal, or in a live notebook."""
    if _in_live_cell():
        return True
    with contextlib.suppress(AttributeError, ValueError):  # no stderr, a closed one, half a file
        return sys.stderr.isatty()
    return False


def progress_bar(**options: Any) -> tqdm:
    """Make a tqdm bar that vanishes when closed and, unless `watched`, is disabled."""
    if _in_live_cell():
        options |= {"file": _CellText(), "position": 0}
    # miniters: redraw on any news
    return _Bar(disable=not watched(), leave=False, miniters=0, **options)


def _in_live_cell() -> bool:
    # A front end with a person behind it lets a cell ask for input; nbclient and nbval, which
    # store or compare every output, do not.
    get_parent = getattr(get_ipython(), "get_parent", None)
    if get_parent is None:  # plain Python, or IPython in a terminal
        return False
    return get_parent().get("content", {}).get("allow_stdin", False)


class _Bar(tqdm):
    monitor_interval = 0  # tqdm's monitor is a thread that stays
    # tqdm's own lock is shared between processes, and making it can start one that stays.
    _lock = threading.RLock()

    @staticmethod
    def status_printer(file: Any) -> Callable[[str], None]:
        """Return what draws a line over the longest one so far.

        tqdm's own notes a line's length after drawing it, so an interrupt between the two leaves
        the line's end on the screen.
        """
        width = 0

        def print_status(line: str) -> None:
            nonlocal width
            width = max(width, len(line))
            file.write("\r" + line.ljust(width))
            file.flush()

        return print_status


class _CellText(io.TextIOBase):
    """A file for tqdm: one output of the cell, whose text is always what was written last.

    When tqdm blanks its line, the output holds no data: nothing to see and nothing to compare.
    """

    encoding = "utf-8"  # else tqdm draws in ASCII
    _output = None

    def write(self, text: str) -> int:
        line = text.strip()
        data = {"text/plain": line} if line else {}
        if self._output is None:
            self._output = display(data, raw=True, display_id=True)
        else:
            self._output.update(data, raw=True)
        return len(text)
