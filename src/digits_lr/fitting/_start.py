"""Where a fast saga fit starts: near the minimum of what saga is asked to minimise.

lbfgs goes there in stages, for the reasons that `digits_lr.fit` gives, with

- a *preconditioner*: coordinates in which the curvature is alike in all directions. They come from
  the Cholesky factor, for each class, of the Fisher information, the sum of ``p (1 - p) x x'`` over
  the images, plus the penalty's curvature. At the beginning ``p`` is about the same for all images,
  so one sum of ``x x'`` serves all classes [1]_; it is measured anew where `_STEPS` steps were not
  enough. *Shrinkage* towards the identity [2]_ keeps rare pixels from growing before their time;
- *smoothing*: ``|w|`` has no slope at zero. ``sqrt(w^2 + mu^2)`` has, is larger by at most ``mu``,
  and ``1 / sqrt(w^2 + mu^2)`` bounds its curvature [3]_;
- a *precision* that follows from ``tol``, the change of coefficients at which saga stops. As an
  objective is quadratic near its minimum, a stage ends when a step lowers it by less than a share
  of `_PRECISION` times ``tol ** 2``, where `tol` counts as 0.01 at most; once a stage has ended so,
  a tenth of that. Smoothing and shrinkage are ten times smaller in each stage than in the one
  before; that in which smoothing costs less than such a share is the last.

.. [1] D. Böhning, "Multinomial Logistic Regression Algorithm", Annals of the Institute of
   Statistical Mathematics 44, 1992.
.. [2] O. Ledoit, M. Wolf, "A Well-Conditioned Estimator for Large-Dimensional Covariance
   Matrices", Journal of Multivariate Analysis 88, 2004.
.. [3] D. R. Hunter, R. Li, "Variable Selection Using MM Algorithms", Annals of Statistics 33, 2005.
"""

from concurrent.futures import ThreadPoolExecutor
from functools import partial, reduce
from typing import Any

import joblib
import numpy as np
from scipy.linalg import cholesky
from scipy.linalg.blas import dtrsv
from scipy.optimize import OptimizeResult, minimize
from scipy.sparse import csr_array, hstack, issparse
from scipy.special import expit
from sklearn.linear_model import LogisticRegression
from sklearn.utils import gen_batches

_STEPS = 60
_PRECISION = 20
_SMOOTHING, _SHRINKAGE = 0.1, 0.03  # of the first stage; smoothing in units of the pixels
_ROWS = 500  # images of a part


