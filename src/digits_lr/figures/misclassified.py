"""The images that a model gets wrong."""

from numbers import Integral

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from digits_lr._checks import check_label_pair, check_numbers, check_same_length
from digits_lr.figures.samples import image_grid
from digits_lr.scores import misclassified


def plot_misclassified(
    images: ArrayLike,
    y_true: ArrayLike,
    y_pred: ArrayLike,
    *,
    pair: tuple[int, int] | tuple[str, str] | None = None,
    limit: int = 20,
) -> Figure:
    """Draw the first misclassified images, each titled with its row, truth and prediction.

    Parameters
    ----------
    images : array-like of shape (n_samples, height, width)
        All images that were predicted, right or wrong.
    y_true, y_pred : array-like of shape (n_samples,)
        True and predicted classes, both integers or both strings.
    pair : tuple of two classes, default=None
        Draw only images of the first class that were predicted as the second.
    limit : int, default=20
        The most images to draw, at least 1.

    Returns
    -------
    matplotlib.figure.Figure
        Five images a row; one sentence if there is none to draw.

    Raises
    ------
    ValueError
        If a shape or a type does not fit, the lengths differ, `pair` is not two labels
        of the same type, or `limit` is no whole number or below 1.
    """
    images = check_numbers(images, "images", "(n_images, height, width)")
    rows = misclassified(y_true, y_pred)
    y_true, y_pred = np.asarray(y_true), np.asarray(y_pred)
    check_same_length(images=images, y_true=y_true, y_pred=y_pred)
    if not isinstance(limit, Integral) or limit < 1:
        raise ValueError(f"limit is {limit!r}; wanted a whole number, 1 or more")

    kind = "misclassified images"
    if pair is not None:
        classes, _ = check_label_pair(pair, y_true, names=("pair", "y_true"))
        if len(classes) != 2:
            raise ValueError(f"pair is {pair}; wanted the true and the predicted class")
        true, predicted = classes
        rows = rows[(y_true[rows] == true) & (y_pred[rows] == predicted)]
        kind = f"images of {true} predicted as {predicted}"
    if len(rows) == 0:
        fig = plt.figure(figsize=(4, 0.8))
        fig.text(0.5, 0.5, f"No {kind} among {len(images):,}.", ha="center")
        return fig
    shown = rows[:limit]
    titles = [
        f"row {row}\ntrue {truth}, predicted {predicted}"
        for row, truth, predicted in zip(shown, y_true[shown], y_pred[shown], strict=True)
    ]
    fig = image_grid(images[shown], titles)
    fig.suptitle(f"{len(shown)} of {len(rows):,} {kind}", fontsize=11)
    return fig
