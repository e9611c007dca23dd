"""Checks that name the argument, what it got and what it wanted."""

from collections.abc import Sized

import numpy as np
from numpy.typing import ArrayLike, NDArray


def check_numbers(values: ArrayLike, name: str, shape: str) -> NDArray:
    """Return `values` as a non-empty array of finite numbers with as many axes as `shape` names.

    `shape` reads like ``"(n_images, height, width)"`` and goes into the message.
    """
    array = np.asarray(values)
    if array.dtype.kind not in "biuf":
        raise ValueError(f"{name} holds {array.dtype}; wanted numbers of shape {shape}")
    if array.ndim != shape.count(",") + 1 or array.size == 0:
        raise ValueError(f"{name} has shape {array.shape}; wanted {shape}, not empty")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} holds NaN or infinity; wanted finite numbers")
    return array


def check_labels(values: ArrayLike, name: str) -> NDArray:
    """Return `values` as a non-empty 1-D array of integer or string class labels."""
    array = np.asarray(values)
    if array.ndim != 1 or array.size == 0:
        raise ValueError(f"{name} has shape {array.shape}; wanted (n_samples,), not empty")
    if array.dtype == object and all(isinstance(value, str) for value in array):
        array = array.astype(str)  # as pandas and OpenML hold strings
    if array.dtype.kind not in "iuU":
        raise ValueError(f"{name} holds {array.dtype}; wanted integer or string class labels")
    return array


def check_label_pair(
    first: ArrayLike, second: ArrayLike, names: tuple[str, str] = ("y_true", "y_pred")
) -> tuple[NDArray, NDArray]:
    """Return two label arrays that can be compared: OpenML's "5" never equals scikit-learn's 5."""
    one, two = check_labels(first, names[0]), check_labels(second, names[1])
    if (one.dtype.kind == "U") != (two.dtype.kind == "U"):
        raise ValueError(
            f"{names[0]} holds {one.dtype} and {names[1]} holds {two.dtype}; "
            "wanted both integers or both strings"
        )
    return one, two


def check_image_rows(X: ArrayLike, y: NDArray) -> None:
    """Raise unless `X`, dense or sparse, has two axes and one row for each label in `y`."""
    shape = np.shape(X)
    if len(shape) != 2 or 0 in shape:
        raise ValueError(f"X has shape {shape}; wanted (n_samples, n_features), not empty")
    check_same_length(X=range(shape[0]), y=y)


def check_same_length(**arrays: Sized) -> None:
    """Raise unless all `arrays` have the same length."""
    lengths = {name: len(array) for name, array in arrays.items()}
    if len(set(lengths.values())) > 1:
        got = ", ".join(f"{name} has {length}" for name, length in lengths.items())
        raise ValueError(f"lengths differ: {got}; wanted equal lengths")
