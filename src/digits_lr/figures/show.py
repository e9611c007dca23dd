"""Figures and tables as a notebook's outputs: shown once, the same bytes each run, with words."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import wraps
from html import escape
from typing import Any, ParamSpec, TypeVar

import matplotlib
import pandas as pd
from IPython import get_ipython
from IPython.display import Image, display
from matplotlib.figure import Figure
from PIL import Image as PILImage

_PAGE_DPI = 100
_STORED_DPI = 2 * _PAGE_DPI  # crisp on high-density screens

P = ParamSpec("P")
R = TypeVar("R")


@contextmanager
def _matplotlib_defaults() -> Iterator[None]:
    """Put a user's matplotlibrc, style and rcParams aside."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        yield


def with_defaults(plot: Callable[P, R]) -> Callable[P, R]:
    """Make `plot` draw alike for every user; on an ``ax`` of their own it keeps their settings."""

    @wraps(plot)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        with _matplotlib_defaults() if kwargs.get("ax") is None else nullcontext():
            return plot(*args, **kwargs)

    return wrapped


class NotebookFigure(Figure):
    """A figure that pyplot does not know, and that the notebook cell which makes it shows once.

    It is shown where the cell asks for it (as its last expression, by `display` or `show_figure`),
    or else at the end of the cell, with all that was drawn on it until then.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(layout="constrained", **options)
        self.shown = False
        shell = get_ipython()
        if hasattr(shell, "kernel"):  # a notebook's shell, and not IPython in a terminal
            shell.events.register("post_execute", self._end_of_cell)

    def _end_of_cell(self) -> None:
        get_ipython().events.unregister("post_execute", self._end_of_cell)
        if not self.shown:
            display(self)

    def _ipython_display_(self) -> None:
        """Take precedence over the formatters that the inline backend sets for every Figure."""
        texts = [self.get_suptitle(), *(ax.get_title() for ax in self.axes)]
        words = "; ".join(text.replace("\n", ", ") for text in texts if text)
        show_figure(self, alt=words or "Figure without a title")


class _Picture(Image):
    """A PNG whose plain text is its alternative text."""

    def __repr__(self) -> str:
        return self.alt


def show_figure(fig: Figure, alt: str) -> None:
    """Display `fig` as a PNG with alternative text.

    A figure that a notebook shows by itself has only its titles as alternative text.

    Parameters
    ----------
    fig : matplotlib.figure.Figure
        The figure. If it is pyplot's, it is closed, so that the notebook does not show it again.
    alt : str
        Kind of figure, axes and finding, for readers who do not see it. It is stored as the
        image's ``alt`` and as the output's plain text, which nbval compares.

    Raises
    ------
    ValueError
        If `alt` is blank.

    Examples
    --------
    >>> from digits_lr import plot_samples
    >>> show_figure(plot_samples([[[0, 1], [1, 0]]], [7]), alt="Two dark pixels, titled label 7.")
    Two dark pixels, titled label 7.
    """
    if not isinstance(alt, str) or not alt.strip():
        raise ValueError(f"alt is {alt!r}; wanted kind of figure, axes and finding in words")
    width, height = (round(inches * _PAGE_DPI) for inches in fig.get_size_inches())
    png = io.BytesIO()
    ours = isinstance(fig, NotebookFigure)
    with _matplotlib_defaults() if ours else nullcontext():
        fig.savefig(png, format="png", dpi=_STORED_DPI, metadata={"Software": None})
    if ours:  # opaque: without the channel that says so, a picture is an eighth smaller
        opaque, png = PILImage.open(png).convert("RGB"), io.BytesIO()
        opaque.save(png, format="png", optimize=True)
        fig.shown = True
    elif pyplot := sys.modules.get("matplotlib.pyplot"):
        pyplot.close(fig)
    display(_Picture(png.getvalue(), format="png", width=width, height=height, alt=alt))


def show_table(frame: pd.DataFrame, caption: str) -> None:
    """Display `frame` as a table with a caption.

    Parameters
    ----------
    frame : pandas.DataFrame
        What the table holds, rounded as it should be read; ``display.precision`` of pandas sets
        the digits after the point.
    caption : str
        What the table shows, in a few words. Screen readers say it first.

    Raises
    ------
    ValueError
        If `caption` is blank.

    Examples
    --------
    >>> import pandas as pd
    >>> show_table(pd.DataFrame({"test": [0.96]}, index=["8x8 digits"]), caption="Scores")
    Scores
                test
    8x8 digits  0.96
    """
    if not isinstance(caption, str) or not caption.strip():
        raise ValueError(f"caption is {caption!r}; wanted what the table shows, in words")
    html = frame.to_html(border=0)
    start = html.index(">") + 1
    html = f"{html[:start]}\n  <caption>{escape(caption)}</caption>{html[start:]}"
    display(_Table(f"{caption}\n{frame}", html))


class _Table:
    """A table in HTML, and in plain text for where that cannot be shown."""

    def __init__(self, text: str, html: str) -> None:
        self.text, self.html = text, html

    def __repr__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        return self.html
