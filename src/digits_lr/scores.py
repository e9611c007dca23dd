"""How good a classifier is, and how sure that is."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_matrix
from scipy.special import logsumexp
from scipy.stats import binomtest
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.utils.validation import check_is_fitted

from digits_lr._checks import check_image_rows, check_label_pair, check_labels, check_same_length


def misclassified(y_true: ArrayLike, y_pred: ArrayLike) -> NDArray[np.intp]:
    """Return the rows whose prediction is wrong.

    Parameters
    ----------
    y_true, y_pred : array-like of shape (n_samples,)
        True and predicted classes, both integers or both strings.

    Returns
    -------
    ndarray of shape (n_errors,), intp
        Row numbers, ascending.

    Raises
    ------
    ValueError
        If the lengths differ, an argument is empty or not labels, or one argument holds integers
        and the other strings (NumPy would call every row wrong).
    """
    y_true, y_pred = check_label_pair(y_true, y_pred)
    check_same_length(y_true=y_true, y_pred=y_pred)
    return np.flatnonzero(y_true != y_pred)


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


def objective(
    model: LogisticRegression | OneVsRestClassifier, X: ArrayLike | csr_matrix, y: ArrayLike
) -> float:
    r"""Return what `model` minimises on the images `X` with labels `y`.

    This is scikit-learn's objective [1]_, times the number of images, as the solvers liblinear and
    saga count it: :math:`C \sum_i -\log p_{y_i}(x_i) + \rho \lVert w \rVert_1 + \frac{1 - \rho}{2}
    \lVert w \rVert_2^2`, with :math:`\rho` the ``l1_ratio``. The intercepts are free.

    Parameters
    ----------
    model : LogisticRegression or OneVsRestClassifier
        Fitted; a `OneVsRestClassifier` of `LogisticRegression` gives the sum over its models.
    X : {array-like, csr_matrix} of shape (n_samples, n_features)
        One image a row.
    y : array-like of shape (n_samples,)
        Class labels, each one of the model's.

    Returns
    -------
    float
        Loss plus penalty. Exact also where a probability rounds to zero, which
        `sklearn.metrics.log_loss` clips.

    Raises
    ------
    sklearn.exceptions.NotFittedError
        If `model` is not fitted.
    ValueError
        If `X` or `y` has the wrong shape or length, `y` holds a label that `model` has not seen,
        or `model` minimises something else: it has ``class_weight`` or the deprecated ``penalty``.

    References
    ----------
    .. [1] https://scikit-learn.org/stable/modules/linear_model.html#logistic-regression
    """
    check_is_fitted(model)
    y = check_labels(y, "y")
    check_image_rows(X, y)
    if unseen := sorted(set(np.unique(y)) - set(model.classes_)):
        raise ValueError(f"y holds {unseen[0]}; wanted the model's classes {model.classes_}")
    if isinstance(model, OneVsRestClassifier):
        of_class = np.asarray(model.label_binarizer_.transform(y).todense()).T
        return sum(map(objective, model.estimators_, [X] * len(of_class), of_class))
    for name, value in {"penalty": "deprecated", "class_weight": None}.items():
        if (given := getattr(model, name, value)) != value:
            raise ValueError(
                f"model has {name}={given!r}; wanted a model penalised by l1_ratio and C alone"
            )
    scores = model.decision_function(X)
    if scores.ndim == 1:  # two classes: one score, for the second
        scores = np.column_stack([np.zeros_like(scores), scores])
    own = scores[np.arange(len(y)), np.searchsorted(model.classes_, y)]
    loss = np.sum(logsumexp(scores, axis=1) - own, dtype=np.float64)
    w, rho = model.coef_.astype(np.float64), model.l1_ratio
    return float(model.C * loss + rho * np.abs(w).sum() + (1 - rho) / 2 * (w**2).sum())
