"""What the figures share: axes in a grid, ink in grey, signed numbers in blue and red."""

from __future__ import annotations

from decimal import ROUND_UP, Context
from math import ceil

import matplotlib.pyplot as plt
import numpy as np
from numpy.typing import NDArray


def literal(label: object) -> str:
    """Return a label so that matplotlib shows it as it is, and no formula between two ``$``."""
    return str(label).replace("$", r"\$")


# On a phone a figure has 358 pixels, and letters are read from 9 pixels on. So text of 10 points,
# which is matplotlib's, stands on a figure of at most so many inches; five images are wider.
WIDTH = 5.4
_TEXT = 12


def image_axes(
    titles: list[str], n_columns: int = 5, with_bar: bool = False, suptitle: str = ""
) -> NDArray:
    """Make titled axes with nothing but a thin frame, and room for a colour bar.

    The frame shows where in its image a digit stands.
    """
    n_columns = min(len(titles), n_columns)
    n_rows = ceil(len(titles) / n_columns)
    n_lines = max(title.count("\n") + 1 for title in titles)
    width = max(1.3 * n_columns, 3.0)  # narrower would cut titles off
    height = (width / n_columns + 0.22 * n_lines) * n_rows + 1.1 * with_bar + 0.3 * bool(suptitle)
    size = (width, height)
    fig, grid = plt.subplots(n_rows, n_columns, figsize=size, squeeze=False, layout="constrained")
    if suptitle:
        fig.suptitle(suptitle, fontsize=_TEXT)
    axs = grid.ravel()
    for ax in axs[len(titles) :]:
        ax.remove()
    axs = axs[: len(titles)]
    for ax, title in zip(axs, titles, strict=True):
        ax.set(xticks=[], yticks=[])
        ax.spines[:].set(linewidth=0.5, color="0.6")
        ax.set_title(title, fontsize=_TEXT)
    return axs


def draw_ink(axs: NDArray, images: NDArray) -> None:
    """Draw each image from white at zero and below to black at the largest pixel of all."""
    darkest = max(images.max(), 0) or 1  # blank images stay white
    for ax, image in zip(axs, images, strict=True):
        ax.imshow(
            image, cmap="gray_r", vmin=0, vmax=darkest, interpolation="nearest", origin="upper"
        )


def draw_signed(axs: NDArray, images: NDArray, name: str, percentile: float = 100) -> None:
    """Draw each image blue above zero and red below, with one colour bar that says `name`.

    The scale ends at the strongest number. Where that is more than a quarter above `percentile` of
    all, a few pixels would wash out the rest: the scale ends there, and the colour bar says how
    many lie beyond. Ends are rounded up to two digits, so that they do not hang on a number's last
    digits, which differ between processors.
    """
    strength = np.abs(images, dtype=float)  # also of bytes and of True and False
    strongest, end = strength.max(), np.percentile(strength, percentile)
    clipped = strongest > 1.25 * end > 0
    if not clipped:
        end = strongest
    end = float(Context(prec=2, rounding=ROUND_UP).create_decimal(str(end))) or 1  # zero is white
    for ax, image in zip(axs, images, strict=True):
        drawn = ax.imshow(
            image, cmap="RdBu", vmin=-end, vmax=end, interpolation="nearest", origin="upper"
        )
    if clipped:
        name += f"\n{(strength > end).sum()} of {images.size:,} beyond, up to {strongest:.2g}"
    fig = axs[0].figure
    bar = fig.colorbar(
        drawn,
        ax=fig.axes,
        location="bottom",
        aspect=40,
        shrink=0.8,
        ticks=[-end, 0, end],
        format="{x:g}",
        extend="both" if clipped else "neither",
    )
    bar.set_label(name, fontsize=_TEXT)
    bar.ax.tick_params(labelsize=_TEXT)
