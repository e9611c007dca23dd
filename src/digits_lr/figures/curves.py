"""Numbers that run over a parameter, with how sure they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, LogFormatter, MaxNLocator
from numpy.typing import ArrayLike, NDArray

from digits_lr._checks import check_labels, check_lengths, check_numbers
from digits_lr.figures._grid import WIDTH, literal
from digits_lr.scores import accuracy

# Okabe and Ito's colours, told apart also by people who see fewer colours; a marker and a dash for
# each, told apart without any.
_COLORS = ["#0072b2", "#d55e00", "#009e73", "#b5539c", "#555555"]
_MARKERS = ["o", "s", "^", "D", "v"]
_LINES = ["-", "--", "-.", ":"]  # one fewer: the sixth curve is not the first again
_MOST_NAMED = 10  # points on a logarithmic axis; the numbers of more would overlap


def plot_curves(
    x: ArrayLike,
    curves: Mapping[str, ArrayLike],
    *,
    xlabel: str,
    ylabel: str,
    title: str,
    xscale: str = "linear",
    yscale: str = "linear",
    ax: Axes | None = None,
) -> Axes:
    """Draw what runs over a parameter as lines, with intervals as bands.

    Parameters
    ----------
    x : array-like of shape (n_points,)
        The parameter, the same for all curves.
    curves : dict of str to sequence of length n_points
        The points of each curve, by the name that the legend gives it. A point is a number, or it
        starts with the numbers (value, low, high), as what `accuracy` returns does; low and high
        are the edges of the curve's band.
    xlabel, ylabel, title : str
        What runs to the right and upwards, and what there is to see.
    xscale, yscale : str, default="linear"
        ``"log"`` for what grows by factors, or another of matplotlib's scales.
    ax : matplotlib.axes.Axes, default=None
        Where to draw, beside what it shows already; None makes a new figure of pyplot's.

    Returns
    -------
    matplotlib.axes.Axes
        Each curve in a colour, a marker and a dash of its own; a legend if there are two or more.

    Raises
    ------
    TypeError
        If `curves` has no names.
    ValueError
        If a length differs from that of `x`, a number is not finite, the points of a curve are
        neither numbers nor start with three, or `x` is not above 0 on a logarithmic axis.

    Examples
    --------
    >>> from digits_lr import accuracy
    >>> scores = [accuracy([0, 1, 1, 1], [0, 0, 0, 1]), accuracy([0, 1, 1, 1], [0, 1, 0, 1])]
    >>> ax = plot_curves(
    ...     [100, 1000],
    ...     {"pixels": scores, "chance": [0.1, 0.1]},
    ...     xlabel="training images",
    ...     ylabel="accuracy",
    ...     title="More images, fewer errors",
    ...     xscale="log",
    ... )
    >>> [line.get_label() for line in ax.lines]
    ['pixels', 'chance']
    """
    x = check_numbers(x, "x", "(n_points,)")
    if not hasattr(curves, "items"):
        raise TypeError(f"curves is {curves!r}; wanted a dict of names to points")
    checked = {name: _check_points(points, f"curves[{name!r}]") for name, points in curves.items()}
    check_lengths(x=x, **{f"curves[{name!r}]": points for name, points in checked.items()})
    if xscale == "log" and x.min() <= 0:
        raise ValueError(f"x starts at {x.min():g}; wanted numbers above 0, as xscale is 'log'")
    if ax is None:
        _, ax = plt.subplots(figsize=(WIDTH, 3.4), layout="constrained")
    for k, (name, points) in enumerate(checked.items(), start=len(ax.lines)):
        color, marker, line = (styles[k % len(styles)] for styles in [_COLORS, _MARKERS, _LINES])
        values = points if points.ndim == 1 else points[:, 0]
        label = literal(name)
        if label.startswith("_"):
            label = " " + label  # as it is, matplotlib would leave it out of legends
        ax.plot(x, values, color=color, marker=marker, markersize=5, linestyle=line, label=label)
        if points.ndim == 2:
            ax.fill_between(x, points[:, 1], points[:, 2], color=color, alpha=0.2, linewidth=0)
    # Those of curves before these, which setting the scale forgets.
    has_places = isinstance(ax.xaxis.get_major_locator(), FixedLocator)
    places = ax.get_xticks() if has_places else np.empty(0)
    ax.set(xlabel=xlabel, ylabel=ylabel, title=title, xscale=xscale, yscale=yscale)
    if xscale == "linear" and (x == np.round(x)).all():
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    if xscale == "log":  # plain numbers instead of powers
        places = np.union1d(places, x)
        if len(places) <= _MOST_NAMED:
            ax.set_xticks(places, [f"{place:g}" for place in places])
            ax.set_xticks([], minor=True)
        else:
            ax.xaxis.set_major_formatter("{x:g}")
    if yscale == "log":
        ax.yaxis.set_major_formatter(LogFormatter())
        ax.yaxis.set_minor_formatter(LogFormatter(labelOnlyBase=False, minor_thresholds=(2, 0.4)))
    ax.grid(color="0.9")
    ax.set_axisbelow(True)
    ax.spines[["top", "right"]].set_visible(False)
    if len(ax.lines) > 1:  # at the side, where it covers no curve
        ax.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False)
    return ax


def _check_points(points: Any, name: str) -> NDArray:
    if getattr(points, "dtype", None) == np.dtype(object):  # a Series of what `accuracy` returns
        points = list(points)
    shapes = ["(n_points,)", "(n_points, 3 or more)"]
    array = check_numbers(points, name, *shapes)
    if array.ndim == 2 and array.shape[1] < 3:
        raise ValueError(f"{name} has shape {array.shape}; wanted {' or '.join(shapes)}")
    return array


def plot_reliability(y_true: ArrayLike, y_pred: ArrayLike, probability: ArrayLike) -> NDArray:
    """Draw how often a model is right by how sure it is and, below, how often it is so sure.

    Parameters
    ----------
    y_true, y_pred : array-like of shape (n_samples,)
        True and predicted classes, both numbers or both strings.
    probability : array-like of shape (n_samples,)
        The probability that the model gave to its prediction, which is the largest of the row of
        `predict_proba`.

    Returns
    -------
    ndarray of shape (2,) of matplotlib.axes.Axes
        Above, on a new figure of pyplot's, a point for each tenth of the probabilities from 0 to 1
        that has images: the share of right predictions with its 95 % interval, at the mean
        probability. A model whose probabilities can be believed lies on the diagonal; one that is
        too sure lies below it. Below, the number of images in each tenth.

    Raises
    ------
    ValueError
        If the lengths differ, labels cannot be compared, or a probability is not within 0 and 1.

    Examples
    --------
    >>> axs = plot_reliability([7, 2, 1], [7, 2, 7], [0.9, 0.8, 0.4])
    >>> [ax.get_ylabel() for ax in axs]
    ['share right', 'images']
    """
    y_true, y_pred = check_labels(y_true=y_true, y_pred=y_pred)
    probability = check_numbers(probability, "probability", "(n_samples,)")
    check_lengths(y_true=y_true, y_pred=y_pred, probability=probability)
    if probability.min() < 0 or probability.max() > 1:
        raise ValueError(
            f"probability goes from {probability.min()} to {probability.max()}; wanted 0 to 1"
        )
    edges = np.arange(11) / 10
    tenth = np.digitize(probability, edges[1:-1])
    parts = [tenth == k for k in np.unique(tenth)]
    _, axs = plt.subplots(
        2, sharex=True, height_ratios=[3, 1], figsize=(WIDTH, 4.6), layout="constrained"
    )
    above, below = axs
    plot_curves(
        [probability[part].mean() for part in parts],
        {"the model": [accuracy(y_true[part], y_pred[part]) for part in parts]},
        xlabel="",
        ylabel="share right",
        title="How often the model is right, by how sure it is",
        ax=above,
    )
    above.axline((0, 0), slope=1, color="0.4", linestyle="--", label="right as often as sure")
    above.legend(loc="upper left", frameon=False)
    _, _, bars = below.hist(probability, edges, color="0.6", edgecolor="white")
    below.bar_label(bars, fmt="{:,.0f}")
    below.margins(y=0.25)
    below.set(xlabel="probability of the prediction", ylabel="images", xlim=(0, 1))
    below.spines[["top", "right"]].set_visible(False)
    return axs
