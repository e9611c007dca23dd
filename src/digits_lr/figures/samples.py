"""What the data look like."""

from __future__ import annotations

from matplotlib.figure import Figure
from numpy.typing import ArrayLike
from sklearn.utils import check_consistent_length

from digits_lr._checks import check_labels, check_numbers
from digits_lr.figures._grid import draw_ink, image_axes
from digits_lr.figures.show import with_defaults


@with_defaults
def plot_samples(images: ArrayLike, labels: ArrayLike, *, smooth: bool = False) -> Figure:
    """Draw images side by side, each titled with its label.

    Parameters
    ----------
    images : array-like of shape (n_images, height, width)
        Pixel intensities; 0 is drawn white and the largest pixel of all `images` black.
    labels : array-like of shape (n_images,)
        Class labels.
    smooth : bool, default=False
        Blur the steps between pixels, so that a person reads small images better.

    Returns
    -------
    matplotlib.figure.Figure
        Five images a row.

    Raises
    ------
    ValueError
        If a shape or a type does not fit, the lengths differ, or a pixel is not finite.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> digits = load_digits()
    >>> fig = plot_samples(digits.images[:5], digits.target[:5])
    >>> fig.axes[0].get_title()
    'label 0'
    """
    images = check_numbers(images, "images", "(n_images, height, width)")
    (labels,) = check_labels(labels=labels)
    check_consistent_length(images, labels)
    fig, axs = image_axes(len(images))
    draw_ink(axs, images, [f"label {label}" for label in labels], smooth)
    return fig
