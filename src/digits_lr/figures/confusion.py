"""The confusion matrix as an annotated heatmap."""

from __future__ import annotations

import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike
from sklearn.metrics import confusion_matrix
from sklearn.utils import check_consistent_length

from digits_lr._checks import check_labels
from digits_lr.figures.show import NotebookFigure, with_defaults


@with_defaults
def plot_confusion(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    *,
    labels: ArrayLike | None = None,
    by_class: bool = False,
    ax: Axes | None = None,
) -> Axes:
    """Draw the confusion matrix, titled with the accuracy or the most frequent error.

    The colours show the errors only: right answers, on the diagonal, are grey or blank, since they
    are so many that on one scale with the errors every error would look like none.

    Parameters
    ----------
    y_true, y_pred : array-like of shape (n_samples,)
        True and predicted classes, both numbers or both strings.
    labels : array-like of shape (n_classes,), default=None
        The classes in the order of the rows; None takes those that occur, sorted.
    by_class : bool, default=False
        Draw the errors as percent of the true class's images, the diagonal blank, instead of
        counts. Classes of different size can then be compared.
    ax : matplotlib.axes.Axes, default=None
        Where to draw; None makes a new figure, with matplotlib's own settings.

    Returns
    -------
    matplotlib.axes.Axes
        True classes downwards, predicted classes to the right, the number in each cell.

    Raises
    ------
    ValueError
        If the lengths differ, an argument is empty or not labels, or a class is not in `labels`.

    Examples
    --------
    >>> ax = plot_confusion([7, 2, 1, 7], [7, 7, 1, 7])
    >>> ax.get_title()
    'Accuracy 0.7500: 3 of 4 right'
    """
    y_true, y_pred = check_labels(y_true=y_true, y_pred=y_pred)
    check_consistent_length(y_true, y_pred)
    occurring = np.union1d(y_true, y_pred)
    (labels,) = check_labels(labels=occurring if labels is None else labels)
    if not np.isin(occurring, labels).all():
        raise ValueError(
            f"labels is {labels.tolist()}; wanted every class of y_true and y_pred, "
            f"which also hold {np.setdiff1d(occurring, labels).tolist()}"
        )
    if len(np.unique(labels)) < len(labels):
        raise ValueError(f"labels is {labels.tolist()}; wanted each class once")

    counts = confusion_matrix(y_true, y_pred, labels=labels)
    right = np.eye(len(labels), dtype=bool)
    if ax is None:
        ax = NotebookFigure(figsize=(5.8, 5.0)).subplots()
    if by_class:
        shown = 100 * counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
        number, unit = ".1f", "errors (% of the true class)"
        errors = np.where(right, 0, shown)
        true, predicted = np.unravel_index(errors.argmax(), errors.shape)
        title = (
            f"Most frequent error: {labels[true]} predicted as {labels[predicted]} "
            f"({errors.max():.1f} % of class {labels[true]})"
            if errors.any()
            else "No errors"
        )
    else:
        shown, number, unit = counts, "d", "errors (images)"
        n_right, n_images = counts.trace(), counts.sum()
        title = f"Accuracy {n_right / n_images:.4f}: {n_right:,} of {n_images:,} right"
    shared = {
        "annot": True,
        "fmt": number,
        "square": True,
        "linewidths": 0.5,
        "xticklabels": labels,
        "yticklabels": labels,
        "ax": ax,
    }
    sns.heatmap(
        shown,
        mask=right,
        cmap="Blues",
        vmin=0,
        vmax=shown[~right].max(initial=0) or 1,
        cbar_kws={"label": unit, "shrink": 0.8, "ticks": MaxNLocator(integer=True)},
        **shared,
    )
    if not by_class:
        sns.heatmap(counts, mask=~right, cmap=ListedColormap(["0.85"]), cbar=False, **shared)
    ax.tick_params(axis="y", rotation=0)
    ax.set(xlabel="predicted class", ylabel="true class", title=title)
    return ax
