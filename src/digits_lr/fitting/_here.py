"""A fit in the process that asks for it."""

import warnings
from collections.abc import Callable
from copy import copy
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import label_binarize
from sklearn.utils import check_array
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.parallel import Parallel, delayed

from digits_lr._threads import classes_in_threads, one_blas_thread
from digits_lr.fitting._start import Objective


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

    def fit_classifier(X: Any, y: Any) -> None:
        vars(classifier).pop("fit", None)  # or a pipeline's would lead back here
        if before_classifier:
            before_classifier(y)
        with classes_in_threads(binary_or_only(classifier).solver):
            if start:
                fit_from_lbfgs(classifier, X, y)
            else:
                classifier.fit(X, y)

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


def fit_from_lbfgs(model: LogisticRegression | OneVsRestClassifier, X: Any, y: Any) -> None:
    """Fit `model`, a saga model or one-vs-rest of one, as ``model.fit(X, y)`` from a start."""
    one, params = binary_or_only(model), model.get_params(deep=False)
    # A fit of no epochs refuses what a fit refuses, and lays out what it leaves.
    fitted = copy(one).set_params(max_iter=0, random_state=0, verbose=0)
    if one is not model:
        fitted = copy(model).set_params(estimator=fitted, n_jobs=None)
    with warnings.catch_warnings(action="ignore"):  # the fit below gives them
        fitted.fit(X, y)
    if one is model:
        models, targets = [fitted], [y]
        is_class = label_binarize(y, classes=fitted.classes_) == 1
    else:
        models = fitted.estimators_
        is_class = fitted.label_binarizer_.transform(y).toarray() == 1
        targets = [*is_class.T.astype(int)]
        if not all(isinstance(binary, LogisticRegression) for binary in models):
            model.fit(X, y)  # every image has one of the labels, or none has: that is no model
            return
    weights = np.transpose([compute_sample_weight(one.class_weight, target) for target in targets])
    rows = check_array(X, accept_sparse="csr", dtype=[np.float64, np.float32])
    objective = Objective(one, rows, is_class, weights)
    start = objective.minimum(_coef(models))
    if one is model:
        _set_coef([fitted.set_params(**params | {"warm_start": True})], start)
        fitted.fit(X, y)
    else:
        _set_coef(models := [clone(one).set_params(warm_start=True) for _ in targets], start)
        models = Parallel(model.n_jobs, verbose=model.verbose)(
            delayed(binary.fit)(X, of) for binary, of in zip(models, targets, strict=True)
        )
        fitted.estimators_ = [of.set_params(warm_start=one.warm_start) for of in models]
    # saga begins without memory of gradients, and its first epochs can lead up again.
    _set_coef(models, objective.lower_of(start, _coef(models)))
    model.__dict__ = vars(fitted) | params  # it forgets what a fit before this one knew


def _coef(models: list[LogisticRegression]) -> np.ndarray:
    """Return the coefficients of `models` as columns of float64, the intercepts last."""
    columns = [np.vstack([model.coef_.T, model.intercept_]) for model in models]
    return np.hstack(columns).astype(float)


def _set_coef(models: list[LogisticRegression], coef: np.ndarray) -> None:
    for model, its_coef in zip(models, np.hsplit(coef, len(models)), strict=True):
        dtype = getattr(model, "coef_", coef).dtype
        model.coef_, model.intercept_ = its_coef[:-1].T.astype(dtype), its_coef[-1].astype(dtype)
