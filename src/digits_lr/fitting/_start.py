"""Where a fast saga fit starts: the reasons are in the notes of `digits_lr.fit`."""

import itertools
import warnings
from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from sklearn.utils import check_array

_ITERATIONS = 30
_LEAST_DEVIATION = 1 / 40  # of the most varied feature's


def start_at_lbfgs(model: LogisticRegression, X: Any, y: Any) -> None:
    """Let `model` start from the coefficients of a short fit by lbfgs."""
    X = check_array(X, accept_sparse="csr", dtype=[np.float64, np.float32])
    scaler = StandardScaler(with_mean=False).fit(X)
    deviation = np.sqrt(scaler.var_)
    varied = deviation >= _LEAST_DEVIATION * deviation.max()
    mean, scale = scaler.mean_[varied], scaler.scale_[varied]
    Z = X[:, varied].toarray() if issparse(X) else X[:, varied]
    # float64: in float32, rounding would grow to differences between processors.
    Z = Z.astype(np.float64, copy=False)
    Z -= mean
    Z /= scale
    # No penalty; infinity makes scikit-learn 1.8 warn.
    short = LogisticRegression(C=1e300, max_iter=_ITERATIONS)
    if model.verbose:
        announce_iterations(short)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # it is meant to stop early
        short.fit(Z, y)
    coef = short.coef_ / scale
    model.coef_ = np.zeros((len(coef), X.shape[1]))
    model.coef_[:, varied] = coef
    model.intercept_ = short.intercept_ - coef @ mean
    model.classes_ = short.classes_
    model.warm_start = True


def announce_iterations(model: LogisticRegression) -> None:
    """Let `model` print its iterations, if it is fitted by lbfgs and scikit-learn tells them."""
    if model.solver == "lbfgs" and hasattr(model, "set_callbacks"):  # scikit-learn 1.9
        model.set_callbacks(_Announce())


class _Announce:
    """A callback of scikit-learn's that prints the number of each iteration."""

    def __init__(self) -> None:
        self.iterations = itertools.count(1)

    def setup(self, estimator: Any, context: Any) -> None:
        """Do nothing, nor at the other points that scikit-learn asks a callback for."""

    teardown = on_fit_task_begin = setup

    def on_fit_task_end(self, estimator: Any, context: Any) -> None:  # noqa: ARG002 (its protocol)
        """Print the number of an iteration that is over."""
        if context.task_name == "lbfgs-iter":
            print(f"lbfgs iteration {next(self.iterations)}")
