import re
import shutil
import sys
import tempfile
from pathlib import Path

import joblib
import numpy as np
import psutil
import pytest
from dask.distributed import Client, LocalCluster, get_task_stream
from joblib.parallel import ThreadingBackend
from scipy.sparse import csr_matrix
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.utils._param_validation import InvalidParameterError

import digits_lr
from digits_lr import objective
from digits_lr.fitting import fit as fitting
from digits_lr.fitting._child import fit_in_child
from digits_lr.fitting.fit import fit_multinomial, fit_one_vs_rest

OPTIONS = {"C": 0.5, "l1_ratio": 0.5, "tol": 0.02, "max_iter": 100}
FITS = [fit_multinomial, fit_one_vs_rest]


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return X[:400], y[:400]


def assert_same_fit(ours, theirs):
    """The same numbers to the last bit, and the parameters that the caller gave."""
    assert ours.get_params() == theirs.get_params()
    for name in ["coef_", "intercept_", "n_iter_", "classes_"]:
        np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name), err_msg=name)


@pytest.mark.parametrize(
    "as_X",
    [np.asarray, lambda X: np.asfortranarray(X, np.float32), np.uint8, csr_matrix],
    ids=["float64", "fortran-float32", "uint8", "csr"],
)
def test_multinomial_is_scikit_learns_own(digits, as_X):
    X, y = as_X(digits[0]), digits[1]
    theirs = LogisticRegression(solver="saga", random_state=3, **OPTIONS).fit(X, y)
    assert_same_fit(fit_multinomial(X, y, random_state=3, **OPTIONS), theirs)


@pytest.mark.parametrize(
    ("as_X", "n_jobs"), [(np.asarray, 1), (np.asarray, 3), (csr_matrix, 3)], ids=str
)
def test_one_vs_rest_is_scikit_learns_own(digits, as_X, n_jobs):
    X, y = as_X(digits[0]), digits[1]
    saga = LogisticRegression(solver="saga", random_state=3, **OPTIONS)
    theirs = OneVsRestClassifier(saga).fit(X, y).set_params(n_jobs=n_jobs)
    ours = fit_one_vs_rest(X, y, random_state=3, n_jobs=n_jobs, **OPTIONS)
    np.testing.assert_array_equal(ours.classes_, theirs.classes_)
    assert str(ours.get_params()) == str(theirs.get_params())
    assert len(ours.estimators_) == 10
    assert_same_classes(ours, theirs)


def assert_same_classes(ours, theirs):
    for our_class, their_class in zip(ours.estimators_, theirs.estimators_, strict=True):
        assert_same_fit(our_class, their_class)


@pytest.mark.parametrize("as_X", [np.asarray, csr_matrix], ids=["dense", "csr"])
@pytest.mark.parametrize("classes", [2, 10])
def test_from_lbfgs_it_is_saga_on_the_same_objective_with_fewer_epochs(as_X, classes):
    X, y = load_digits(n_class=classes, return_X_y=True)
    y[::3] = np.roll(y, 1)[::3]  # wrong labels, so that no coefficients separate the classes
    X, options = as_X(X), OPTIONS | {"C": 50, "tol": 0.01}
    plain, fast = (fit_multinomial(X, y, start=start, **options) for start in ["zero", "lbfgs"])
    assert fast.get_params() == plain.get_params()
    assert 2 <= fast.n_iter_[0] < plain.n_iter_[0] / 2
    assert 0.98 * objective(plain, X, y) < objective(fast, X, y) < objective(plain, X, y)


def test_a_start_from_lbfgs_keeps_pixels_that_hardly_vary_small(digits):
    X, y = digits[0].copy(), digits[1]
    X[:, 0] = 0.0
    X[0, 0] = 1e-3  # standardised, it would get a coefficient thousands of times the others
    model = fit_multinomial(X, y, start="lbfgs", **OPTIONS | {"l1_ratio": 0, "C": 1e3})
    assert abs(model.coef_[:, 0]).max() < 0.01 * abs(model.coef_).max()