class Objective:
    """What `model` minimises, divided by C, for columns of coefficients, the intercepts last."""

    def __init__(self, model: LogisticRegression, X: Any, is_class: Any, weights: np.ndarray):
        if not issparse(X) and 2 * np.count_nonzero(X) < X.size:
            X = csr_array(X)  # as most of an image is paper, half the work
        stack = partial(hstack, format="csr") if issparse(X) else np.hstack
        of_intercept = np.full((X.shape[0], 1), float(model.fit_intercept))
        self.parts = [
            (stack([X[rows], of_intercept[rows]]), is_class[rows], weights[rows])
            for rows in gen_batches(X.shape[0], _ROWS)
        ]
        self.l1 = (model.l1_ratio or 0) / model.C  # C may be infinite
        self.l2 = 1 / model.C - self.l1
        self.model, self.weights = model, weights
        self.is_softmax = is_class.shape[1] > weights.shape[1]  # else each class has its weights
        # One image more of each class, and one of the others, so that each logarithm is finite.
        self.p = ((weights * is_class).sum(axis=0) + 1) / (weights.sum(axis=0) + 2)

    def minimum(self, coef: np.ndarray) -> np.ndarray:
        """Return coefficients near the minimum, found from `coef`."""
        if self.model.fit_intercept and not coef.any():
            coef[-1] = np.log(self.p if self.is_softmax else self.p / (1 - self.p))
        tol = np.clip(self.model.tol, 1e-5, 0.01)
        precision = _PRECISION * tol**2
        with ThreadPoolExecutor(joblib.cpu_count()) as self.pool:
            (squares,) = self.squares(np.ones((len(self.weights), 1)))
            p = self.p * (1 - self.p) * self.weights.mean(axis=0)
            information = squares * p[:, None, None]
            unit = np.sqrt(len(self.weights) / (squares.diagonal()[:-1].max() or 1))
            # Each power of ten in tol is one more stage, in which smoothing is ten times smaller.
            for stage in range(2 - round(np.log10(tol))):
                smoothing = _SMOOTHING * unit / 10**stage
                penalty = self.l1 / np.hypot(coef, smoothing) + self.l2
                spread = information.diagonal(axis1=1, axis2=2)[:, :-1].mean(axis=1)
                penalty += _SHRINKAGE / 10**stage * spread
                penalty[-1] = 0  # the intercept's
                factors = [_factor(*both) for both in zip(information, penalty.T, strict=True)]
                coef, value, n_steps = self.descend(coef, factors, smoothing, precision)
                if n_steps == _STEPS:
                    parts = self.pool.map(partial(self.loss_and_p, coef), self.parts)
                    p = np.vstack([p for _, p in parts])
                    information = self.squares(self.weights * p * (1 - p))
                    continue
                w = coef[:-1]
                if self.l1 * (np.hypot(w, smoothing) - np.abs(w)).sum() <= precision * value:
                    break
                # So near the minimum small slopes tell which coefficients the penalty ends at 0.
                precision = _PRECISION * tol**2 / 10
            # Where the slope of the loss is less than the penalty's, only smoothing kept it from 0.
            w, slope = coef[:-1], self.value_and_slope(coef, smoothing)[1][:-1]
            slope -= self.l1 * w / np.hypot(w, smoothing)
            w[(np.abs(w) < 3 * smoothing) & (np.abs(slope) < self.l1)] = 0
        return coef

    def lower_of(self, start: np.ndarray, end: np.ndarray) -> np.ndarray:
        """Return `start` or `end`, whichever is lower; of binary models, each by itself."""
        # So little smoothing costs nothing, and divides nothing by zero.
        with ThreadPoolExecutor(joblib.cpu_count()) as self.pool:
            of_start, of_end = (self.value_and_slope(coef, 1e-150)[0] for coef in (start, end))
        return np.where(of_start < of_end, start, end)

    def descend(
        self, coef: np.ndarray, factors: list, smoothing: float, precision: float
    ) -> tuple[np.ndarray, float, int]:
        """Return where lbfgs comes from `coef`, the value there, and how many steps it took."""
        before = np.inf

        def moved(u: np.ndarray) -> np.ndarray:
            parts = zip(factors, u.reshape(len(factors), -1), strict=True)
            return coef + np.transpose([dtrsv(factor, part) for factor, part in parts])

        def in_coordinates(u: np.ndarray) -> tuple[float, np.ndarray]:
            value, slope = self.value_and_slope(moved(u), smoothing)
            parts = zip(factors, slope.T, strict=True)
            return value.sum(), np.ravel([dtrsv(factor, part, trans=1) for factor, part in parts])

        def after_step(intermediate_result: OptimizeResult) -> None:
            nonlocal before
            if self.model.verbose:
                print(f"lbfgs: objective {self.model.C * intermediate_result.fun:.6g}")
            decrease, before = before - intermediate_result.fun, intermediate_result.fun
            if decrease <= precision * before:
                raise StopIteration

        found = minimize(
            in_coordinates,
            np.zeros(coef.size),
            jac=True,
            method="L-BFGS-B",
            callback=after_step,
            options={"maxiter": _STEPS, "maxcor": 20, "ftol": 0, "gtol": 0},
        )
        return moved(found.x), found.fun, found.nit

    def value_and_slope(self, coef: np.ndarray, smoothing: float) -> tuple[np.ndarray, np.ndarray]:
        """Return the smoothed objective, of each binary model by itself, and its slope."""

        def of_part(part: tuple) -> tuple[np.ndarray, np.ndarray]:
            X, is_class, weights = part
            value, p = self.loss_and_p(coef, part)
            return value, X.T @ (weights * (p - is_class))

        values, slopes = zip(*self.pool.map(of_part, self.parts), strict=True)
        w, slope = coef[:-1], reduce(np.add, slopes)
        root = np.hypot(w, smoothing)
        slope[:-1] += self.l1 * w / root + self.l2 * w
        penalty = (self.l1 * (root - smoothing) + self.l2 / 2 * w**2).sum(axis=0)
        return reduce(np.add, values) + (penalty.sum() if self.is_softmax else penalty), slope

    def loss_and_p(self, coef: np.ndarray, part: tuple) -> tuple[np.ndarray, np.ndarray]:
        """Return the loss of a part, and the probabilities of its images."""
        X, is_class, weights = part
        scores = X @ coef
        if not self.is_softmax:
            losses = weights * (np.logaddexp(0, scores) - is_class * scores)
            return losses.sum(axis=0), expit(scores)
        scores -= scores.max(axis=1, keepdims=True)
        p = np.exp(scores)
        total = p.sum(axis=1, keepdims=True)
        return (np.log(total[:, 0]) - scores[is_class]) @ weights, p / total

    def squares(self, shares: np.ndarray) -> np.ndarray:
        """Return the sum of ``x x'``, x with a 1 for the intercept, for each column of shares."""

        def of_part(part: tuple, share: np.ndarray) -> np.ndarray:
            Z = part[0].toarray() if issparse(part[0]) else part[0]
            Z = Z * np.sqrt(share[:, None])
            return Z.T @ Z

        cuts = range(_ROWS, len(shares), _ROWS)
        of_parts = (np.split(share, cuts) for share in shares.T)
        return np.array([sum(self.pool.map(of_part, self.parts, share)) for share in of_parts])


def _factor(information: np.ndarray, penalty: np.ndarray) -> np.ndarray:
    """Return the Cholesky factor of a curvature, which is the identity in its coordinates."""
    curvature = information + np.diag(penalty)
    # Else features that add up to another, and those that are nothing, would have no factor.
    diagonal = curvature.diagonal()
    np.fill_diagonal(curvature, np.where(diagonal > 0, diagonal * (1 + 1e-8), 1))
    return cholesky(curvature)
