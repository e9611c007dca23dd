"""The images that a model gets wrong."""

from __future__ import annotations

from numbers import Integral

import matplotlib.pyplot as plt
import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_scalar

from digits_lr._checks import check_labels, check_lengths, check_numbers
from digits_lr.figures._grid import draw_ink, image_axes, literal
from digits_lr.scores import misclassified


def plot_misclassified(
    images: ArrayLike,
    y_true: ArrayLike,
    y_pred: ArrayLike,
    *,
    pair: tuple[int, int] | tuple[str, str] | None = None,
    limit: int = 20,
) -> NDArray:
    r"""Draw the first misclassified images.

    Each is titled with its row, the true class and what it was taken for, as in "2 as 3".

    Parameters
    ----------
    images : array-like of shape (n_samples, height, width)
        All images that were predicted, right or wrong.
    y_true, y_pred : array-like of shape (n_samples,)
        True and predicted classes, both numbers or both strings.
    pair : tuple of two classes, default=None
        Draw only images of the first class that were predicted as the second.
    limit : int, default=20
        The most images to draw, at least 1.

    Returns
    -------
    ndarray of shape (n_images,) of matplotlib.axes.Axes
        Five images a row, on a new figure of pyplot's. If there is none to draw, one Axes with a
        sentence that says so.

    Raises
    ------
    TypeError
        If `limit` is no whole number.
    ValueError
        If a shape or a type does not fit, the lengths differ, `pair` is not two labels
        of the same type, or `limit` is below 1.

    Examples
    --------
    >>> axs = plot_misclassified([[[0, 1], [1, 0]]] * 3, [7, 2, 1], [7, 3, 1])
    >>> axs[0].get_title()
    'row 1\n2 as 3'
    """
    images = check_numbers(images, "images", "(n_images, height, width)")
    rows = misclassified(y_true, y_pred)
    y_true, y_pred = np.asarray(y_true), np.asarray(y_pred)
    check_lengths(images=images, y_true=y_true)
    check_scalar(limit, "limit", Integral, min_val=1)

    kind = "misclassified images"
    if pair is not None:
        classes, _ = check_labels(pair=pair, y_true=y_true)
        if len(classes) != 2:
            raise ValueError(f"pair is {pair}; wanted the true and the predicted class")
        true, predicted = classes
        rows = rows[(y_true[rows] == true) & (y_pred[rows] == predicted)]
        kind = f"images of {literal(true)} predicted as {literal(predicted)}"
    if len(rows) == 0:
        _, ax = plt.subplots(figsize=(4, 0.8), layout="constrained")
        ax.axis("off")
        ax.text(0.5, 0.5, f"No {kind} among {len(images):,}.", ha="center", va="center")
        return np.array([ax])
    shown = rows[:limit]
    titles = [
        f"row {row}\n{literal(true)} as {literal(predicted)}"
        for row, true, predicted in zip(shown, y_true[shown], y_pred[shown], strict=True)
    ]
    axs = image_axes(titles, suptitle=f"{len(shown)} of {len(rows):,} {kind}")
    draw_ink(axs, images[shown])
    return axs
