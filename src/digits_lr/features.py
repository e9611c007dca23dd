"""What a classifier sees of an image: upright pixels, the directions of its strokes, and scale."""

from __future__ import annotations

import math
from numbers import Integral, Real
from typing import Any, Self

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import ArrayLike, NDArray
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    OneToOneFeatureMixin,
    TransformerMixin,
)
from sklearn.preprocessing import StandardScaler
from sklearn.utils import Tags, gen_batches
from sklearn.utils.validation import check_is_fitted, validate_data

from digits_lr._threads import one_blas_thread

_BATCH = 50  # images; more at a time are no faster, and need more memory


class _ImageTransformer(TransformerMixin, BaseEstimator):
    """Images in rows, transformed in batches.

    A subclass says how in `_transform_batch`, and how many features come of it.
    """

    image_shape: tuple[int, int]
    n_jobs: int | None

    def _transform_batch(self, images: NDArray[np.float64]) -> NDArray[np.float64]:
        raise NotImplementedError

    def fit(self, X: ArrayLike, y: ArrayLike | None = None) -> Self:  # noqa: ARG002
        """Check the parameters and the shape of `X`; nothing is learned from it.

        Parameters
        ----------
        X : array-like of shape (n_images, height * width)
            Images, one a row.
        y : None
            Ignored; pipelines pass it.

        Returns
        -------
        object
            The transformer itself.

        Raises
        ------
        TypeError
            If `X` is sparse.
        ValueError
            If a parameter does not fit, or `X` is not finite numbers of `image_shape`.
        """
        self._check(X, reset=True)
        return self

    def transform(self, X: ArrayLike) -> NDArray[np.float64]:
        """Transform each image by itself; its numbers do not depend on the others.

        Parameters
        ----------
        X : array-like of shape (n_images, height * width)
            Images, one a row.

        Returns
        -------
        ndarray of shape (n_images, n_features)
            Features, one image a row, float64.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If `fit` was not called.
        TypeError
            If `X` is sparse.
        ValueError
            If `X` is not finite numbers of `image_shape`.
        """
        check_is_fitted(self)
        X = self._check(X, reset=False)
        slices = list(gen_batches(len(X), _BATCH))
        features = np.empty((len(X), self._n_features_out))
        with one_blas_thread():  # a batch's matrices are small, and the cores are for the batches
            batches = Parallel(n_jobs=self.n_jobs, prefer="threads", return_as="generator")(
                delayed(self._transform_batch)(X[rows].reshape(-1, *self.image_shape).astype(float))
                for rows in slices
            )
            # Put in place one by one: joining them all at the end would need twice the memory.
            for rows, batch in zip(slices, batches, strict=True):
                features[rows] = batch
        return features

    def _check(self, X: ArrayLike, reset: bool) -> NDArray:
        shape = list(self.image_shape) if np.iterable(self.image_shape) else []
        if len(shape) != 2 or not all(isinstance(n, Integral) and n >= 2 for n in shape):
            raise ValueError(
                f"image_shape is {self.image_shape!r}; wanted (height, width), both at least 2"
            )
        pixels: NDArray = validate_data(self, X, reset=reset)
        if pixels.shape[1] != math.prod(shape):
            raise ValueError(
                f"X has {pixels.shape[1]} features; wanted {math.prod(shape)}, "
                f"the pixels of image_shape={self.image_shape}"
            )
        return pixels


