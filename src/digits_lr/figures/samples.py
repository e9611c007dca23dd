"""What the data look like: sample images and class balance."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike
from sklearn.utils import check_consistent_length

from digits_lr._checks import check_labels, check_numbers
from digits_lr.figures._grid import draw_ink, image_axes
from digits_lr.figures.show import NotebookFigure, with_defaults


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


@with_defaults
def plot_class_balance(y_train: ArrayLike, y_test: ArrayLike) -> Figure:
    """Draw each class's share of the training and of the test images.

    Parameters
    ----------
    y_train, y_test : array-like of shape (n_train,) and (n_test,)
        Class labels, both numbers or both strings.

    Returns
    -------
    matplotlib.figure.Figure
        Two bars a class, in percent of their own set, with the number of images on each bar.

    Raises
    ------
    ValueError
        If an argument is empty, not 1-D, not labels, or one holds numbers and the other strings.

    Examples
    --------
    >>> fig = plot_class_balance([0, 0, 1, 1], [0, 1])
    >>> fig.axes[0].get_title()
    'Images per class'
    """
    y_train, y_test = check_labels(y_train=y_train, y_test=y_test)
    classes = np.union1d(y_train, y_test)
    positions = np.arange(len(classes))
    fig = NotebookFigure(figsize=(9, 3.2))
    ax = fig.subplots()
    for offset, name, y, color in [
        (-0.2, "train", y_train, "#4c72b0"),
        (0.2, "test", y_test, "#b5521b"),
    ]:
        counts = (y[:, np.newaxis] == classes).sum(axis=0)
        bars = ax.bar(
            positions + offset,
            100 * counts / len(y),
            width=0.4,
            color=color,
            label=f"{name} ({len(y):,} images)",
        )
        ax.bar_label(
            bars,
            labels=[f"{count:,}" if count else "" for count in counts],
            label_type="center",
            rotation=90,
            color="white",
            fontsize=8,
        )
    ax.axhline(100 / len(classes), color="0.4", linewidth=0.8, linestyle="--", label="equal share")
    ax.set(xlabel="class", ylabel="share of the set (%)", title="Images per class")
    ax.set_xticks(positions, classes)
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=3, frameon=False)
    return fig
