"""Where a fast saga fit starts: near the minimum of what saga is asked to minimise.

`digits_lr.fit` says why lbfgs goes first. It does so in stages, with

- a *preconditioner*: coordinates in which the curvature is alike in all directions. They come from
  the Cholesky factor, for each class, of the Fisher information, the sum of ``p (1 - p) x x'`` over
  the images, plus the penalty's curvature. At the beginning ``p`` is about the same for all images,
  so one sum of ``x x'`` serves all classes [1]_; it is measured anew where `_STEPS` steps were not
  enough. *Shrinkage* towards the identity [2]_ keeps rare pixels from growing before their time;
- *smoothing*: ``|w|`` has no slope at zero. ``sqrt(w^2 + mu^2)`` has, is larger by at most ``mu``,
  and ``1 / sqrt(w^2 + mu^2)`` bounds its curvature [3]_;
- a *precision* that follows from ``tol``, the change of coefficients at which saga stops. As an
  objective is quadratic near its minimum, a stage ends when a step lowers it by less than a share
  of `_PRECISION` times ``tol ** 2``. Smoothing and shrinkage are ten times smaller in each stage
  than in the one before; that in which smoothing costs less than such a share is the last.

.. [1] D. Böhning, "Multinomial Logistic Regression Algorithm", Annals of the Institute of
   Statistical Mathematics 44, 1992.
.. [2] O. Ledoit, M. Wolf, "A Well-Conditioned Estimator for Large-Dimensional Covariance
   Matrices", Journal of Multivariate Analysis 88, 2004.
.. [3] D. R. Hunter, R. Li, "Variable Selection Using MM Algorithms", Annals of Statistics 33, 2005.
"""

import itertools
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import joblib
import numpy as np
from scipy.linalg import cholesky
from scipy.linalg.blas import dtrsv
from scipy.optimize import OptimizeResult, minimize
from scipy.sparse import csr_array, issparse
from scipy.special import expit
from sklearn.base import clone
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.utils import check_array, check_X_y, gen_batches
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import column_or_1d

_STEPS = 60
_PRECISION = 20
_SMOOTHING, _SHRINKAGE = 0.1, 0.03  # of the first stage; smoothing in units of the pixels
_ROWS, _PARTS = 500, 16  # images of a part, and parts of a task that sums square matrices


def fit_from_lbfgs(model: LogisticRegression | OneVsRestClassifier, X: Any, y: Any) -> None:
    """Fit `model`, a saga model or one-vs-rest of one, as ``model.fit(X, y)`` from a start."""
    # Parameters are refused by a fit: here by one to two images, before they are worked with.
    one = clone(getattr(model, "estimator", model))
    # It says nothing, and draws nothing from NumPy's global generator.
    one.set_params(class_weight=None, verbose=0, n_jobs=None, random_state=one.random_state or 0)
    one.fit([[0], [0]], [0, 1])
    if isinstance(model, OneVsRestClassifier):
        _fit_all_classes(model, X, y)
        return
    warm_start = model.warm_start
    objective, start = start_at_lbfgs(model, X, y)
    model.fit(X, y)
    # saga begins without memory of gradients, and its first epochs can lead up again.
    _set_coef([model.set_params(warm_start=warm_start)], objective.lower_of(start, _coef([model])))


def start_at_lbfgs(model: LogisticRegression, X: Any, y: Any) -> "tuple[_Objective, np.ndarray]":
    """Let `model` start near its minimum; lbfgs starts from `model` if that has ``warm_start``."""
    y = column_or_1d(y)  # a column is legal, but a reason to warn: the fit does, and once is enough
    X, y = check_X_y(X, y, accept_sparse="csr", dtype=[np.float64, np.float32])
    check_classification_targets(y)
    classes, codes = np.unique(y, return_inverse=True)
    is_class = codes[:, None] == np.arange(len(classes))
    if len(classes) == 2:  # one row of coefficients tells both apart
        is_class = is_class[:, 1:]
    weights = compute_sample_weight(model.class_weight, y)[:, None]
    objective = _Objective(model, X, is_class, weights)
    go_on = model.warm_start and hasattr(model, "coef_")
    start = objective.minimum(_coef([model]) if go_on else None)
    _set_coef([model.set_params(warm_start=True)], start)
    model.classes_ = classes
    return objective, start


def _fit_all_classes(model: OneVsRestClassifier, X: Any, y: Any) -> None:
    """Fit all classes by lbfgs at once, then each from there by saga, in ``n_jobs`` workers."""
    one = model.estimator
    # scikit-learn itself tells the classes apart, for a classifier that learns next to nothing.
    fitted = OneVsRestClassifier(DummyClassifier()).fit(X, y)
    columns = fitted.label_binarizer_.transform(y).toarray()
    # It needs none for a class that every image is of, or no image.
    if places := [place for place, is_of in enumerate(columns.T) if np.ptp(is_of)]:
        columns = columns[:, places]
        weights = [compute_sample_weight(one.class_weight, is_of) for is_of in columns.T]
        rows = check_array(X, accept_sparse="csr", dtype=[np.float64, np.float32])
        objective = _Objective(one, rows, columns == 1, np.transpose(weights))
        models = [clone(one).set_params(warm_start=True) for _ in places]
        _set_coef(models, start := objective.minimum())
        models = Parallel(model.n_jobs, verbose=model.verbose)(
            delayed(binary.fit)(X, is_of) for binary, is_of in zip(models, columns.T, strict=True)
        )
        _set_coef(models, objective.lower_of(start, _coef(models)))
        for place, binary in zip(places, models, strict=True):
            fitted.estimators_[place] = binary.set_params(warm_start=one.warm_start)
    vars(model).update(vars(fitted) | model.get_params(deep=False))


