"""Where a fast saga fit starts: the reasons are in the docstring of `fit_multinomial`."""

import warnings

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, issparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

_ITERATIONS = 25
_LEAST_DEVIATION = 1 / 20  # of the most varied feature's


def start_at_lbfgs(model: LogisticRegression, X: NDArray | csr_matrix, y: NDArray) -> None:
    """Let `model` start from the coefficients of a short fit by lbfgs."""
    if model.verbose:
        print("lbfgs start", flush=True)
    deviation = np.sqrt(StandardScaler(with_mean=False).fit(X).var_)
    varied = deviation >= _LEAST_DEVIATION * deviation.max()
    Z = X[:, varied].toarray() if issparse(X) else X[:, varied]
    # float64: in float32, rounding would grow to differences between processors.
    scaler = StandardScaler(copy=False)
    Z = scaler.fit_transform(Z.astype(np.float64, copy=False))
    # No penalty; infinity makes scikit-learn 1.8 warn.
    short = LogisticRegression(C=1e300, max_iter=_ITERATIONS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # it is meant to stop early
        short.fit(Z, y)
    coef = short.coef_ / scaler.scale_
    model.coef_ = np.zeros((len(coef), X.shape[1]))
    model.coef_[:, varied] = coef
    model.intercept_ = short.intercept_ - coef @ scaler.mean_
    model.classes_ = short.classes_
    model.warm_start = True
