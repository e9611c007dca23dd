"""What the data look like."""

from __future__ import annotations

from numpy.typing import ArrayLike, NDArray

from digits_lr._checks import check_labels, check_lengths, check_numbers
from digits_lr.figures._grid import draw_ink, image_axes, literal


def plot_samples(images: ArrayLike, labels: ArrayLike) -> NDArray:
    """Draw images side by side, each titled with its label.

    Parameters
    ----------
    images : array-like of shape (n_images, height, width)
        Pixel intensities; 0 and below is drawn white, the largest pixel of all `images` black.
    labels : array-like of shape (n_images,)
        Class labels.

    Returns
    -------
    ndarray of shape (n_images,) of matplotlib.axes.Axes
        Five images a row, on a new figure of pyplot's.

    Raises
    ------
    ValueError
        If a shape or a type does not fit, the lengths differ, or a pixel is not finite.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> digits = load_digits()
    >>> axs = plot_samples(digits.images[:5], digits.target[:5])
    >>> axs[0].get_title()
    'label 0'
    """
    images = check_numbers(images, "images", "(n_images, height, width)")
    (labels,) = check_labels(labels=labels)
    check_lengths(images=images, labels=labels)
    axs = image_axes([f"label {literal(label)}" for label in labels])
    draw_ink(axs, images)
    return axs