def _coef(models: list[LogisticRegression]) -> np.ndarray:
    """Return the coefficients of `models` as columns, the intercepts last."""
    return np.hstack([np.vstack([model.coef_.T, model.intercept_]) for model in models])


def _set_coef(models: list[LogisticRegression], coef: np.ndarray) -> None:
    for model, its_coef in zip(models, np.hsplit(coef, len(models)), strict=True):
        dtype = getattr(model, "coef_", coef).dtype
        model.coef_, model.intercept_ = its_coef[:-1].T.astype(dtype), its_coef[-1].astype(dtype)


class _Objective:
    """What `model` minimises, divided by C, for columns of coefficients, the intercepts last."""

    def __init__(self, model: LogisticRegression, X: Any, is_class: Any, weights: np.ndarray):
        if not issparse(X) and 2 * np.count_nonzero(X) < X.size:
            X = csr_array(X)  # as most of an image is paper, half the work
        self.l1 = (model.l1_ratio or 0) / model.C  # C may be infinite
        self.l2 = 1 / model.C - self.l1
        self.model, self.weights, self.shape = model, weights, (X.shape[1] + 1, is_class.shape[1])
        self.is_softmax = self.shape[1] > weights.shape[1]  # else each class has its own weights
        self.n_free = X.shape[1] + model.fit_intercept  # rows of coefficients that may move
        rows = gen_batches(X.shape[0], _ROWS)
        self.parts = [(_rows(X, part), is_class[part], weights[part]) for part in rows]
        # One image more of each class, and one of the others, so that each logarithm is finite.
        self.p = ((weights * is_class).sum(axis=0) + 1) / (weights.sum(axis=0) + 2)

    def minimum(self, coef: np.ndarray | None = None) -> np.ndarray:
        """Return coefficients near the minimum, found from `coef`."""
        if coef is None:
            coef = np.zeros(self.shape)
            if self.model.fit_intercept:
                coef[-1] = np.log(self.p if self.is_softmax else self.p / (1 - self.p))
        tol, steps = np.clip(self.model.tol, 1e-5, 0.01), itertools.count(1)
        precision = _PRECISION * tol**2
        with ThreadPoolExecutor(joblib.cpu_count()) as self.pool:
            (squares,) = self.squares(np.ones((len(self.weights), 1)))
            p = self.p * (1 - self.p) * self.weights.mean(axis=0)
            information = squares * p[:, None, None]
            unit = np.sqrt(len(self.weights) / (squares.diagonal()[:-1].max() or 1))
            # Each power of ten in tol is one more stage, in which smoothing is ten times smaller.
            for stage in range(2 - round(np.log10(tol))):
                smoothing = _SMOOTHING * unit / 10**stage
                penalty = self.l1 / np.sqrt(coef**2 + smoothing**2) + self.l2
                spread = information.diagonal(axis1=1, axis2=2)[:, :-1].mean(axis=1)
                penalty += _SHRINKAGE / 10**stage * spread
                penalty[-1] = 0
                factors = [
                    self.factor(of_loss + np.diag(of_penalty))
                    for of_loss, of_penalty in zip(information, penalty.T, strict=True)
                ]
                coef, value, n_steps = self.descend(coef, factors, smoothing, precision, steps)
                if n_steps == _STEPS:
                    parts = self.pool.map(partial(self.loss_and_p, coef), self.parts)
                    p = np.vstack([p for _, p in parts])
                    information = self.squares(self.weights * p * (1 - p))
                    continue
                root = np.sqrt(coef[:-1] ** 2 + smoothing**2)
                if self.l1 * (root - np.abs(coef[:-1])).sum() <= precision * value:
                    break
                # The penalty counts then, and which coefficients end at 0 is told by small slopes.
                precision = _PRECISION * tol**2 / 10
            # Where the slope of the loss is less than the penalty's, only smoothing kept it from 0.
            w, slope = coef[:-1], self.value_and_slope(coef, smoothing)[1][:-1]
            slope -= self.l1 * w / np.sqrt(w**2 + smoothing**2)
            w[(np.abs(w) < 3 * smoothing) & (np.abs(slope) < self.l1)] = 0
        return coef

    def lower_of(self, start: np.ndarray, end: np.ndarray) -> np.ndarray:
        """Return `start` or `end`, whichever is lower; of binary models, each by itself."""

        def exact(coef: np.ndarray) -> np.ndarray:
            penalty = (self.l1 * np.abs(coef[:-1]) + self.l2 / 2 * coef[:-1] ** 2).sum(axis=0)
            loss = sum(self.loss_and_p(coef, part)[0] for part in self.parts)
            return loss + (penalty.sum() if self.is_softmax else penalty)

        return np.where(exact(start) < exact(end), start, end)

    def factor(self, curvature: np.ndarray) -> np.ndarray:
        """Return the Cholesky factor of `curvature`, which is the identity in its coordinates."""
        curvature = curvature[: self.n_free, : self.n_free]
        # Else features that add up to another, and those that are nothing, would have no factor.
        diagonal = curvature.diagonal()
        np.fill_diagonal(curvature, np.where(diagonal > 0, diagonal * (1 + 1e-8), 1))
        return cholesky(curvature)

    def descend(
        self, coef: np.ndarray, factors: list, smoothing: float, precision: float, steps: Any
    ) -> tuple[np.ndarray, float, int]:
        """Return where lbfgs comes from `coef`, the value there, and how many steps it took."""
        before = np.inf

        def moved(u: np.ndarray) -> np.ndarray:
            new = coef.copy()
            parts = zip(factors, u.reshape(len(factors), -1), strict=True)
            new[: self.n_free] += np.transpose([dtrsv(factor, part) for factor, part in parts])
            return new

        def in_coordinates(u: np.ndarray) -> tuple[float, np.ndarray]:
            value, slope = self.value_and_slope(moved(u), smoothing)
            parts = zip(factors, slope[: self.n_free].T, strict=True)
            return value, np.ravel([dtrsv(factor, part, trans=1) for factor, part in parts])

        def after_step(intermediate_result: OptimizeResult) -> None:
            nonlocal before
            if self.model.verbose:
                print(f"lbfgs iteration {next(steps)}")
            decrease, before = before - intermediate_result.fun, intermediate_result.fun
            if decrease <= precision * before:
                raise StopIteration

        found = minimize(
            in_coordinates,
            np.zeros(self.n_free * len(factors)),
            jac=True,
            method="L-BFGS-B",
            callback=after_step,
            options={"maxiter": _STEPS, "maxcor": 20, "ftol": 0, "gtol": 0},
        )
        return moved(found.x), found.fun, found.nit

    def value_and_slope(self, coef: np.ndarray, smoothing: float) -> tuple[float, np.ndarray]:
        """Return the smoothed objective and its slope."""

        def of_part(part: tuple) -> tuple[np.ndarray, np.ndarray]:
            X, is_class, weights = part
            value, p = self.loss_and_p(coef, part)
            residual = weights * (p - is_class)
            return value, np.vstack([X.T @ residual, residual.sum(axis=0)])

        values, slopes = zip(*self.pool.map(of_part, self.parts), strict=True)
        w, slope = coef[:-1], sum(slopes[1:], slopes[0])
        root = np.sqrt(w**2 + smoothing**2)
        slope[:-1] += self.l1 * w / root + self.l2 * w
        penalty = self.l1 * (root - smoothing).sum() + self.l2 / 2 * (w**2).sum()
        return np.sum(values) + penalty, slope

    def loss_and_p(self, coef: np.ndarray, part: tuple) -> tuple[np.ndarray, np.ndarray]:
        """Return the loss of a part, and the probabilities of its images."""
        X, is_class, weights = part
        scores = X @ coef[:-1] + coef[-1]
        if not self.is_softmax:
            losses = weights * (np.logaddexp(0, scores) - is_class * scores)
            return losses.sum(axis=0), expit(scores)
        scores -= scores.max(axis=1, keepdims=True)
        total = np.exp(scores).sum(axis=1, keepdims=True)
        losses = np.log(total[:, 0]) - scores[is_class]
        return losses @ weights, np.exp(scores) / total

    def squares(self, shares: np.ndarray) -> np.ndarray:
        """Return the sum of ``x x'``, x with a 1 for the intercept, for each column of shares."""

        def of_parts(share: np.ndarray, first: int) -> np.ndarray:
            total = np.zeros((self.shape[0], self.shape[0]))
            for k, (X, *_) in enumerate(self.parts[first : first + _PARTS], first):
                Z = np.ones((X.shape[0], len(total)))
                Z[:, :-1] = X.toarray() if issparse(X) else X
                Z *= np.sqrt(share[k * _ROWS : (k + 1) * _ROWS, None])
                total += Z.T @ Z
            return total

        firsts = range(0, len(self.parts), _PARTS)
        return np.array([sum(self.pool.map(partial(of_parts, s), firsts)) for s in shares.T])


def _rows(X: Any, rows: slice) -> Any:
    """Return rows of `X` that share its memory, as those of a sparse array would not."""
    if not issparse(X):
        return X[rows]
    ends = X.indptr[rows.start : rows.stop + 1]
    kept = slice(ends[0], ends[-1])
    arrays = X.data[kept], X.indices[kept], ends - ends[0]
    return csr_array(arrays, shape=(len(ends) - 1, X.shape[1]))
