"""Figures and tables as a notebook's outputs: the same bytes each run, with words."""

from __future__ import annotations

import io
from html import escape

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython.display import Image, display
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image as PILImage

_STORED_DPI = 200  # twice a page's, crisp on high-density screens


class _Picture(Image):
    """A PNG whose plain text is its alternative text."""

    def __repr__(self) -> str:
        return self.alt


def show_figure(fig: Figure | Axes | NDArray, alt: str) -> None:
    """Display a figure as a PNG with alternative text, and close it.

    A figure that a notebook shows by itself has no alternative text.

    Parameters
    ----------
    fig : matplotlib.figure.Figure, matplotlib.axes.Axes or array of Axes
        The figure, or what a function that draws returned. It is closed, so that the notebook does
        not show it again.
    alt : str
        Kind of figure, axes and finding, for readers who do not see it. It is stored as the
        image's ``alt`` and as the output's plain text, which nbval compares.

    Raises
    ------
    TypeError
        If `fig` is neither a figure nor on one.
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
    try:
        whole = np.asarray(fig).flat[0].figure.figure  # twice, as it may be a subfigure's
    except (AttributeError, IndexError):
        raise TypeError(f"fig is {fig!r}; wanted a Figure, Axes or an array of Axes") from None
    drawn, png = io.BytesIO(), io.BytesIO()
    whole.savefig(drawn, format="png", dpi=_STORED_DPI)
    plt.close(whole)
    picture: PILImage.Image = PILImage.open(drawn)
    if picture.getextrema()[-1] == (255, 255):  # opaque: an eighth smaller without an alpha
        picture = picture.convert("RGB")
    picture.save(png, format="png", optimize=True)
    display(_Picture(png.getvalue(), format="png", retina=True, alt=alt))


def show_table(frame: pd.DataFrame | pd.Series, caption: str) -> None:
    """Display `frame` as a table with a caption.

    Parameters
    ----------
    frame : pandas.DataFrame or pandas.Series
        What the table holds, rounded as it should be read; ``display.precision`` of pandas sets
        the digits after the point. An index that only counts the rows is left out, if it has no
        name.
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
    frame = pd.DataFrame(frame)
    counts_rows = frame.index.equals(pd.RangeIndex(len(frame))) and frame.index.name is None
    html = frame.to_html(border=0, index=not counts_rows)
    html = html.replace(">", f">\n  <caption>{escape(caption)}</caption>", 1)  # <table ...>
    text = frame.to_string(line_width=80, index=not counts_rows)
    display(_Table(f"{caption}\n{text}", html))


class _Table:
    """A table in HTML, and in plain text for where that cannot be shown."""

    def __init__(self, text: str, html: str) -> None:
        self.text, self.html = text, html

    def __repr__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        return self.html
