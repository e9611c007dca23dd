"""What the figures share: bare axes in a grid, ink in grey, and signed numbers in blue and red."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_UP, Context

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from digits_lr.figures.show import NotebookFigure


def image_axes(n_images: int, n_columns: int = 5, bar_width: float = 0) -> tuple[Figure, NDArray]:
    """Make axes with nothing but a thin frame, row by row, with inches to spare for a colour bar.

    The frame shows where in its image a digit stands.
    """
    n_columns = min(n_images, n_columns)
    n_rows = -(-n_images // n_columns)
    width, height = max(1.6 * n_columns, 3.0), 1.9 * n_rows  # narrower would cut titles off
    if bar_width:
        height = max(height, 2.8)  # lower would cut the bar's label off
    fig = NotebookFigure(figsize=(width + bar_width, height))
    axs = fig.subplots(n_rows, n_columns, squeeze=False).ravel()
    for ax in axs:
        ax.set(xticks=[], yticks=[])
        ax.spines[:].set(linewidth=0.5, color="0.6")
    for ax in axs[n_images:]:
        ax.remove()
    return fig, axs[:n_images]


def draw_ink(axs: Sequence[Axes], images: NDArray, titles: list[str], smooth: bool) -> None:
    """Draw each image from white at zero to black at the largest pixel of all."""
    darkest = images.max() or 1  # blank images stay white
    for ax, image, title in zip(axs, images, titles, strict=True):
        ax.imshow(
            image,
            cmap="gray_r",
            vmin=0,
            vmax=darkest,
            interpolation="bilinear" if smooth else "nearest",
        )
        ax.set_title(title, fontsize=10)


def draw_signed(axs: Sequence[Axes], images: NDArray, name: str) -> None:
    """Draw each image blue above zero and red below, with one colour bar that says `name`.

    The scale ends at the strongest number. Where that is more than a quarter above the 99.5th
    percentile of all, a few pixels would wash out the rest: the scale ends at the percentile, and
    the colour bar says how many lie beyond. Ends are rounded up to two digits, so that they do not
    hang on a number's last digits, which differ between processors.
    """
    strength = np.abs(images, dtype=float)  # also of bytes and of True and False
    strongest, most = strength.max(), np.percentile(strength, 99.5)
    clipped = strongest > 1.25 * most > 0
    end = float(
        Context(prec=2, rounding=ROUND_UP).create_decimal(str(most if clipped else strongest))
    )
    end = end or 1  # all zero is all white
    for ax, image in zip(axs, images, strict=True):
        drawn = ax.imshow(image, cmap="RdBu", vmin=-end, vmax=end, interpolation="nearest")
    if clipped:
        name += f"\n{(strength > end).sum()} of {images.size:,} beyond, up to {strongest:.2g}"
    fig = axs[0].figure
    bar = fig.colorbar(drawn, ax=fig.axes, shrink=0.9, extend="both" if clipped else "neither")
    bar.set_label(name, fontsize=9)
