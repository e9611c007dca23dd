"""How good a classifier is, and how sure that is."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import sparray, spmatrix
from scipy.special import logsumexp
from scipy.stats import binomtest
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.utils.validation import check_is_fitted

from digits_lr._checks import check_labels, check_lengths


def misclassified(y_true: ArrayLike, y_pred: ArrayLike) -> NDArray[np.intp]:
    """Return the rows whose prediction is wrong.

    Parameters
    ----------
    y_true, y_pred : array-like of shape (n_samples,)
        True and predicted classes: both numbers (or bools), or both strings.

    Returns
    -------
    ndarray of shape (n_errors,), intp
        Row numbers, ascending.

    Raises
    ------
    ValueError
        If the lengths differ, an argument is empty or holds no class labels, or one argument holds
        numbers and the other strings (NumPy would call every row wrong).

    Examples
    --------
    >>> misclassified([7, 2, 1, 0], [7, 3, 1, 6])
    array([1, 3])
    """
    y_true, y_pred = check_labels(y_true=y_true, y_pred=y_pred)
    check_lengths(y_true=y_true, y_pred=y_pred)
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
        True and predicted classes: both numbers (or bools), or both strings.

    Returns
    -------
    Accuracy
        ``score``, ``low``, ``high``, ``n_errors``, ``n_images``; the interval is
        `scipy.stats.binomtest`'s.

    Raises
    ------
    ValueError
        As `misclassified` does.

    References
    ----------
    .. [1] E. B. Wilson, "Probable Inference, the Law of Succession, and Statistical Inference",
       Journal of the American Statistical Association 22, 1927.

    Examples
    --------
    >>> print(accuracy([7, 2, 1, 0], [7, 3, 1, 0]))
    0.7500 (0.3006 to 0.9544), 1 of 4 wrong
    """
    n_errors, n_images = len(misclassified(y_true, y_pred)), np.size(y_true)
    n_right = n_images - n_errors
    low, high = binomtest(n_right, n_images).proportion_ci(0.95, method="wilson")
    return Accuracy(n_right / n_images, float(low), float(high), n_errors, n_images)


class McNemar(NamedTuple):
    """How often one of two models alone is right, and how likely chance is; it prints as a line."""

    only_first: int
    only_second: int
    pvalue: float

    def __str__(self) -> str:  # noqa: D105 (the class says it)
        return (
            f"right alone: first {self.only_first:,}, second {self.only_second:,}; "
            f"p = {self.pvalue:.2g}"
        )


def mcnemar(y_true: ArrayLike, first: ArrayLike, second: ArrayLike) -> McNemar:
    """Compare two models on the same images by McNemar's exact test [1]_.

    Only images that one model gets right and the other wrong can tell two models apart. If the
    models were equally good, either would be the right one as often as a coin shows heads. The
    test is sharper than a look at two intervals, which forgets that the images are the same.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        True classes.
    first, second : array-like of shape (n_samples,)
        What each of the two models predicted.

    Returns
    -------
    McNemar
        ``only_first`` and ``only_second``, the numbers of images that only the one model gets
        right, and ``pvalue``, the two-sided p-value of `scipy.stats.binomtest`: how likely equally
        good models differ by that much or more.

    Raises
    ------
    ValueError
        As `misclassified` does.

    References
    ----------
    .. [1] Q. McNemar, "Note on the Sampling Error of the Difference Between Correlated Proportions
       or Percentages", Psychometrika 12, 1947.

    Examples
    --------
    >>> print(mcnemar([1, 2, 3, 4, 5, 6], [1, 2, 3, 4, 5, 6], [1, 2, 0, 0, 0, 0]))
    right alone: first 4, second 0; p = 0.12
    """
    y_true, first, second = check_labels(y_true=y_true, first=first, second=second)
    check_lengths(y_true=y_true, first=first, second=second)
    only_first = int(np.sum((first == y_true) & (second != y_true)))
    only_second = int(np.sum((second == y_true) & (first != y_true)))
    n_apart = only_first + only_second
    pvalue = binomtest(only_first, n_apart).pvalue if n_apart else 1.0
    return McNemar(only_first, only_second, float(pvalue))


