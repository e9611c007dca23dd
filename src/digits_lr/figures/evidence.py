"""Which pixels spoke for a prediction."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from digits_lr._checks import check_label_pair, check_numbers, check_same_length
from digits_lr.figures.coefficients import draw_signed
from digits_lr.figures.samples import draw_ink


def plot_evidence(
    images: ArrayLike, evidence: ArrayLike, y_true: ArrayLike, y_pred: ArrayLike
) -> Figure:
    """Draw images in a row, and under each what every pixel of it added to the prediction.

    Parameters
    ----------
    images : array-like of shape (n_images, height, width)
        Pixel intensities; 0 is drawn white and the largest pixel of all `images` black.
    evidence : array-like of shape (n_images, height * width)
        What each pixel added: coefficients of the predicted class minus those of the true class,
        times the pixels.
    y_true, y_pred : array-like of shape (n_images,)
        True and predicted classes, both integers or both strings, for the titles.

    Returns
    -------
    matplotlib.figure.Figure
        Blue where a pixel spoke for the prediction and red where it spoke for the truth, white
        at zero, all on one scale that is symmetric about zero; one colour bar.

    Raises
    ------
    ValueError
        If a shape does not fit, a number is not finite, or the lengths differ.
    """
    images = check_numbers(images, "images", "(n_images, height, width)")
    evidence = check_numbers(evidence, "evidence", "(n_images, n_pixels)")
    y_true, y_pred = check_label_pair(y_true, y_pred)
    check_same_length(images=images, evidence=evidence, y_true=y_true, y_pred=y_pred)
    if evidence.size != images.size:
        raise ValueError(
            f"evidence has {evidence.shape[1]} columns; wanted one for each of the "
            f"{images[0].size} pixels of an image"
        )
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
    for (above, below), image, values, truth, predicted in zip(
        axs.T, images, evidence.reshape(images.shape), y_true, y_pred, strict=True
    ):
        draw_ink(above, image, darkest)
        above.set_title(f"true {truth}, predicted {predicted}", fontsize=10)
        drawn = draw_signed(below, values, strongest)
    fig.colorbar(drawn, ax=axs[1], label="evidence", shrink=0.9)
    return fig
