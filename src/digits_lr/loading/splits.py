"""The two data sets, split into train and test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from digits_lr.loading.mnist import load_mnist


@dataclass(frozen=True, eq=False)
class Split:
    """A data set split into train and test, one flattened image a row.

    Attributes
    ----------
    X_train, X_test : ndarray of shape (n_train, n_pixels) and (n_test, n_pixels)
        Pixels: float64 from 0 to 16 for the digits, uint8 from 0 to 255 for MNIST.
    y_train, y_test : ndarray of shape (n_train,) and (n_test,), integer
        The digit that each image shows.
    image_shape : tuple of int
        (height, width), so that ``X_test.reshape(-1, *image_shape)`` gives images.

    Examples
    --------
    >>> from digits_lr import load_digits_split
    >>> split = load_digits_split()
    >>> split.X_train.reshape(-1, *split.image_shape).shape
    (1347, 8, 8)
    """

    X_train: NDArray
    X_test: NDArray
    y_train: NDArray[np.integer]
    y_test: NDArray[np.integer]
    image_shape: tuple[int, int]


def load_digits_split(test_size: float | int = 0.25, random_state: int | None = 0) -> Split:
    """Split scikit-learn's 1,797 digits of 8x8 pixels.

    Parameters
    ----------
    test_size : float or int, default=0.25
        Share (or number) of images held out, as in `sklearn.model_selection.train_test_split`.
    random_state : int or None, default=0
        Seed of the shuffle; None gives a different split each call.

    Returns
    -------
    Split
        1,347 training and 450 test images by default; pixels are float64 from 0 to 16.

    Raises
    ------
    ValueError
        If `test_size` leaves no image on one side.

    Examples
    --------
    >>> from digits_lr import load_digits_split
    >>> split = load_digits_split(test_size=450)
    >>> split.X_test.shape, split.y_test[:5]
    ((450, 64), array([2, 8, 2, 6, 6]))
    """
    digits = load_digits()
    return _split(digits.images, digits.target, test_size=test_size, random_state=random_state)


def load_mnist_split(test_size: float | int = 1 / 7, random_state: int | None = 0) -> Split:
    """Split all 70,000 images of MNIST, 28x28 pixels.

    The training and test images of the original distribution are mixed before the split, as in
    scikit-learn's MNIST example.

    Parameters
    ----------
    test_size : float or int, default=1/7
        Share (or number) of images held out, as in `sklearn.model_selection.train_test_split`.
    random_state : int or None, default=0
        Seed of the shuffle; None gives a different split each call.

    Returns
    -------
    Split
        60,000 training and 10,000 test images by default; pixels are uint8 from 0 to 255.

    Raises
    ------
    ValueError
        If `test_size` leaves no image on one side.

    See Also
    --------
    digits_lr.load_mnist : Where the images come from, and how they are verified.

    Examples
    --------
    >>> from digits_lr import load_mnist_split
    >>> split = load_mnist_split()
    >>> split.X_train.shape, split.X_test.shape, split.image_shape
    ((60000, 784), (10000, 784), (28, 28))
    """
    # A wrong test_size raises here, before MNIST is downloaded; the seed keeps NumPy's generator.
    train_test_split(range(70_000), test_size=test_size, random_state=0)
    images, labels = load_mnist()
    return _split(images, labels, test_size=test_size, random_state=random_state)


def _split(images: NDArray, labels: NDArray[np.integer], **how: Any) -> Split:
    X_train, X_test, y_train, y_test = train_test_split(
        images.reshape(len(images), -1), labels, **how
    )
    return Split(X_train, X_test, y_train, y_test, images.shape[1:])
