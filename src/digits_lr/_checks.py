"""Checks that figures and scores share; what scikit-learn checks and names, it checks here too."""

from __future__ import annotations

from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_array
from sklearn.utils.multiclass import unique_labels


def check_numbers(values: ArrayLike, name: str, shape: str) -> NDArray:
    """Return `values` as a non-empty array of finite numbers with as many axes as `shape` names.

    `shape` reads like ``"(n_images, height, width)"`` and goes into the message.
    """
    array = check_array(values, ensure_2d=False, allow_nd=True, input_name=name)
    return _check_axes(array, name, shape)


def check_labels(**labels: ArrayLike) -> list[NDArray]:
    """Return each of the named `labels` as a non-empty 1-D array.

    All are classes, and they can be compared with one another: OpenML's "5" is not scikit-learn's
    5, but NumPy would only call the two unequal.
    """
    arrays = [
        _check_axes(
            check_array(values, ensure_2d=False, allow_nd=True, dtype=None, input_name=name),
            name,
            "(n_samples,)",
        )
        for name, values in labels.items()
    ]
    try:
        unique_labels(*arrays)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{' and '.join(labels)} cannot be class labels: {error}") from None
    return arrays


def _check_axes(array: NDArray, name: str, shape: str) -> NDArray:
    if array.ndim != shape.count(",") + (not shape.endswith(",)")):
        raise ValueError(f"{name} has shape {array.shape}; wanted {shape}")
    return array
