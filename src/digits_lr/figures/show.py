"""Figures as notebook outputs: same bytes each run, with alternative text."""

import io

import matplotlib.pyplot as plt
from IPython.display import Image, display
from matplotlib.figure import Figure

_PAGE_DPI = 100
_STORED_DPI = 2 * _PAGE_DPI  # crisp on high-density screens


class _Picture(Image):
    """A PNG whose plain text is its alternative text."""

    def __repr__(self) -> str:
        return self.alt


def show_figure(fig: Figure, alt: str) -> None:
    """Display `fig` as a PNG with alternative text, and close it.

    Letting a notebook show the figure by itself would drop the text, and would store a size that
    depends on the front end's settings.

    Parameters
    ----------
    fig : matplotlib.figure.Figure
        The figure; it is closed, so that the notebook does not show it once more.
    alt : str
        Kind of figure, axes and finding, for readers who do not see it. It is stored as the
        image's ``alt`` and as the output's plain text, which nbval compares.

    Raises
    ------
    ValueError
        If `alt` is blank.
    """
    if not isinstance(alt, str) or not alt.strip():
        raise ValueError(f"alt is {alt!r}; wanted kind of figure, axes and finding in words")
    width, height = (round(inches * _PAGE_DPI) for inches in fig.get_size_inches())
    png = io.BytesIO()
    fig.savefig(png, format="png", dpi=_STORED_DPI, metadata={"Software": None})
    plt.close(fig)
    display(_Picture(png.getvalue(), format="png", width=width, height=height, alt=alt))
