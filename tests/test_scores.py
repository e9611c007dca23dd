from math import comb

import numpy as np
import pytest
from scipy.sparse import csr_array, csr_matrix
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression, LogisticRegressionCV
from sklearn.metrics import log_loss
from sklearn.multiclass import OneVsRestClassifier
from sklearn.svm import LinearSVC

from digits_lr import accuracy, mcnemar, objective

X, Y = (values[:300] for values in load_digits(return_X_y=True))
SAGA = LogisticRegression(solver="saga", C=0.1, l1_ratio=0.3, tol=0.01, max_iter=500)


def predictions(n_right, n_images):
    return np.zeros(n_images, int), (np.arange(n_images) >= n_right).astype(int)


@pytest.mark.parametrize(
    ("n_right", "n_images", "low", "high"),
    [
        # R. G. Newcombe, "Two-sided confidence intervals for the single proportion", Statistics in
        # Medicine 17, 1998, table I, method 3.
        (81, 263, 0.2553, 0.3662),
        (0, 20, 0.0000, 0.1611),
    ],
)
def test_interval_is_wilsons_as_published(n_right, n_images, low, high):
    result = accuracy(*predictions(n_right, n_images))
    assert (result.low, result.high) == pytest.approx((low, high), abs=5e-5)


def test_it_prints_as_one_line():
    result = accuracy(*predictions(9192, 10_000))
    assert str(result) == "0.9192 (0.9137 to 0.9244), 808 of 10,000 wrong"
    assert (result.score, result.n_errors, result.n_images) == (0.9192, 808, 10_000)


@pytest.mark.parametrize(
    ("y_true", "y_pred"),
    [
        (["a", "b"], ["a", "c"]),
        (np.array(["5", "0"], dtype=object), ["5", "1"]),  # as pandas and OpenML hold strings
        ([True, False], [True, True]),
        ([True, False], [1, 1]),
    ],
)
def test_strings_and_bools_are_labels_too(y_true, y_pred):
    assert accuracy(y_true, y_pred).score == 0.5


@pytest.mark.parametrize(
    ("y_true", "y_pred", "message"),
    [
        ([0, 1], [0], "y_true has length 2, y_pred has length 1"),
        ([], [], "0 sample"),
        (["0"], [0], "y_true and y_pred cannot be class labels: Mix of label input types"),
        (["a", None], ["a", "b"], "y_true and y_pred cannot be class labels"),
    ],
)
def test_bad_input_is_named(y_true, y_pred, message):
    with pytest.raises(ValueError, match=message):
        accuracy(y_true, y_pred)


@pytest.mark.parametrize(
    ("n_first", "n_second", "pvalue"),
    [
        (1, 5, 14 / 64),  # by hand: twice the chance of 0 or 1 heads among 6
        (3, 3, 1),
        (0, 0, 1),
        (150, 86, 2 * sum(comb(236, k) for k in range(87)) / 2**236),
    ],
)
def test_mcnemar_is_the_exact_test_of_images_that_only_one_model_gets_right(
    n_first, n_second, pvalue
):
    right, wrong = np.ones(n_first + n_second + 7), np.zeros(n_first + n_second + 7)
    rows = np.arange(len(right))
    first = np.where(rows < n_first, right, np.where(rows < n_first + n_second, wrong, 1))
    second = np.where(rows < n_first, wrong, np.where(rows < n_first + n_second, right, 1))
    first[-1] = second[-1] = 0  # both wrong: tells nothing
    result = mcnemar(right, first, second)
    assert result[:2] == (n_first, n_second)
    assert result.pvalue == pytest.approx(pvalue, rel=1e-3)


def test_mcnemar_prints_as_one_line():
    line = str(mcnemar([1] * 6, [1, 0, 0, 0, 0, 0], [0, 1, 1, 1, 1, 1]))
    assert line == "right alone: first 1, second 5; p = 0.22"


def test_mcnemar_names_the_model_whose_predictions_do_not_fit():
    with pytest.raises(ValueError, match=r"y_true has length 2, .*second has length 1"):
        mcnemar([1, 2], [1, 2], [1])
    with pytest.raises(ValueError, match="y_true and first and second cannot be class labels"):
        mcnemar([1, 2], ["1", "2"], [1, 2])


def by_hand(model, X, y):
    loss = log_loss(y, model.predict_proba(X), normalize=False, labels=model.classes_)
    w = model.coef_
    return 0.1 * loss + 0.3 * np.abs(w).sum() + 0.7 / 2 * (w**2).sum()


@pytest.mark.parametrize("as_X", [np.asarray, csr_matrix, csr_array], ids=lambda f: f.__name__)
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
    model = clone(SAGA).set_params(C=1).fit(X, Y)
    model.coef_, model.intercept_ = np.zeros((10, 64)), np.zeros(10)
    model.intercept_[0] = 5000.0
    assert objective(model, X, np.full(300, 1)) == pytest.approx(300 * 5000)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (Y[:-1], "X has length 300, y has length 299"),
        (Y[:, None], r"y has shape \(300, 1\)"),
        (np.where(Y == 9, 10, Y), r"y holds 10; wanted the model's classes \[0, 1"),
        (Y.astype(str), r"y holds '0'; wanted the model's classes \[0, 1"),
    ],
)
def test_labels_that_do_not_fit_are_named(y, message):
    model = SAGA.fit(X, Y)
    with pytest.raises(ValueError, match=message):
        objective(model, X, y)


@pytest.mark.parametrize(
    "other",
    [
        {"penalty": "l2"},
        {"class_weight": {0: 2}},
        {"C": np.inf},
        {"l1_ratio": None},
        {"solver": "liblinear"},
    ],
    ids=str,
)
def test_a_model_of_another_objective_is_refused(other):
    model = clone(SAGA).fit(X, Y).set_params(**other)
    with pytest.raises(ValueError, match=f"model has {next(iter(other))}=.*liblinear penalises"):
        objective(model, X, Y)


@pytest.mark.filterwarnings("ignore:Label .* is present in all training examples")
@pytest.mark.parametrize(
    ("model", "labels", "name"),
    [
        (LinearSVC(), Y, "LinearSVC"),
        (OneVsRestClassifier(LinearSVC()), Y, "LinearSVC"),
        (OneVsRestClassifier(SAGA), np.zeros(300, int), "_ConstantPredictor"),
    ],
    ids=["one", "ten", "constant"],
)
def test_a_model_of_another_kind_is_named(model, labels, name):
    model.fit(X, labels)
    with pytest.raises(TypeError, match=rf"model is {name}\(.*wanted LogisticRegression"):
        objective(model, X, labels)


def test_a_model_that_chooses_its_strength_is_of_another_kind():
    with pytest.raises(TypeError, match=r"model is LogisticRegressionCV\(\); wanted"):
        objective(LogisticRegressionCV(), X, Y)


def test_liblinear_without_intercepts_minimises_it_too():
    model = LogisticRegression(solver="liblinear", C=0.1, fit_intercept=False).fit(X, Y < 5)
    w = model.coef_
    loss = log_loss(Y < 5, model.predict_proba(X), normalize=False)
    assert objective(model, X, Y < 5) == pytest.approx(0.1 * loss + (w**2).sum() / 2)


def test_a_model_must_be_fitted():
    with pytest.raises(NotFittedError):
        objective(LogisticRegression(), X, Y)