def objective(
    model: LogisticRegression | OneVsRestClassifier,
    X: ArrayLike | sparray | spmatrix,
    y: ArrayLike,
) -> float:
    r"""Return what `model` minimises on the images `X` with labels `y`.

    This is scikit-learn's objective [1]_, times the number of images, as the solver saga counts
    it: :math:`C \sum_i -\log p_{y_i}(x_i) + \rho \lVert w \rVert_1 + \frac{1 - \rho}{2}
    \lVert w \rVert_2^2`, with :math:`\rho` the ``l1_ratio``. The intercepts are free.

    Parameters
    ----------
    model : LogisticRegression or OneVsRestClassifier
        Fitted; a `OneVsRestClassifier` of `LogisticRegression` gives the sum over its models.
    X : {array-like, sparse array or matrix} of shape (n_samples, n_features)
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
    TypeError
        If `model` is another estimator, or a `OneVsRestClassifier` of another; subclasses such as
        `LogisticRegressionCV` are others.
    sklearn.exceptions.NotFittedError
        If `model` is not fitted.
    ValueError
        If `X` or `y` has the wrong shape or length, `y` holds a label that `model` has not seen,
        or `model` minimises something else: it has ``class_weight``, the deprecated ``penalty``,
        ``C=inf``, no ``l1_ratio`` or the solver liblinear, which penalises the intercepts too.

    References
    ----------
    .. [1] https://scikit-learn.org/stable/modules/linear_model.html#logistic-regression

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> model = LogisticRegression(C=0.5).fit([[0], [1], [2], [3]], [0, 0, 1, 1])
    >>> round(objective(model, [[0], [1], [2], [3]], [0, 0, 1, 1]), 4)
    1.0748
    """
    # Subclasses, such as LogisticRegressionCV, minimise something of their own.
    if type(model) not in (LogisticRegression, OneVsRestClassifier):
        raise TypeError(
            f"model is {model!r}; wanted LogisticRegression, or OneVsRestClassifier of one"
        )
    check_is_fitted(model)
    (y,) = check_labels(y=y)
    classes = model.classes_.tolist()
    if unseen := sorted(set(y.tolist()) - set(classes)):
        raise ValueError(f"y holds {unseen[0]!r}; wanted the model's classes {classes}")
    if isinstance(model, OneVsRestClassifier):
        is_of_classes = model.label_binarizer_.transform(y).toarray().T
        return sum(
            objective(binary_model, X, is_of_class)
            for binary_model, is_of_class in zip(model.estimators_, is_of_classes, strict=True)
        )
    _check_objective(model)
    scores = model.decision_function(X)
    check_lengths(X=scores, y=y)
    if scores.ndim == 1:  # two classes: one score, for the second
        scores = np.column_stack([np.zeros_like(scores), scores])
    scores_of_true_class = scores[np.arange(len(y)), np.searchsorted(model.classes_, y)]
    loss = np.sum(logsumexp(scores, axis=1) - scores_of_true_class, dtype=np.float64)
    w, rho = model.coef_.astype(np.float64), model.l1_ratio
    return float(model.C * loss + rho * np.abs(w).sum() + (1 - rho) / 2 * (w**2).sum())


def _check_objective(model: LogisticRegression) -> None:
    is_another = {
        "penalty": getattr(model, "penalty", "deprecated") != "deprecated",
        "class_weight": model.class_weight is not None,
        "C": np.isinf(model.C),
        "l1_ratio": model.l1_ratio is None,
        "solver": model.solver == "liblinear" and model.fit_intercept,
    }
    for name, minimises_another in is_another.items():
        if minimises_another:
            raise ValueError(
                f"model has {name}={getattr(model, name)!r}; wanted a model that l1_ratio and a "
                "finite C penalise alone, with free intercepts (liblinear penalises them too)"
            )