class Upright(OneToOneFeatureMixin, _ImageTransformer):
    """Set slanted digits upright: shear each image until its ink no longer leans.

    How far a digit leans is the slope of the line that fits its ink best, from the ink's second
    moments; each row of pixels is then moved sideways by that slope times its distance from the
    centre of the ink, as in [1]_.

    Pixels are ink: 0 is paper and none is negative, so this comes before any step that centres
    them. Ink that is moved beyond the border is lost.

    Parameters
    ----------
    image_shape : tuple of int, default=(28, 28)
        (height, width), the pixels that one row of `X` holds.
    n_jobs : int or None, default=None
        Batches at a time, in threads, or on the joblib backend that is active, which must be able
        to return a generator ("multiprocessing" is not). None is one, unless
        `joblib.parallel_config` says otherwise; -1 is one a core.

    References
    ----------
    .. [1] Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, "Gradient-Based Learning Applied to
       Document Recognition", Proceedings of the IEEE 86, 1998, section III.

    Examples
    --------
    >>> import numpy as np
    >>> from digits_lr import Upright
    >>> leaning = np.eye(5)[::-1]
    >>> Upright(image_shape=(5, 5)).fit_transform(leaning.reshape(1, -1)).reshape(5, 5)
    array([[0., 0., 1., 0., 0.],
           [0., 0., 1., 0., 0.],
           [0., 0., 1., 0., 0.],
           [0., 0., 1., 0., 0.],
           [0., 0., 1., 0., 0.]])
    """

    def __init__(self, image_shape: tuple[int, int] = (28, 28), n_jobs: int | None = None) -> None:
        self.image_shape = image_shape
        self.n_jobs = n_jobs

    def _transform_batch(self, images: NDArray[np.float64]) -> NDArray[np.float64]:
        n_images, height, width = images.shape
        rows, columns = np.arange(height), np.arange(width)
        share_of_ink = _by_largest(images, axis=(1, 2))
        ink_of_row, ink_of_column = share_of_ink.sum(axis=2), share_of_ink.sum(axis=1)
        ink = ink_of_row.sum(axis=1)
        ink[ink == 0] = 1  # a blank image stays blank
        centre = _without_last_bits((ink_of_row * rows).sum(axis=1) / ink)
        down = rows - centre[:, np.newaxis]
        right = columns - ((ink_of_column * columns).sum(axis=1) / ink)[:, np.newaxis]
        spread = (ink_of_row * down**2).sum(axis=1)
        along = ((share_of_ink * right[:, np.newaxis]).sum(axis=2) * down).sum(axis=1)
        # Ink of one row only has no slope.
        slope = np.divide(along, spread, out=np.zeros_like(spread), where=spread > 0)
        slope = _without_last_bits(slope)

        source = columns + (slope[:, np.newaxis] * down)[:, :, np.newaxis]
        left = np.floor(source).astype(np.intp)
        share = source - left
        # One blank column on either side is what lies outside the image.
        padded = np.pad(images, ((0, 0), (0, 0), (1, 1)))
        here, there = (
            np.take_along_axis(padded, np.clip(left + step, 0, width + 1), axis=2)
            for step in [1, 2]
        )
        return (here * (1 - share) + there * share).reshape(n_images, -1)

    @property
    def _n_features_out(self) -> int:
        return self.n_features_in_


class StrokeDirections(ClassNamePrefixFeaturesOutMixin, _ImageTransformer):
    """Describe an image by how much edge faces each direction, near each cell of a grid.

    At every pixel the gradient says how strong an edge is and which way it faces. Its strength is
    shared between the two nearest of `n_directions`, which gives one map a direction. Each map is
    pooled by Gaussians around the cells of a grid, so that a stroke may move a little and change
    little. A power below 1 makes faint edges count, and scaling each image's features to unit
    length makes its ink, thick or thin, count alike. Such histograms of gradients are those of
    [1]_ and [2]_.

    Parameters
    ----------
    n_directions : int, default=8
        Directions in a full turn, at least 2. The first faces right, the others follow clockwise.
    cell : float, default=4
        Pixels from one cell of the grid to the next; the Gaussian's standard deviation is half of
        it. The grid is centred on the image, and its outer cells lie close to the border.
    power : float, default=0.3
        Exponent of the pooled strengths, above 0.
    image_shape : tuple of int, default=(28, 28)
        (height, width), the pixels that one row of `X` holds.
    n_jobs : int or None, default=None
        Batches at a time, in threads, or on the joblib backend that is active, which must be able
        to return a generator ("multiprocessing" is not). None is one, unless
        `joblib.parallel_config` says otherwise; -1 is one a core.

    Notes
    -----
    A row of the result is ``(n_directions, n_rows, n_columns)`` of cells, flattened: 8 directions
    times 8x8 cells are 512 features of 28x28 pixels. A blank image gives zeros. Features are
    rounded to multiples of 2**-16, far above the last bits of a float64, in which processors
    differ: so they are the same on all of them.

    References
    ----------
    .. [1] N. Dalal and B. Triggs, "Histograms of Oriented Gradients for Human Detection", CVPR,
       2005.
    .. [2] C.-L. Liu, K. Nakashima, H. Sako and H. Fujisawa, "Handwritten Digit Recognition:
       Benchmarking of State-of-the-Art Techniques", Pattern Recognition 36, 2003.

    Examples
    --------
    A stroke from top to bottom has edges that face right and edges that face left:

    >>> import numpy as np
    >>> from digits_lr import StrokeDirections
    >>> image = np.zeros((28, 28))
    >>> image[4:24, 13:15] = 1
    >>> features = StrokeDirections(n_directions=4).fit_transform(image.reshape(1, -1))
    >>> features.reshape(4, 8, 8).sum(axis=(1, 2)).round()
    array([3., 1., 3., 1.])
    """

    def __init__(
        self,
        n_directions: int = 8,
        cell: float = 4,
        power: float = 0.3,
        image_shape: tuple[int, int] = (28, 28),
        n_jobs: int | None = None,
    ) -> None:
        self.n_directions = n_directions
        self.cell = cell
        self.power = power
        self.image_shape = image_shape
        self.n_jobs = n_jobs

    @property
    def _n_features_out(self) -> int:
        check_is_fitted(self)  # or one that is not would have names
        height, width = (_n_cells(size, self.cell) for size in self.image_shape)
        return self.n_directions * height * width

    def _check(self, X: ArrayLike, reset: bool) -> NDArray:
        if not isinstance(self.n_directions, Integral) or self.n_directions < 2:
            raise ValueError(f"n_directions is {self.n_directions!r}; wanted 2 or more")
        for name in ["cell", "power"]:
            value = getattr(self, name)
            if not isinstance(value, Real) or not 0 < value < np.inf:
                raise ValueError(f"{name} is {value!r}; wanted a number above 0")
        return super()._check(X, reset)

    def _transform_batch(self, images: NDArray[np.float64]) -> NDArray[np.float64]:
        n = self.n_directions
        down, right = np.gradient(_by_largest(images, axis=(1, 2)), axis=(1, 2))
        # Most of an image is even paper; only where ink begins or ends is there an edge.
        edge = np.flatnonzero((down != 0) | (right != 0))
        down, right = down.ravel()[edge], right.ravel()[edge]
        strength = np.hypot(right, down)
        # Where each edge faces, counted in directions: at a whole number it is all one direction's.
        facing = np.arctan2(down, right) * (n / (2 * np.pi))
        below = np.floor(facing).astype(np.intp)
        for_next = (facing - below) * strength
        maps = np.zeros(n * images.size)
        maps[below % n * images.size + edge] = strength - for_next
        maps[(below + 1) % n * images.size + edge] = for_next
        height, width = self.image_shape
        by_row, by_column = _gaussians(height, self.cell), _gaussians(width, self.cell)
        # Along the rows all at once: a product for each image and direction takes longer.
        cells = by_row @ (maps.reshape(-1, width) @ by_column.T).reshape(-1, height, len(by_column))
        cells = cells.reshape(n, len(images), -1).swapaxes(0, 1).reshape(len(images), -1)
        features = _by_largest(cells, axis=1) ** self.power
        length = np.sqrt((features**2).sum(axis=1, keepdims=True))
        np.divide(features, length, out=features, where=length > 0)
        return _without_last_bits(features)


