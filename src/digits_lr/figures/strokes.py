"""Coefficients of stroke directions as strokes."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from digits_lr._checks import check_labels, check_lengths, check_numbers
from digits_lr.figures._grid import image_axes, literal


def plot_strokes(coef: ArrayLike, images: ArrayLike, *, labels: ArrayLike | None = None) -> NDArray:
    """Draw in each cell the stroke that matters most for each class, over an image of the class.

    Parameters
    ----------
    coef : array-like of shape (n_classes, n_directions, n_rows, n_columns)
        A linear model's coefficients of the features of `StrokeDirections`, with an even number of
        directions. A stroke has an edge on either side, and these face opposite ways: the
        coefficients of opposite directions are added.
    images : array-like of shape (n_classes, height, width)
        What is drawn in light grey below, for example the mean image of each class.
    labels : array-like of shape (n_classes,), default=None
        The class of each image; None numbers them from 0.

    Returns
    -------
    ndarray of shape (n_classes,) of matplotlib.axes.Axes
        Five images a row, on a new figure of pyplot's. Blue strokes speak for the class and red
        ones against it. Length and colour grow with the coefficient up to its 95th percentile over
        all strokes drawn, and no further.

    Raises
    ------
    ValueError
        If a shape or a type does not fit, `n_directions` is odd, a number is not finite, or the
        lengths differ.

    Examples
    --------
    >>> import numpy as np
    >>> axs = plot_strokes(np.ones((1, 4, 2, 2)), np.zeros((1, 28, 28)), labels=["one"])
    >>> axs[0].get_title()
    'class one'
    """
    coef = check_numbers(coef, "coef", "(n_classes, n_directions, n_rows, n_columns)")
    coef = coef.astype(float)  # bytes would overflow when they are added
    images = check_numbers(images, "images", "(n_images, height, width)")
    (labels,) = check_labels(labels=np.arange(len(coef)) if labels is None else labels)
    check_lengths(coef=coef, images=images, labels=labels)
    _, n_directions, n_rows, n_columns = coef.shape
    if n_directions % 2:
        raise ValueError(f"coef has {n_directions} directions; wanted an even number")
    by_stroke = coef[:, : n_directions // 2] + coef[:, n_directions // 2 :]
    strongest = np.abs(by_stroke).argmax(axis=1, keepdims=True)
    weight = np.take_along_axis(by_stroke, strongest, axis=1)[:, 0]
    size = np.abs(weight)
    end = np.percentile(size, 95) or size.max() or 1  # all zero draws nothing
    length = 0.9 * np.minimum(size / end, 1)  # in cells
    # A stroke runs at a right angle to the way its edges face, which is counted clockwise.
    angle = np.pi / 2 - strongest[:, 0] * (2 * np.pi / n_directions)
    axs = image_axes([f"class {literal(label)}" for label in labels])
    darkest = max(images.max(), 0) or 1  # blank images stay white
    # The outer cells of `StrokeDirections` lie on the edges of the image, or close to them.
    extent = (0, max(n_columns - 1, 0.5), max(n_rows - 1, 0.5), 0)
    for k, ax in enumerate(axs):
        ax.imshow(
            images[k], cmap="gray_r", vmin=0, vmax=2.5 * darkest, extent=extent, origin="upper"
        )
        ax.quiver(
            length[k] * np.cos(angle[k]),
            length[k] * np.sin(angle[k]),
            weight[k],
            cmap="RdBu",
            clim=(-end, end),
            pivot="middle",
            scale_units="x",
            scale=1,
            width=0.022,
            headlength=0,
            headaxislength=0,
        )
        ax.set(xlim=(-0.5, n_columns - 0.5), ylim=(n_rows - 0.5, -0.5))
    return axs
