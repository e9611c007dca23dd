"""Where a fit by saga from lbfgs starts, and where it ends."""

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

import digits_lr as dl
from digits_lr.fitting import _start

X, Y = (values[:400] for values in load_digits(return_X_y=True))
SAGA = LogisticRegression(
    solver="saga", C=0.5, l1_ratio=0.5, tol=0.02, max_iter=100, random_state=3
)


@pytest.mark.parametrize("as_X", [np.asarray, csr_matrix, pd.DataFrame])
@pytest.mark.parametrize("classes", [2, 10])
def test_from_lbfgs_it_is_saga_on_the_same_objective_with_fewer_epochs(as_X, classes):
    X, y = load_digits(n_class=classes, return_X_y=True)
    y[::3] = np.roll(y, 1)[::3]  # wrong labels, so that no coefficients separate the classes
    X, model = as_X(X), clone(SAGA).set_params(C=50, tol=0.01, random_state=0)
    plain, fast = (dl.fit(clone(model), X, y, start=start) for start in [None, "lbfgs"])
    assert fast.get_params() == model.get_params()
    assert 2 <= fast.n_iter_[0] < plain.n_iter_[0] / 2
    plain_total, fast_total = (
        dl.objective(one, np.asarray(csr_matrix(X).todense()), y) for one in [plain, fast]
    )
    assert 0.98 * plain_total < fast_total < plain_total


def test_a_start_is_the_same_however_many_threads_share_it(monkeypatch):
    monkeypatch.setattr(_start, "_ROWS", 50)
    models = [clone(SAGA), clone(SAGA)]
    for model, threads in zip(models, [1, 3], strict=True):
        monkeypatch.setattr(_start.joblib, "cpu_count", lambda threads=threads: threads)
        _start.start_at_lbfgs(model, X, Y)
    np.testing.assert_array_equal(models[0].coef_, models[1].coef_)
    np.testing.assert_array_equal(models[0].intercept_, models[1].intercept_)


@pytest.mark.parametrize("classes", [2, 10])
def test_the_start_goes_down_the_loss_of_scikit_learn(classes, monkeypatch):
    monkeypatch.setattr(_start, "_ITERATIONS", 2000)
    X, y = load_digits(n_class=classes, return_X_y=True)
    X, y = X[:, X.std(axis=0) > 5] / 16, np.array(list("abcdefghij"))[y]
    y[::3] = np.roll(y, 1)[::3]  # wrong labels, so that no coefficients separate the classes
    started, free = clone(SAGA), LogisticRegression(C=1e300, tol=1e-5, max_iter=5000)
    _start.start_at_lbfgs(started, X, y)
    free.fit(X, y)
    assert started.coef_.shape == free.coef_.shape
    np.testing.assert_allclose(started.predict_proba(X), free.predict_proba(X), atol=0.01)


def test_a_start_refuses_a_target_that_is_no_class():
    with pytest.raises(ValueError, match="Unknown label type"):
        _start.start_at_lbfgs(clone(SAGA), X, np.linspace(0, 1, len(X)))


def test_a_start_from_lbfgs_keeps_pixels_that_hardly_vary_small():
    varied = X.copy()
    varied[:, 0] = 0.0
    varied[0, 0] = 1e-3  # standardised, it would get a coefficient thousands of times the others
    model = dl.fit(clone(SAGA).set_params(l1_ratio=0, C=1e3), varied, Y, start="lbfgs")
    assert abs(model.coef_[:, 0]).max() < 0.01 * abs(model.coef_).max()


def test_features_that_never_vary_can_be_fitted_from_lbfgs():
    model = clone(SAGA).set_params(tol=0, max_iter=3)
    with pytest.warns(ConvergenceWarning):
        dl.fit(model, np.ones((4, 2)), [0, 1, 1, 1], start="lbfgs")
    assert model.predict([[1, 1]]) == [1]