def _by_largest(numbers: NDArray[np.float64], axis: int | tuple[int, ...]) -> NDArray[np.float64]:
    """Divide by the largest absolute number along `axis`: no sum or power of them overflows."""
    largest = np.abs(numbers).max(axis=axis, keepdims=True)
    return np.divide(numbers, largest, out=np.zeros_like(numbers), where=largest > 0)


def _without_last_bits(numbers: NDArray[np.float64]) -> NDArray[np.float64]:
    """Round to multiples of 2**-16, far above the last bits in which processors differ."""
    return np.round(numbers * 65_536) / 65_536


def _n_cells(n_pixels: int, cell: float) -> int:
    """Return how many cells of a grid lie along a row of pixels."""
    return round(n_pixels / cell) + 1


def _gaussians(n_pixels: int, cell: float) -> NDArray[np.float64]:
    """Return the weights of a row of pixels in each cell, of shape (n_cells, n_pixels)."""
    n_cells = _n_cells(n_pixels, cell)
    centres = (n_pixels - 1) / 2 + cell * (np.arange(n_cells) - (n_cells - 1) / 2)
    apart = (np.arange(n_pixels) - centres[:, np.newaxis]) / (cell / 2)
    return np.exp(-(apart**2) / 2)


class ParetoScaler(StandardScaler):
    """Divide each feature by the square root of its standard deviation, after centring it.

    This is half-way between leaving features as they are and `StandardScaler`, which gives all
    the same variance: what varies much keeps counting for more, but not for all. It is known as
    Pareto scaling [1]_. All parameters and attributes are those of
    `sklearn.preprocessing.StandardScaler`; ``scale_`` holds the square roots, of shape
    (n_features,).

    References
    ----------
    .. [1] R. A. van den Berg, H. C. J. Hoefsloot, J. A. Westerhuis, A. K. Smilde and M. J. van der
       Werf, "Centering, Scaling, and Transformations: Improving the Biological Information Content
       of Metabolomics Data", BMC Genomics 7, 2006.

    Examples
    --------
    Standard deviations of 1 and 100 become 1 and 10:

    >>> from digits_lr import ParetoScaler
    >>> ParetoScaler().fit_transform([[1, 100], [3, 300]])
    array([[ -1., -10.],
           [  1.,  10.]])
    """

    scale_: Any  # StandardScaler's, which has no types

    def partial_fit(
        self, X: ArrayLike, y: ArrayLike | None = None, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Learn from one more batch of samples; `fit` learns from one alone.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Features.
        y : None
            Ignored; pipelines pass it.
        sample_weight : array-like of shape (n_samples,), default=None
            How much each sample counts.

        Returns
        -------
        ParetoScaler
            The scaler itself.
        """
        super().partial_fit(X, y, sample_weight)
        if self.with_std:
            self.scale_ = np.sqrt(self.scale_)
        return self

    def __sklearn_tags__(self) -> Tags:
        """Say that, unlike `StandardScaler`, it takes NumPy arrays only."""
        tags = super().__sklearn_tags__()
        tags.array_api_support = False
        return tags
