"""A fit that a person can watch and stop.

scikit-learn fits in compiled code that looks at no signal until it is done, and saga prints its
epochs with C's ``printf``, past Python's ``sys.stdout``. So while someone watches, a fit runs in a
process of its own: what it prints moves a progress bar here, and an interrupt ends it at once.
"""

from __future__ import annotations

import warnings
from typing import Literal, TypeVar

import numpy as np
from joblib import parallel_config
from numpy.typing import ArrayLike
from scipy.sparse import sparray, spmatrix
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.utils import check_X_y

from digits_lr._progress import progress_bar, watched
from digits_lr.fitting._child import callers_workers, fit_here, fit_in_child
from digits_lr.fitting._news import News

Model = TypeVar("Model", LogisticRegression, OneVsRestClassifier)


def fit(
    model: Model,
    X: ArrayLike | sparray | spmatrix,
    y: ArrayLike,
    *,
    start: Literal["lbfgs"] | None = None,
    progress: bool = True,
) -> Model:
    """Fit `model` as ``model.fit(X, y)`` does, with progress and an interrupt that works.

    The fitted model is scikit-learn's own, to the last bit, as it comes out on one BLAS thread.

    Parameters
    ----------
    model : LogisticRegression or OneVsRestClassifier
        A `sklearn.linear_model.LogisticRegression` with any solver, or a
        `sklearn.multiclass.OneVsRestClassifier` of one.
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        One image a row, in any form that ``model.fit`` accepts.
    y : array-like of shape (n_samples,)
        Class labels, in any form that ``model.fit`` accepts.
    start : {None, "lbfgs"}, default=None
        "lbfgs" is a faster way to a saga model: lbfgs goes most of the way down the same
        objective, and saga goes on from there, so it ends lower where `tol` stops it.
    progress : bool, default=True
        Show epochs and the time left while someone watches: at a terminal, or in a notebook that
        a person has open. Nothing of it stays in the output.

    Returns
    -------
    LogisticRegression or OneVsRestClassifier
        `model` itself, fitted.

    Raises
    ------
    TypeError
        If `model` is another estimator.
    ValueError
        If `start` is unknown, or `model` cannot start there; and whatever ``model.fit`` raises.
    KeyboardInterrupt
        If the fit is interrupted: within a second while its progress is shown, and `model` is
        as it was. Without progress the fit runs in this process, and scikit-learn
        honours an interrupt when the fit is over.

    Notes
    -----
    BLAS uses one thread. A logistic regression multiplies matrices of as few rows as there are
    classes, which two of BLAS's threads do no faster than one, and many times slower when another
    process keeps one of the cores busy.

    The classes of a `OneVsRestClassifier` are fitted by ``n_jobs`` threads that share `X`; by
    liblinear one after the other, since its threads would share one random generator too [3]_. A
    joblib backend that the caller has made active (``joblib.parallel_config``) is used instead of
    either, then without progress.

    saga takes one short step an image [1]_, and crawls along the directions in which the images
    hardly differ. So with ``start="lbfgs"`` lbfgs [2]_ goes first, on the same loss and penalty,
    preconditioned by the Fisher information, and as far as `tol` asks. Then saga does its epochs,
    and the lower of both ends is the model: saga begins without memory of gradients, and its first
    epochs can lead up again. All classes of a `OneVsRestClassifier` go down together, and then
    have their epochs in ``n_jobs`` workers. All cores share the images in lbfgs, in parts of 500:
    the sums are the same however many cores there are. It pays where images are many or the penalty
    is weak (``benchmarks/results.md``), and takes a few square matrices of the features of `X`.

    References
    ----------
    .. [1] A. Defazio, F. Bach, S. Lacoste-Julien, "SAGA: A Fast Incremental Gradient Method With
       Support for Non-Strongly Convex Composite Objectives", NeurIPS 2014, arXiv:1407.0202.
    .. [2] D. C. Liu, J. Nocedal, "On the Limited Memory BFGS Method for Large Scale
       Optimization", Mathematical Programming 45, 1989.
    .. [3] scikit-learn issue 31883, https://github.com/scikit-learn/scikit-learn/issues/31883

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.linear_model import LogisticRegression
    >>> import digits_lr as dl
    >>> X, y = load_digits(return_X_y=True)
    >>> model = LogisticRegression(C=50, solver="saga", tol=0.01, random_state=0)
    >>> dl.fit(model, X, y).n_iter_
    array([35], dtype=int32)
    >>> print(f"{dl.objective(model, X, y):.0f}")
    3155
    >>> dl.fit(model, X, y, start="lbfgs").n_iter_
    array([2], dtype=int32)
    >>> print(f"{dl.objective(model, X, y):.0f}")
    51
    """
    one = model.estimator if isinstance(model, OneVsRestClassifier) else model
    if type(one) is not LogisticRegression:
        raise TypeError(
            f"model is {model!r}; wanted LogisticRegression, or OneVsRestClassifier of one"
        )
    if start not in (None, "lbfgs"):
        raise ValueError(f"start is {start!r}; wanted None or 'lbfgs'")
    if start and one.solver != "saga":
        raise ValueError(f"start is {start!r} for {model!r}; wanted solver='saga'")

    caught: list[Warning] = []
    if not (progress and watched()) or (one is not model and callers_workers()):
        fitted = fit_here(model, X, y, start)
    else:
        try:
            n_fits = _refuse(model, one, X, y)
            with progress_bar(desc="starting", bar_format="{desc}, {elapsed}") as bar:
                fitted, caught = fit_in_child(model, X, y, start, News(bar, one, n_fits))
        except BaseException as error:
            # Its traceback begins here: how the other process is run is of no use to a reader.
            raise error.with_traceback(None) from None
    for name in vars(model).keys() - vars(fitted).keys():
        if name.endswith("_"):  # of an earlier fit, such as the names of its features
            delattr(model, name)
    parameters = model.get_params(deep=False)
    vars(model).update({k: v for k, v in vars(fitted).items() if k not in parameters})
    for warning in caught:
        warnings.warn(warning, stacklevel=2)
    return model


def _refuse(
    model: Model, one: LogisticRegression, X: ArrayLike | sparray | spmatrix, y: ArrayLike
) -> int:
    """Raise what ``model.fit(X, y)`` would refuse; return how many binary fits it would do.

    The arrays go through scikit-learn's own check, the settings through a fit to one image of
    each class.
    """
    for estimator in (model, one):
        estimator._validate_params()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the fit itself will give them
        rows_of_X, labels = check_X_y(
            X, y, accept_sparse="csr", dtype=None, multi_output=one is not model, estimator=one
        )
        rows = [0] if labels.ndim == 2 else np.unique(labels, return_index=True)[1]
        small = clone(model)
        getattr(small, "estimator", small).set_params(max_iter=1, random_state=0, verbose=0)
        with parallel_config("threading"):
            small.fit(rows_of_X[rows], labels[rows])
    return len(getattr(small, "estimators_", [small]))
