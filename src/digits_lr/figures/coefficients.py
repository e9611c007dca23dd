"""Coefficients as images."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from digits_lr._checks import check_labels, check_lengths, check_numbers
from digits_lr.figures._grid import draw_signed, image_axes, literal


def plot_coefficients(
    coef: ArrayLike, image_shape: tuple[int, int], *, labels: ArrayLike | None = None
) -> NDArray:
    """Draw each class's coefficients as an image, all on one scale that is symmetric about zero.

    Parameters
    ----------
    coef : array-like of shape (n_classes, n_pixels)
        A fitted model's `coef_`, or some of its rows. Of two classes it has one row, which speaks
        for the second.
    image_shape : tuple of int
        (height, width), with ``height * width == n_pixels``.
    labels : array-like of shape (n_classes,), default=None
        The class of each row of `coef`; None numbers them from 0. For the one row of two classes
        pass ``model.classes_[1:]``.

    Returns
    -------
    ndarray of shape (n_classes,) of matplotlib.axes.Axes
        Five images a row, on a new figure of pyplot's: blue where ink speaks for the class, red
        where it speaks against it, white at zero; one colour bar. Its scale ends at the strongest
        coefficient, or, where that is more than a quarter above the 99.5th percentile, at the
        percentile; the bar then has pointed ends and says how many coefficients lie beyond.

    Raises
    ------
    ValueError
        If a shape or a type does not fit, a coefficient is not finite, or the lengths differ.

    Examples
    --------
    >>> axs = plot_coefficients([[0.5, -2.0, 0.0, 1.0]], (2, 2), labels=["one"])
    >>> axs[0].get_title()
    'class one'
    """
    coef = check_numbers(coef, "coef", "(n_classes, n_pixels)")
    (labels,) = check_labels(labels=np.arange(len(coef)) if labels is None else labels)
    check_lengths(coef=coef, labels=labels)
    try:
        height, width = image_shape
        images = coef.reshape(len(coef), height, width)
    except (TypeError, ValueError):
        raise ValueError(
            f"image_shape is {image_shape}; wanted (height, width) with height * width = "
            f"{coef.shape[1]}, the columns of coef"
        ) from None
    axs = image_axes([f"class {literal(label)}" for label in labels], with_bar=True)
    draw_signed(axs, images, "coefficient", percentile=99.5)
    return axs
