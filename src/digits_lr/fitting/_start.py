"""Where a fast saga fit starts: the reasons are in the notes of `digits_lr.fit`."""

import itertools
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import joblib
import numpy as np
from scipy.linalg import cholesky, solve_triangular
from scipy.optimize import minimize
from scipy.sparse import issparse
from scipy.special import log_softmax
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from sklearn.utils import check_X_y
from sklearn.utils.multiclass import check_classification_targets

_ITERATIONS = 12
_LEAST_DEVIATION = 1 / 40  # of the most varied feature's
_ROWS = 500  # images of a part: sums over parts are the same however many threads share them


def start_at_lbfgs(model: LogisticRegression, X: Any, y: Any) -> None:
    """Let `model` start from the coefficients of a short fit by lbfgs."""
    X, y = check_X_y(X, y, accept_sparse="csr", dtype=[np.float64, np.float32])
    check_classification_targets(y)
    classes, y = np.unique(y, return_inverse=True)
    scaler = StandardScaler(with_mean=False).fit(X)
    deviation = np.sqrt(scaler.var_)
    varied = deviation >= _LEAST_DEVIATION * deviation.max()
    mean, scale = scaler.mean_[varied], scaler.scale_[varied]
    rows = [slice(first, first + _ROWS) for first in range(0, len(y), _ROWS)]
    Z = np.empty((len(y), len(mean) + 1))

    def standardise(part: slice) -> np.ndarray:
        values = X[part][:, varied]
        Z[part, :-1] = values.toarray() if issparse(X) else values
        Z[part, :-1] -= mean
        Z[part, :-1] /= scale
        Z[part, -1] = 1  # the intercept's
        return Z[part]

    with ThreadPoolExecutor(joblib.cpu_count()) as pool:
        parts = list(pool.map(standardise, rows))
        codes = [y[part] for part in rows]
        # Correlations, of every tenth image; with the identity, or rare directions were blown up.
        moments = np.eye(len(mean) + 1)
        for part in parts:
            moments += part[::10].T @ part[::10] / (len(y) / 10)
        factor = cholesky(moments.T, overwrite_a=True)

        def coef_of(weights: np.ndarray) -> np.ndarray:
            return solve_triangular(factor, weights.reshape(-1, len(classes))).T

        def loss_and_gradient(weights: np.ndarray) -> tuple[float, np.ndarray]:
            losses, gradients = zip(
                *pool.map(partial(_loss, coef_of(weights)), parts, codes), strict=True
            )
            gradient = solve_triangular(factor, sum(gradients, np.float64(0)).T, trans="T")
            return sum(losses) / len(y), gradient.ravel() / len(y)

        iterations = itertools.count(1)
        weights = minimize(
            loss_and_gradient,
            np.zeros(len(classes) * len(factor)),
            method="L-BFGS-B",
            jac=True,
            options={"maxiter": _ITERATIONS},
            callback=lambda _: model.verbose and print(f"lbfgs iteration {next(iterations)}"),
        ).x
    coef = coef_of(weights)
    if len(classes) == 2:  # one row tells both apart
        coef = coef[1:] - coef[:1]
    coef, intercept = coef[:, :-1] / scale, coef[:, -1]
    model.coef_ = np.zeros((len(coef), X.shape[1]))
    model.coef_[:, varied] = coef
    model.intercept_ = intercept - coef @ mean
    model.classes_ = classes
    model.warm_start = True


def _loss(coef: np.ndarray, Z: np.ndarray, codes: np.ndarray) -> tuple[float, np.ndarray]:
    """Return the sum of the multinomial loss over the rows of `Z`, and its gradient."""
    # Images in columns: for the other way round BLAS needs twice as long.
    log_proba = log_softmax(coef @ Z.T, axis=0)
    own = codes, np.arange(len(codes))
    loss = -log_proba[own].sum()
    residual = np.exp(log_proba)
    residual[own] -= 1
    return loss, residual @ Z
