"""Which pixels spoke for a prediction."""

from __future__ import annotations

from numpy.typing import ArrayLike, NDArray

from digits_lr._checks import check_labels, check_lengths, check_numbers
from digits_lr.figures._grid import draw_ink, draw_signed, image_axes, literal


def plot_evidence(
    images: ArrayLike, evidence: ArrayLike, y_true: ArrayLike, y_pred: ArrayLike
) -> NDArray:
    """Draw images in a row, and under each what every pixel of it added to the prediction.

    Each is titled with the true class and what it was taken for, as in "7 as 1".

    Parameters
    ----------
    images : array-like of shape (n_images, height, width)
        Pixel intensities; 0 and below is drawn white, the largest pixel of all `images` black.
    evidence : array-like of shape (n_images, height * width)
        What each pixel added: coefficients of the predicted class minus those of the true class,
        times the pixels.
    y_true, y_pred : array-like of shape (n_images,)
        True and predicted classes, both numbers or both strings, for the titles.

    Returns
    -------
    ndarray of shape (2, n_images) of matplotlib.axes.Axes
        The images and, on the same new figure of pyplot's, their evidence: blue where a pixel
        spoke for the prediction and red where it spoke for the truth, white at zero, all on one
        scale that is symmetric about zero and ends at the strongest; one colour bar.

    Raises
    ------
    ValueError
        If a shape or a type does not fit, a number is not finite, or the lengths differ.

    Examples
    --------
    >>> axs = plot_evidence([[[0, 1], [1, 0]]], [[0, 2.0, -1.0, 0]], [7], [1])
    >>> axs[0, 0].get_title()
    '7 as 1'
    """
    images = check_numbers(images, "images", "(n_images, height, width)")
    evidence = check_numbers(evidence, "evidence", "(n_images, n_pixels)")
    y_true, y_pred = check_labels(y_true=y_true, y_pred=y_pred)
    check_lengths(images=images, evidence=evidence, y_true=y_true, y_pred=y_pred)
    if evidence.size != images.size:
        raise ValueError(
            f"evidence has {evidence.shape[1]} columns; wanted one for each of the "
            f"{images[0].size} pixels of an image"
        )
    n = len(images)
    titles = [
        f"{literal(true)} as {literal(predicted)}"
        for true, predicted in zip(y_true, y_pred, strict=True)
    ]
    axs = image_axes(titles + [""] * n, n_columns=n, with_bar=True).reshape(2, n)
    draw_ink(axs[0], images)
    draw_signed(axs[1], evidence.reshape(images.shape), "evidence")
    return axs
