import numpy as np
import pytest
from scipy.sparse import csr_matrix
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.multiclass import OneVsRestClassifier

from digits_lr import objective

X, Y = (values[:300] for values in load_digits(return_X_y=True))
SAGA = LogisticRegression(solver="saga", C=0.1, l1_ratio=0.3, tol=0.01, max_iter=500)


def by_hand(model, X, y):
    loss = log_loss(y, model.predict_proba(X), normalize=False, labels=model.classes_)
    w = model.coef_
    return 0.1 * loss + 0.3 * np.abs(w).sum() + 0.7 / 2 * (w**2).sum()


@pytest.mark.parametrize("as_X", [np.asarray, csr_matrix], ids=["dense", "csr"])
def test_loss_and_penalty_of_a_multinomial_model(as_X):
    model = SAGA.fit(as_X(X), Y)
    assert objective(model, as_X(X), Y) == pytest.approx(by_hand(model, X, Y), rel=1e-12)


def test_two_classes_of_strings_and_labels_that_are_not_all_there():
    labels = np.where(Y < 5, "low", "high")
    model = SAGA.fit(X, labels)
    low = labels == "low"
    for rows in [slice(None), low]:
        expected = by_hand(model, X[rows], labels[rows])
        assert objective(model, X[rows], labels[rows]) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("labels", [Y, Y < 5], ids=["ten", "two"])
def test_one_vs_rest_is_the_sum_of_its_models(labels):
    labels = labels.astype(int)
    model = OneVsRestClassifier(SAGA).fit(X, labels)
    classes = model.classes_[-len(model.estimators_) :]
    expected = sum(
        by_hand(one, X, labels == k) for one, k in zip(model.estimators_, classes, strict=True)
    )
    assert objective(model, X, labels) == pytest.approx(expected, rel=1e-12)


def test_it_is_what_the_solver_makes_small():
    model = LogisticRegression(C=2, tol=1e-8, max_iter=1000).fit(X / 16, Y)
    best = objective(model, X / 16, Y)
    for change in [0.01, -0.01]:
        model.coef_[3, 20] += change
        assert objective(model, X / 16, Y) > best
        model.coef_[3, 20] -= change


def test_a_certain_error_is_counted_in_full():
    model = LogisticRegression(C=1, l1_ratio=1, solver="saga", max_iter=10_000).fit(X, Y)
    model.coef_, model.intercept_ = np.zeros((10, 64)), np.zeros(10)
    model.intercept_[0] = 5000.0
    assert objective(model, X, np.full(300, 1)) == pytest.approx(300 * 5000)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (Y[:-1], "X has 300, y has 299; wanted equal"),
        (Y[:, None], r"y has shape \(300, 1\)"),
        (np.where(Y == 9, 10, Y), r"y holds 10; wanted the model's classes \[0 1"),
        (Y.astype(str), "y holds 0; wanted the model's classes"),
    ],
)
def test_labels_that_do_not_fit_are_named(y, message):
    model = SAGA.fit(X, Y)
    with pytest.raises(ValueError, match=message):
        objective(model, X, y)


@pytest.mark.parametrize("other", [{"penalty": "l2"}, {"class_weight": {0: 2}}], ids=str)
def test_a_model_of_another_objective_is_refused(other):
    model = clone(SAGA).fit(X, Y).set_params(**other)
    with pytest.raises(ValueError, match=f"model has {next(iter(other))}="):
        objective(model, X, Y)


def test_rows_without_axes_are_named():
    with pytest.raises(ValueError, match=r"X has shape \(\); wanted \(n_samples, n_features\)"):
        objective(SAGA.fit(X, Y), 3, Y)


def test_a_model_must_be_fitted():
    with pytest.raises(NotFittedError):
        objective(LogisticRegression(), X, Y)