def test_features_that_never_vary_can_be_fitted_from_lbfgs():
    with pytest.warns(ConvergenceWarning):
        model = fit_multinomial(
            np.ones((4, 2)), [0, 1, 1, 1], start="lbfgs", **OPTIONS | {"tol": 0, "max_iter": 3}
        )
    assert model.predict([[1, 1]]) == [1]


@pytest.mark.parametrize("fit", FITS)
def test_labels_may_be_two_strings(digits, fit):
    X, y = digits
    labels = np.where(y < 5, "low", "high")
    model = fit(X, labels, **OPTIONS)
    assert model.classes_.tolist() == ["high", "low"]
    assert model.score(X, labels) > 0.8


@pytest.mark.parametrize(("fit", "fits"), [(fit_multinomial, "1 of 1"), (fit_one_vs_rest, "10 of")])
def test_reaching_max_iter_is_said_on_the_callers_line(digits, fit, fits):
    with pytest.warns(ConvergenceWarning, match=rf"{fits}.* max_iter=2 .*raise max_iter") as caught:
        fit(*digits, **OPTIONS | {"tol": 1e-9, "max_iter": 2})
    assert [warning.filename for warning in caught] == [__file__]


def test_other_warnings_reach_the_caller_whose_filters_decide(digits, monkeypatch):
    monkeypatch.setenv("PYTHONWARNINGS", "ignore")  # the child's filters, not ours
    with pytest.warns(UserWarning, match="number of unique classes") as caught:
        fit_multinomial(digits[0][:25], np.arange(25), **OPTIONS)
    assert {warning.filename for warning in caught} == {__file__}


def test_what_the_child_raises_is_raised_here_with_where_it_happened(digits):
    with pytest.raises(InvalidParameterError, match="'C' parameter") as raised:
        fit_in_child(LogisticRegression(C=-1), *digits, print)
    assert "_child.py" in raised.value.__notes__[0]


def test_a_child_that_dies_is_an_error_with_its_last_words(digits, monkeypatch):
    monkeypatch.setattr(sys, "executable", shutil.which("cat"))  # which knows no -P
    with pytest.raises(RuntimeError, match=r"exit code 1 [\s\S]* option"):
        fit_multinomial(*digits, **OPTIONS)


def test_one_vs_rest_workers_are_threads_of_the_one_child(digits):
    def processes():
        return set(psutil.Process().children(recursive=True))

    seen, before = [], processes()
    model = OneVsRestClassifier(LogisticRegression(solver="saga", tol=0.1, verbose=1), n_jobs=3)
    fit_in_child(model, *digits, lambda _: seen.append(len(processes() - before)))
    assert set(seen) == {1}


def test_lines_come_while_the_fit_goes_on_and_an_error_here_ends_it(digits, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)
    X, y = np.tile(digits[0], (200, 1)), np.tile(digits[1], 200)
    seen, before = [], psutil.Process().children()

    def show(line):
        seen.append((line, list(tmp_path.glob("*/result"))))
        raise InterruptedError

    # A hundred slow epochs: too few lines to fill the buffer that C would write when full.
    model = LogisticRegression(solver="saga", tol=0, max_iter=100, verbose=1)
    with pytest.raises(InterruptedError):
        fit_in_child(model, X, y, show)
    assert seen == [("Epoch 1, change: 1\n", [])]
    assert psutil.Process().children() == before
    assert list(tmp_path.iterdir()) == []


X_OK, Y_OK = np.eye(4), np.array([0, 1, 0, 1])


