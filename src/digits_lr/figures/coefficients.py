"""Coefficients as images."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from numpy.typing import ArrayLike, NDArray

from digits_lr._checks import check_labels, check_numbers, check_same_length
from digits_lr.figures.samples import image_axes


def plot_coefficients(
    coef: ArrayLike, image_shape: tuple[int, int], *, labels: ArrayLike | None = None
) -> Figure:
    """Draw each class's coefficients as an image, all on one scale that is symmetric about zero.

    Parameters
    ----------
    coef : array-like of shape (n_classes, n_pixels)
        A fitted model's `coef_`, or some of its rows.
    image_shape : tuple of int
        (height, width), with ``height * width == n_pixels``.
    labels : array-like of shape (n_classes,), default=None
        The class of each row of `coef`; None numbers them from 0.

    Returns
    -------
    matplotlib.figure.Figure
        One image a class, five a row: blue where ink speaks for the class, red where it speaks
        against it, white at zero; one colour bar.

    Raises
    ------
    ValueError
        If a shape does not fit, a coefficient is not finite, or the lengths differ.

    Notes
    -----
    The diverging map and the shared symmetric scale follow scikit-learn's example
    `plot_sparse_logistic_regression_mnist
    <https://scikit-learn.org/stable/auto_examples/linear_model/plot_sparse_logistic_regression_mnist.html>`_.
    """
    coef = check_numbers(coef, "coef", "(n_classes, n_pixels)")
    labels = np.arange(len(coef)) if labels is None else check_labels(labels, "labels")
    check_same_length(coef=coef, labels=labels)
    n_pixels = coef.shape[1]
    shape = np.asarray(image_shape)
    whole = shape.shape == (2,) and shape.dtype.kind in "iu" and shape.min() > 0
    if not whole or shape.prod() != n_pixels:
        raise ValueError(
            f"image_shape is {image_shape}; wanted (height, width) with height * width = "
            f"{n_pixels}, the columns of coef"
        )
    fig, axs = image_axes(len(coef), bar_width=1.2)
    if len(coef) == 1:
        fig.set_figheight(2.8)  # or the colour bar's numbers would not fit
    vmax = np.abs(coef).max() or 1  # all zero is all white
    for ax, row, label in zip(axs, coef, labels, strict=False):
        image = draw_signed(ax, row.reshape(image_shape), vmax)
        ax.set_title(f"class {label}", fontsize=10)
    fig.colorbar(image, ax=axs, label="coefficient", shrink=0.9)
    return fig


def draw_signed(ax: Axes, values: NDArray, strongest: float) -> AxesImage:
    """Draw `values` blue above zero and red below, darkest at `strongest` either way."""
    return ax.imshow(values, cmap="RdBu", vmin=-strongest, vmax=strongest, interpolation="nearest")
