"""What the data look like: sample images and class balance."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from digits_lr._checks import check_label_pair, check_labels, check_numbers, check_same_length


def plot_samples(images: ArrayLike, labels: ArrayLike) -> Figure:
    """Draw images side by side, each titled with its label.

    Parameters
    ----------
    images : array-like of shape (n_images, height, width)
        Pixel intensities; 0 is drawn white and the largest pixel of all `images` black.
    labels : array-like of shape (n_images,)
        Integer or string class labels.

    Returns
    -------
    matplotlib.figure.Figure
        Five images a row.

    Raises
    ------
    ValueError
        If a shape or a type does not fit, the lengths differ, or a pixel is not finite.
    """
    images = check_numbers(images, "images", "(n_images, height, width)")
    labels = check_labels(labels, "labels")
    check_same_length(images=images, labels=labels)
    return image_grid(images, [f"label {label}" for label in labels])


def image_grid(images: NDArray, titles: list[str]) -> Figure:
    """Draw `images` on one grey scale in a grid of five columns."""
    fig, axs = image_axes(len(images))
    vmax = images.max() or 1  # blank images stay white
    for ax, image, title in zip(axs, images, titles, strict=False):
        draw_ink(ax, image, vmax)
        ax.set_title(title, fontsize=10)
    return fig


def image_axes(n_images: int, bar_width: float = 0) -> tuple[Figure, NDArray]:
    """Make bare axes in a grid of five columns, with inches to spare for a colour bar."""
    n_columns = min(n_images, 5)
    n_rows = -(-n_images // n_columns)
    fig, axs = plt.subplots(
        n_rows,
        n_columns,
        squeeze=False,
        figsize=(1.6 * n_columns + bar_width, 1.9 * n_rows),
        layout="constrained",
    )
    for ax in axs.flat:
        ax.axis("off")
    return fig, axs.ravel()


def draw_ink(ax: Axes, image: NDArray, darkest: float) -> None:
    """Draw `image` from white at zero to black at `darkest`."""
    ax.imshow(image, cmap="gray_r", vmin=0, vmax=darkest, interpolation="nearest")


def plot_class_balance(y_train: ArrayLike, y_test: ArrayLike) -> Figure:
    """Draw each class's share of the training and of the test images.

    Parameters
    ----------
    y_train, y_test : array-like of shape (n_train,) and (n_test,)
        Integer or string class labels.

    Returns
    -------
    matplotlib.figure.Figure
        Two bars a class, in percent of their own set, with the number of images on each bar.

    Raises
    ------
    ValueError
        If an argument is empty, not 1-D, not labels, or one holds integers and the other strings.
    """
    y_train, y_test = check_label_pair(y_train, y_test, names=("y_train", "y_test"))
    classes = np.union1d(y_train, y_test)
    positions = np.arange(len(classes))
    fig, ax = plt.subplots(figsize=(9, 3.2), layout="constrained")
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
