"""Checks that figures and scores share: scikit-learn's, with the name of the argument."""

from __future__ import annotations

from typing import Any

from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_array
from sklearn.utils.multiclass import unique_labels


def check_numbers(values: ArrayLike, name: str, *shapes: str) -> NDArray:
    """Return `values` as a non-empty array of finite numbers with as many axes as a shape names.

    A shape reads like ``"(n_images, height, width)"`` and goes into the message.
    """
    return _check(values, name, *shapes, dtype="numeric")


def check_labels(**labels: ArrayLike) -> list[NDArray]:
    """Return each of the named `labels` as a non-empty 1-D array.

    All are classes, and they can be compared with one another: OpenML's "5" is not scikit-learn's
    5, but NumPy would only call the two unequal.
    """
    arrays = [_check(values, name, "(n_samples,)") for name, values in labels.items()]
    try:
        unique_labels(*arrays)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{' and '.join(labels)} cannot be class labels: {error}") from None
    return arrays


def check_lengths(**arrays: Any) -> None:
    """Refuse named `arrays` of different lengths; scikit-learn's own check does not name them."""
    lengths = {name: len(array) for name, array in arrays.items()}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{name} has length {length}" for name, length in lengths.items())
        raise ValueError(f"{told}; wanted equal lengths")


def _check(values: Any, name: str, *shapes: str, dtype: str | None = None) -> NDArray:
    try:
        array = check_array(values, ensure_2d=False, allow_nd=True, dtype=dtype)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name}: {error}") from None
    if array.ndim not in [len(shape.strip("(,)").split(",")) for shape in shapes]:
        raise ValueError(f"{name} has shape {array.shape}; wanted {' or '.join(shapes)}")
    return array
