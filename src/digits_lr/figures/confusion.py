"""The confusion matrix as an annotated heatmap."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike

from digits_lr._checks import check_labels, check_lengths
from digits_lr.figures._grid import WIDTH, literal

_MOST_NUMBERED = 30  # with more classes than that the numbers would hide the colours


def plot_confusion(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    *,
    labels: ArrayLike | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the confusion matrix, titled with the accuracy.

    The colours show the errors only: right answers, on the diagonal, are grey, since they are so
    many that on one scale with the errors every error would look like none.

    Parameters
    ----------
    y_true, y_pred : array-like of shape (n_samples,)
        True and predicted classes, both numbers or both strings.
    labels : array-like of shape (n_classes,), default=None
        The classes in the order of the rows; None takes those that occur, sorted.
    ax : matplotlib.axes.Axes, default=None
        Where to draw; None makes a new figure of pyplot's, larger for more than ten
        classes and for long labels.

    Returns
    -------
    matplotlib.axes.Axes
        True classes downwards, predicted classes to the right, the number of images in each cell;
        only colours if there are more than 30 classes.

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
    check_lengths(y_true=y_true, y_pred=y_pred)
    occurring = np.union1d(y_true, y_pred)
    labels, _ = check_labels(labels=occurring if labels is None else labels, y_true=y_true)
    if not np.isin(occurring, labels).all():
        raise ValueError(
            f"labels is {labels.tolist()}; wanted every class of y_true and y_pred, "
            f"which also hold {np.setdiff1d(occurring, labels).tolist()}"
        )
    if len(np.unique(labels)) < len(labels):
        raise ValueError(f"labels is {labels.tolist()}; wanted each class once")

    table = pd.crosstab(y_true, y_pred).reindex(index=labels, columns=labels, fill_value=0)
    names = [literal(label) for label in labels]
    counts = table.to_numpy()
    right = np.eye(len(labels), dtype=bool)
    numbered = len(labels) <= _MOST_NUMBERED
    if ax is None:
        longest = max(map(len, names))  # a label of more than 8 letters takes room from the cells
        more = 0.43 * max(min(len(labels), _MOST_NUMBERED) - 10, 0) + 0.08 * max(longest - 8, 0)
        _, ax = plt.subplots(figsize=(WIDTH + more, WIDTH - 0.8 + more), layout="constrained")
    sns.heatmap(
        pd.DataFrame(counts, index=names, columns=names),
        mask=right,
        cmap=plt.get_cmap("Blues").with_extremes(bad="0.85"),
        vmin=0,
        vmax=counts[~right].max(initial=0) or 1,
        annot=numbered,
        fmt="d",
        square=True,
        linewidths=0.5,
        cbar_kws={"label": "errors (images)", "shrink": 0.8, "ticks": MaxNLocator(integer=True)},
        ax=ax,
    )
    if numbered:
        for k, n in enumerate(counts.diagonal()):
            ax.text(k + 0.5, k + 0.5, f"{n}", color=".15", ha="center", va="center")
    ax.tick_params(axis="y", rotation=0)
    n_right, n_images = counts.trace(), counts.sum()
    ax.set(
        xlabel="predicted class",
        ylabel="true class",
        title=f"Accuracy {n_right / n_images:.4f}: {n_right:,} of {n_images:,} right",
    )
    return ax
