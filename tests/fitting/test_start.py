"""A start by lbfgs: near the minimum of what saga is asked for, and never worse than without it."""

import re
import warnings

import joblib
import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array, csr_matrix
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier

import digits_lr as dl
from digits_lr.fitting import _start

X, Y = (values[:400] for values in load_digits(return_X_y=True))
SAGA = LogisticRegression(solver="saga", C=0.5, l1_ratio=0.5, tol=0.01, random_state=3)
# Of C=np.inf scikit-learn 1.8 warns, whoever fits it.
UNPENALISED = pytest.mark.filterwarnings("ignore:Setting penalty=None will ignore")
# Wrong labels, so that no coefficients separate the classes.
MIXED = np.where(np.arange(400) % 3, Y, np.roll(Y, 1))


def fit_to_start(model, X, y):
    """Fit `model` as far as lbfgs goes: saga follows for no epoch."""
    with warnings.catch_warnings(action="ignore", category=ConvergenceWarning):
        return dl.fit(model.set_params(max_iter=0), X, y, start="lbfgs")


def slope_of_loss(model, X, y):
    proba = model.predict_proba(X)
    return model.C * X.T @ (proba - (y[:, None] == model.classes_))


@pytest.mark.parametrize("tol", [0.01, 0.001])
@pytest.mark.parametrize("C", [0.01, 1, 50])
@pytest.mark.parametrize("l1_ratio", [0, 1])
@pytest.mark.parametrize("scale", [1, 16])
def test_it_ends_no_higher_than_saga_from_zero_and_in_no_more_epochs(scale, l1_ratio, C, tol):
    model = clone(SAGA).set_params(C=C, l1_ratio=l1_ratio, tol=tol, max_iter=1000)
    plain, fast = (dl.fit(clone(model), X / scale, Y, start=start) for start in [None, "lbfgs"])
    assert fast.get_params() == model.get_params()
    assert fast.n_iter_ <= plain.n_iter_
    plain_total, fast_total = (dl.objective(one, X / scale, Y) for one in [plain, fast])
    assert fast_total <= plain_total * (1 + 1e-6)


@UNPENALISED
@pytest.mark.parametrize("y", [MIXED, MIXED < 5], ids=["ten classes", "two classes"])
@pytest.mark.parametrize(
    "settings",
    [{}, {"fit_intercept": False}, {"class_weight": "balanced"}, {"C": np.inf}],
    ids=str,
)
def test_a_small_tol_starts_at_the_minimum(y, settings):
    varied = X[:, X.std(axis=0) > 5] / 16
    started = clone(SAGA).set_params(l1_ratio=0, tol=1e-5, **settings)
    fit_to_start(started, varied, y)
    exact = clone(started).set_params(solver="newton-cholesky", tol=1e-8, max_iter=100)
    exact.fit(varied, y)
    assert started.coef_.shape == exact.coef_.shape
    np.testing.assert_allclose(
        started.predict_proba(varied), exact.predict_proba(varied), atol=1e-3
    )


@pytest.mark.parametrize("l1_ratio", [0.5, 1])
def test_coefficients_are_zero_where_the_penalty_wants_it(l1_ratio):
    model = clone(SAGA).set_params(l1_ratio=l1_ratio, tol=1e-5)
    fit_to_start(model, X / 16, MIXED)
    w = model.coef_.T
    slope = slope_of_loss(model, X / 16, MIXED) + (1 - l1_ratio) * w
    assert 0.1 < np.mean(w == 0) < 0.9
    np.testing.assert_allclose(slope[w != 0], -l1_ratio * np.sign(w[w != 0]), atol=0.25 * l1_ratio)
    assert np.abs(slope[w == 0]).max() < l1_ratio + 0.01


