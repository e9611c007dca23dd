"""Which pixels spoke for a prediction."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from digits_lr._checks import check_numbers, check_same_length
from digits_lr.coefficients import draw_signed
from digits_lr.samples import draw_ink


def plot_evidence(images: ArrayLike, evidence: ArrayLike, titles: Sequence[str]) -> Figure:
    """Draw images in a row, and under each what every pixel of it added to a score.

    Parameters
    ----------
    images : array-like of shape (n_images, height, width)
        Pixel intensities; 0 is drawn white and the largest pixel of all `images` black.
    evidence : array-like of shape (n_images, height, width)
        What each pixel added: coefficients times pixels.
    titles : sequence of str
        What to write over each image.

    Returns
    -------
    matplotlib.figure.Figure
        Blue where a pixel spoke for the score and red where it spoke against it, white at zero,
        all on one scale that is symmetric about zero; one colour bar.

    Raises
    ------
    ValueError
        If a shape does not fit, a number is not finite, or the lengths differ.
    """
    images = check_numbers(images, "images", "(n_images, height, width)")
    evidence = check_numbers(evidence, "evidence", "(n_images, height, width)")
    if images.shape != evidence.shape:
        raise ValueError(f"evidence has shape {evidence.shape}; wanted images' {images.shape}")
    check_same_length(images=images, titles=titles)
    fig, axs = plt.subplots(
        2,
        len(images),
        squeeze=False,
        figsize=(1.6 * len(images) + 1.2, 4.2),
        layout="constrained",
    )
    darkest = images.max() or 1  # blank images stay white
    strongest = np.abs(evidence).max() or 1
    for ax in axs.flat:
        ax.axis("off")
    for (above, below), image, values, title in zip(axs.T, images, evidence, titles, strict=True):
        draw_ink(above, image, darkest)
        above.set_title(title, fontsize=10)
        drawn = draw_signed(below, values, strongest)
    fig.colorbar(drawn, ax=axs[1], label="evidence", shrink=0.9)
    return fig
