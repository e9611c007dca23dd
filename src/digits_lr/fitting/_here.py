"""A fit in the process that asks for it."""

from collections.abc import Callable
from typing import Any

from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline

from digits_lr._threads import classes_in_threads, one_blas_thread
from digits_lr.fitting._start import fit_from_lbfgs


def last_step(model: Any) -> Any:
    """Return the estimator that `model` ends in: of a pipeline its last, else `model` itself."""
    while isinstance(model, Pipeline) and model.steps:
        model = model.steps[-1][1]
    return model


def binary_or_only(classifier: Any) -> LogisticRegression:
    """Return the logistic regression that is fitted, once or for each class."""
    return getattr(classifier, "estimator", classifier)


def fit_here(
    model: Any,
    X: Any,
    y: Any,
    start: str | None,
    before_classifier: Callable[[Any], None] | None = None,
) -> None:
    """Do ``model.fit(X, y)`` with the threads, and from the start, that `digits_lr.fit` promises.

    Call `before_classifier` with the labels when the last step's turn has come.
    """
    classifier = last_step(model)

    def fit_classifier(X: Any, y: Any, **params: Any) -> Any:
        vars(classifier).pop("fit", None)  # or a pipeline's would lead back here
        if before_classifier:
            before_classifier(y)
        with classes_in_threads(binary_or_only(classifier).solver):
            if start:
                return _fit_from_start(classifier, X, y, **params)
            return classifier.fit(X, y, **params)

    with one_blas_thread():
        if classifier is model:
            fit_classifier(X, y)
            return
        # So the pipeline calls it, and fits the very object that the caller gave.
        vars(classifier)["fit"] = fit_classifier
        try:
            model.fit(X, y)
        finally:
            vars(classifier).pop("fit", None)


def _fit_from_start(classifier: Any, X: Any, y: Any) -> Any:
    before = dict(vars(classifier))
    try:
        fit_from_lbfgs(classifier, X, y)
    except BaseException:
        vars(classifier).clear()
        vars(classifier).update(before)  # or the start would be taken for a fitted model
        raise
    return classifier
