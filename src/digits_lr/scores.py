"""How good a classifier is, and how sure that is."""

from typing import NamedTuple

from numpy.typing import ArrayLike
from scipy.stats import binomtest

from digits_lr.misclassified import misclassified


class Accuracy(NamedTuple):
    """The share of right predictions, with its 95 % interval; it prints as one line."""

    score: float
    low: float
    high: float
    n_errors: int
    n_images: int

    def __str__(self) -> str:  # noqa: D105 (the class says it)
        return (
            f"{self.score:.4f} ({self.low:.4f} to {self.high:.4f}), "
            f"{self.n_errors:,} of {self.n_images:,} wrong"
        )


def accuracy(y_true: ArrayLike, y_pred: ArrayLike) -> Accuracy:
    """Return the share of right predictions with its 95 % Wilson interval [1]_.

    The interval is the range of true accuracies, over all images of the same kind, that agree with
    the count. It takes the model as given: it means nothing for the images that the model was
    fitted to, and says nothing of other training images.

    Parameters
    ----------
    y_true, y_pred : array-like of shape (n_samples,)
        True and predicted classes, both integers or both strings.

    Returns
    -------
    Accuracy
        ``score``, ``low``, ``high``, ``n_errors``, ``n_images``; the interval is
        `scipy.stats.binomtest`'s.

    Raises
    ------
    ValueError
        If the lengths differ, an argument is empty or not labels, or one argument holds integers
        and the other strings.

    References
    ----------
    .. [1] E. B. Wilson, "Probable Inference, the Law of Succession, and Statistical Inference",
       Journal of the American Statistical Association 22, 1927.
    """
    n_errors, n_images = len(misclassified(y_true, y_pred)), len(y_true)
    n_right = n_images - n_errors
    low, high = binomtest(n_right, n_images).proportion_ci(0.95, method="wilson")
    return Accuracy(n_right / n_images, float(low), float(high), n_errors, n_images)