@pytest.mark.parametrize("fit", FITS)
@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"X": X_OK[0]}, r"X has shape \(4,\); wanted \(n_samples, n_features\)"),
        ({"X": X_OK.reshape(4, 2, 2)}, r"X has shape \(4, 2, 2\)"),
        ({"X": X_OK[:0], "y": Y_OK[:0]}, r"y has shape \(0,\)"),
        ({"X": X_OK[:, :0]}, r"X has shape \(4, 0\)"),
        ({"X": csr_matrix(X_OK)[:3]}, "X has 3, y has 4; wanted equal lengths"),
        ({"X": np.where(X_OK, np.nan, 0)}, "X contains NaN"),
        ({"X": csr_matrix(np.diag([np.inf, 1, 1, 1]))}, "X contains infinity"),
        ({"X": X_OK.astype(str) + "a"}, "not compatible with arrays of bytes/strings"),
        ({"y": Y_OK[:, None]}, r"y has shape \(4, 1\); wanted \(n_samples,\)"),
        ({"y": Y_OK + 0.5}, "y holds float64; wanted integer or string"),
        ({"y": Y_OK * 0}, "y holds only the class 0; wanted two"),
        ({"C": 0}, "'C' parameter .* Got 0"),
        ({"C": np.nan}, "'C' parameter .* Got nan"),
        ({"l1_ratio": 1.5}, "'l1_ratio' parameter .* Got 1.5"),
        ({"tol": -1}, "'tol' parameter .* Got -1"),
        ({"max_iter": 2.5}, "'max_iter' parameter .* Got 2.5"),
        ({"random_state": "zero"}, "'random_state' parameter .* Got 'zero'"),
    ],
)
def test_bad_input_is_named_before_any_work(fit, changed, message, monkeypatch):
    monkeypatch.setattr(fitting, "fit_in_child", None)
    with pytest.raises(ValueError, match=message):
        fit(**{"X": X_OK, "y": Y_OK, **OPTIONS, **changed})


def test_bad_start_is_named_before_any_work(monkeypatch):
    monkeypatch.setattr(fitting, "fit_in_child", None)
    with pytest.raises(ValueError, match="start is 'newton'; wanted 'zero' or 'lbfgs'"):
        fit_multinomial(X_OK, Y_OK, start="newton", **OPTIONS)


@pytest.mark.parametrize("n_jobs", [0, 1.5])
def test_bad_n_jobs_is_named_before_any_work(n_jobs, monkeypatch):
    monkeypatch.setattr(fitting, "fit_in_child", None)
    with pytest.raises(ValueError, match=f"n_jobs.*{n_jobs}"):
        fit_one_vs_rest(X_OK, Y_OK, n_jobs=n_jobs, **OPTIONS)


def test_the_callers_joblib_backend_does_the_one_vs_rest_fits(digits, monkeypatch):
    asked = []

    class Recording(ThreadingBackend):
        def effective_n_jobs(self, n_jobs):
            asked.append(n_jobs)
            return super().effective_n_jobs(n_jobs)

    monkeypatch.setattr(fitting, "fit_in_child", None)
    joblib.register_parallel_backend("recording", Recording)
    with joblib.parallel_config("recording"):
        ours = fit_one_vs_rest(*digits, n_jobs=2, **OPTIONS)
    assert set(asked) == {2}
    saga = LogisticRegression(solver="saga", random_state=0, **OPTIONS)
    assert_same_classes(ours, OneVsRestClassifier(saga).fit(*digits))


def test_a_dask_cluster_gives_the_same_coefficients_as_the_readme_says(digits):
    readme = (Path(__file__).parents[1] / "README.md").read_text()
    (five_lines,) = re.findall(r"```python\n(.*?)```", readme, flags=re.DOTALL)
    names = {"dl": digits_lr, "X": digits[0], "y": digits[1]}
    theirs = fit_one_vs_rest(*digits, C=50, l1_ratio=1, tol=0.01, max_iter=1000)

    cluster = LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
    )
    with cluster:
        exec(five_lines.replace("tcp://scheduler:8786", cluster.scheduler_address), names)
        with Client(cluster) as client, joblib.parallel_config("dask"):
            assert len(client.scheduler_info()["workers"]) == 2
            with get_task_stream(client) as tasks:
                ours = fit_one_vs_rest(*digits, C=50, l1_ratio=1, tol=0.01, max_iter=1000)
    assert tasks.data  # they ran in the cluster; how it shares them out is its own choice
    assert_same_classes(ours, theirs)
    assert_same_classes(names["model"], theirs)