@pytest.mark.parametrize("as_X", [csr_matrix, np.uint8, pd.DataFrame])
def test_the_form_of_the_images_changes_nothing(as_X, monkeypatch):
    monkeypatch.setattr(_start, "_ROWS", 150)
    models = [clone(SAGA), clone(SAGA)]
    for model, images in zip(models, [X + 1, as_X(X + 1)], strict=True):
        fit_to_start(model, images, np.array(list("abcdefghij"))[Y])
    np.testing.assert_allclose(models[0].coef_, models[1].coef_, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("as_X", [csr_array, lambda X: X + 1], ids=["sparse", "dense"])
def test_it_is_the_same_however_many_threads_share_it(as_X, monkeypatch):
    monkeypatch.setattr(_start, "_ROWS", 50)
    models = [clone(SAGA).set_params(tol=0.001) for _ in range(2)]
    for model, threads in zip(models, [1, 3], strict=True):
        monkeypatch.setattr(joblib, "cpu_count", lambda threads=threads: threads)
        fit_to_start(model, as_X(X), Y)
    np.testing.assert_array_equal(models[0].coef_, models[1].coef_)
    np.testing.assert_array_equal(models[0].intercept_, models[1].intercept_)


def test_it_is_the_same_whoever_watches(request):
    here = dl.fit(clone(SAGA), X, Y, start="lbfgs", progress=False)
    request.getfixturevalue("in_child")
    watched = dl.fit(clone(SAGA), X, Y, start="lbfgs")
    np.testing.assert_array_equal(watched.coef_, here.coef_)


def test_a_smaller_tol_goes_further_and_a_warm_start_goes_on(capsys):
    steps, model = [], clone(SAGA).set_params(verbose=1)
    for tol, warm_start in [(0.0001, False), (0.01, False), (0.01, True)]:
        fit_to_start(model.set_params(tol=tol, warm_start=warm_start), X, Y)
        *lines, end = capsys.readouterr().out.splitlines()
        assert end.startswith("max_iter reached")  # saga's, of no epochs
        assert all(re.fullmatch(r"lbfgs: objective [\d.]+", line) for line in lines)
        steps.append(len(lines))
    assert steps[0] > 2 * steps[1] > 4 * steps[2]


@pytest.mark.parametrize("model", [SAGA, OneVsRestClassifier(SAGA)], ids=["one", "ten"])
def test_it_draws_from_the_global_generator_what_the_fit_draws(model):
    model = clone(model)
    getattr(model, "estimator", model).set_params(random_state=None)
    drawn = []
    for start in [None, "lbfgs"]:
        np.random.seed(0)  # noqa: NPY002 (the generator that scikit-learn uses without a seed)
        dl.fit(clone(model), X, Y, start=start)
        drawn.append(np.random.random())  # noqa: NPY002
    assert drawn[0] == drawn[1]


@pytest.mark.filterwarnings("always")
def test_what_a_fit_warns_of_it_warns_of_once(recwarn):
    dl.fit(clone(SAGA).set_params(n_jobs=2), X, Y, start="lbfgs")
    assert ["n_jobs" in str(one.message) for one in recwarn] == [True]


def test_what_saga_spoils_is_not_taken():
    model = clone(SAGA).set_params(C=50, l1_ratio=0, tol=0.001)
    started = fit_to_start(clone(model), X / 16, Y)
    start = dl.objective(started, X / 16, Y)
    started.set_params(warm_start=True, max_iter=100)
    assert dl.objective(started.fit(X / 16, Y), X / 16, Y) > start
    assert dl.objective(dl.fit(model, X / 16, Y, start="lbfgs"), X / 16, Y) == pytest.approx(start)


def test_one_vs_rest_is_the_same_in_any_worker_and_scikit_learns_own_model():
    images, one = csr_array(X), clone(SAGA).set_params(class_weight="balanced")
    theirs = OneVsRestClassifier(one).fit(images, Y)
    ours = [dl.fit(OneVsRestClassifier(one, n_jobs=n), images, Y, start="lbfgs") for n in [1, 3]]
    for model in ours:
        assert vars(model).keys() == vars(theirs).keys()
        assert model.estimator is one
        for binary, first, plain in zip(
            model.estimators_, ours[0].estimators_, theirs.estimators_, strict=True
        ):
            assert type(binary) is LogisticRegression
            assert binary.get_params() == one.get_params()
            assert vars(binary).keys() == vars(plain).keys()
            assert binary.n_iter_ < plain.n_iter_
            np.testing.assert_array_equal(binary.coef_, first.coef_)
            np.testing.assert_array_equal(binary.intercept_, first.intercept_)
    assert np.mean(ours[0].predict(images) == theirs.predict(images)) > 0.98


def test_one_vs_rest_may_have_labels_that_every_image_has():
    ones = np.ones((400, 1), int)
    with pytest.warns(UserWarning, match="present in all"):
        assert dl.fit(OneVsRestClassifier(SAGA), X, ones, start="lbfgs").predict(X).all()
    y = np.column_stack([Y < 5, ones, Y > 2]).astype(int)
    with pytest.warns(UserWarning, match="present in all"):
        model = dl.fit(OneVsRestClassifier(SAGA), X, y, start="lbfgs")
    plain = OneVsRestClassifier(SAGA).fit(X, y[:, [0, 2]])
    assert np.mean(model.predict(X)[:, [0, 2]] == plain.predict(X)) > 0.95
    assert model.predict(X)[:, 1].all()


def test_a_target_that_is_no_class_is_refused():
    with pytest.raises(ValueError, match="Unknown label type"):
        fit_to_start(clone(SAGA), X, np.linspace(0, 1, len(X)))


@UNPENALISED
@pytest.mark.filterwarnings("ignore:The max_iter was reached")
@pytest.mark.parametrize(("C", "pixel"), [(1, 1), (np.inf, 0)])
def test_features_that_never_vary_can_be_fitted(C, pixel):
    model = clone(SAGA).set_params(tol=0, max_iter=3, C=C, l1_ratio=0)
    dl.fit(model, [[pixel, 0]] * 4, [0, 1, 1, 1], start="lbfgs")
    assert model.predict([[pixel, 0]]) == [1]


def test_numbers_of_any_kind_are_fitted_without_a_warning():
    wanted = dl.fit(clone(SAGA), X, Y, start="lbfgs").coef_
    for images in [X.astype(np.float32), X.astype(str)]:
        coef = dl.fit(clone(SAGA), images, Y, start="lbfgs").coef_
        np.testing.assert_allclose(coef, wanted, atol=1e-4)
