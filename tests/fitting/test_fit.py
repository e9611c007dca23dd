"""What `fit` gives, refuses and leaves; the child's fits are done as when someone watches."""

import io
import itertools
import os
import re
import shutil
import sys
import tempfile
import traceback
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import psutil
import pytest
import threadpoolctl
from dask.distributed import Client, LocalCluster, get_task_stream
from joblib.parallel import ThreadingBackend
from scipy.sparse import csr_array, csr_matrix
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, LogisticRegressionCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline

import digits_lr as dl
from digits_lr.fitting import _child
from digits_lr.fitting._child import fit_in_child

ROOM = sys.modules[dl.fit.__module__]
X, Y = (values[:400] for values in load_digits(return_X_y=True))
DATAFRAME = pd.DataFrame(X).add_prefix("pixel")
SAGA = LogisticRegression(
    solver="saga", C=0.5, l1_ratio=0.5, tol=0.02, max_iter=100, random_state=3
)
LIBLINEAR = LogisticRegression(solver="liblinear", l1_ratio=1, C=50, random_state=0, verbose=0)


@pytest.fixture
def watching(monkeypatch):
    monkeypatch.setattr(ROOM, "watched", lambda: True)


@pytest.fixture(params=["alone", "watched"])
def either_way(request, monkeypatch):
    monkeypatch.setattr(ROOM, "watched", lambda: request.param == "watched")


def assert_same_fit(ours, theirs):
    """The same attributes to the last bit, and the parameters that the caller gave."""
    assert vars(ours).keys() == vars(theirs).keys()
    assert str(ours.get_params()) == str(theirs.get_params())
    for name in vars(theirs).keys() - theirs.get_params().keys():
        if name == "estimators_":
            for one, other in zip(ours.estimators_, theirs.estimators_, strict=True):
                assert_same_fit(one, other)
        elif name != "label_binarizer_":
            np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name), name)


@pytest.mark.parametrize(
    ("model", "X", "y"),
    [
        (SAGA, np.asfortranarray(X, np.float32), Y < 5),
        (SAGA, csr_matrix(X), Y.tolist()),
        (SAGA, X.astype(np.uint8), np.where(Y < 5, "low", "high").astype(object)),
        (clone(SAGA).set_params(solver="sag", l1_ratio=0), X, Y),
        (LogisticRegression(C=0.01, max_iter=1000), X, Y),
        (LogisticRegression(solver="newton-cholesky"), DATAFRAME, pd.Series(Y)),
        (LIBLINEAR, X, Y < 5),
        (OneVsRestClassifier(SAGA, n_jobs=3), csr_array(X), Y),
        (OneVsRestClassifier(SAGA, n_jobs=2), X, np.eye(10, dtype=int)[Y]),
        (OneVsRestClassifier(LogisticRegression(C=0.01, max_iter=1000)), DATAFRAME, Y),
        (OneVsRestClassifier(LIBLINEAR, n_jobs=5), X, Y),
    ],
    ids=itertools.count(),
)
@pytest.mark.usefixtures("either_way")
def test_it_is_scikit_learns_own_fit_in_the_model_that_was_given(model, X, y):
    ours = clone(model)
    with threadpoolctl.threadpool_limits(1, user_api="blas"), joblib.parallel_config("sequential"):
        theirs = clone(model).fit(X, y)
    assert dl.fit(ours, X, y) is ours
    assert_same_fit(ours, theirs)


@pytest.mark.parametrize("generator", [lambda: None, lambda: np.random.RandomState(0)])
@pytest.mark.usefixtures("either_way")
def test_a_generator_goes_on_from_fit_to_fit_as_in_scikit_learn(generator):
    coef = []
    for fit in [dl.fit, lambda model, X, y: model.fit(X, y)]:
        np.random.seed(0)  # noqa: NPY002 (the generator that scikit-learn uses without a seed)
        model = clone(SAGA).set_params(random_state=generator(), tol=0.2)
        coef += [fit(model, X, Y).coef_ for _ in range(2)]
    np.testing.assert_array_equal(coef[:2], coef[2:])
    assert not np.array_equal(coef[0], coef[1])


@pytest.mark.usefixtures("either_way")
def test_names_of_features_are_forgotten_as_in_scikit_learn():
    model = dl.fit(clone(SAGA), DATAFRAME, Y)
    assert model.feature_names_in_[0] == "pixel0"
    dl.fit(model, X, Y)
    assert not hasattr(model, "feature_names_in_")


@pytest.mark.usefixtures("either_way")
def test_a_warm_start_goes_on_from_the_model_that_was_given():
    first, second = (clone(SAGA).set_params(warm_start=True, tol=tol) for tol in [0.3, 0.02])
    second.fit(X, Y)
    dl.fit(dl.fit(first, X, Y).set_params(tol=0.02), X, Y)
    assert first.n_iter_[0] < second.n_iter_[0]


@pytest.mark.parametrize("model", [SAGA, OneVsRestClassifier(SAGA)], ids=["one", "ten"])
@pytest.mark.usefixtures("watching")
def test_warnings_of_the_child_come_on_the_callers_line_and_through_its_filters(model, monkeypatch):
    monkeypatch.setenv("PYTHONWARNINGS", "ignore")  # the child's filters, not ours
    one = clone(model)
    getattr(one, "estimator", one).set_params(tol=0, max_iter=2)
    with pytest.warns(ConvergenceWarning, match="max_iter was reached") as caught:
        dl.fit(one, X, Y)
    assert {warning.filename for warning in caught} == {__file__}


SMALL_X, SMALL_Y = np.eye(4), np.array([0, 1, 0, 1])


@pytest.mark.parametrize("wrap", [clone, OneVsRestClassifier], ids=["one", "ten"])
@pytest.mark.parametrize(
    ("settings", "X", "y"),
    [
        ({}, SMALL_X[0], SMALL_Y),
        ({}, SMALL_X[:0], SMALL_Y[:0]),
        ({}, csr_matrix(SMALL_X)[:3], SMALL_Y),
        ({}, np.where(SMALL_X, np.nan, 0), SMALL_Y),
        ({}, csr_matrix(np.diag([1, 1, 1, np.inf])), SMALL_Y),
        ({}, SMALL_X.astype(str) + "a", SMALL_Y),
        ({}, SMALL_X, SMALL_Y + 0.5),
        ({"C": -1}, SMALL_X, SMALL_Y),
        ({"max_iter": 2.5}, SMALL_X, SMALL_Y),
        ({"random_state": "zero"}, SMALL_X, SMALL_Y),
        ({"solver": "lbfgs"}, SMALL_X, SMALL_Y),  # with L1
    ],
)
@pytest.mark.usefixtures("watching")
def test_what_scikit_learn_refuses_is_refused_before_a_process_starts(
    wrap, settings, X, y, monkeypatch
):
    monkeypatch.setattr(ROOM, "fit_in_child", None)
    model = wrap(clone(SAGA).set_params(**settings))
    with pytest.raises((ValueError, TypeError)) as theirs:
        clone(model).fit(X, y)
    before = dict(vars(model))
    with pytest.raises(theirs.type) as ours:
        dl.fit(model, X, y)
    if wrap is clone:  # else scikit-learn looks at y first, or at each class
        assert str(ours.value) == str(theirs.value)
    assert len(traceback.extract_tb(ours.tb)) == 2  # this line, and fit's own
    assert ours.value.__suppress_context__
    assert vars(model) == before


@pytest.mark.parametrize(
    ("model", "y", "message"),
    [
        (SAGA, SMALL_Y * 0, "only one class: 0|only one class"),
        (LogisticRegression(solver="liblinear"), np.arange(4), "does not support multiclass"),
        (OneVsRestClassifier(SAGA, n_jobs=0), SMALL_Y, "n_jobs == 0"),
        (OneVsRestClassifier(SAGA, n_jobs=1.5), SMALL_Y, "'n_jobs' parameter"),
    ],
    ids=str,
)
@pytest.mark.usefixtures("watching")
def test_so_is_what_only_a_fit_would_find(model, y, message, monkeypatch):
    monkeypatch.setattr(ROOM, "fit_in_child", None)
    with pytest.raises(ValueError, match=message):
        dl.fit(model, SMALL_X, y)


@pytest.mark.parametrize(
    ("model", "start", "error", "message"),
    [
        (make_pipeline(SAGA), None, TypeError, "model is Pipeline.*wanted LogisticRegression"),
        (LogisticRegressionCV(), None, TypeError, "model is LogisticRegressionCV"),
        (OneVsRestClassifier(make_pipeline(SAGA)), None, TypeError, "OneVsRestClassifier of one"),
        (SAGA, "newton", ValueError, "start is 'newton'; wanted None or 'lbfgs'"),
        (LogisticRegression(), "lbfgs", ValueError, "start is 'lbfgs'.*wanted solver='saga'"),
    ],
    ids=str,
)
def test_a_model_or_start_of_another_kind_is_named_before_any_work(model, start, error, message):
    with pytest.raises(error, match=f"(?s){message}"):
        dl.fit(model, None, None, start=start)


@pytest.mark.parametrize(("watched", "progress"), [(True, False), (False, True)])
def test_it_is_silent_and_starts_no_process_without_progress(watched, progress, monkeypatch, capfd):
    if watched:
        monkeypatch.setattr(ROOM, "watched", lambda: True)
    monkeypatch.setattr(ROOM, "fit_in_child", None)
    for model in [SAGA, OneVsRestClassifier(SAGA)]:
        dl.fit(clone(model), X, Y, progress=progress)
    assert capfd.readouterr() == ("", "")


def test_one_blas_thread_though_the_caller_has_two(monkeypatch):
    seen = []

    def fit(self, _X, _y):
        seen.extend(
            pool["num_threads"]
            for pool in threadpoolctl.threadpool_info()
            if pool["user_api"] == "blas"
        )
        return self

    monkeypatch.setattr(LogisticRegression, "fit", fit)
    with threadpoolctl.threadpool_limits(2, user_api="blas"):
        if not threadpoolctl.threadpool_info():
            pytest.skip("threadpoolctl knows none of the libraries here, as on macOS")
        dl.fit(clone(SAGA), X, Y)
    assert set(seen) == {1}


# The child


def test_what_the_child_raises_is_raised_here_with_where_it_happened():
    with pytest.raises(ValueError, match="'C' parameter") as raised:
        fit_in_child(LogisticRegression(C=-1), X, Y, None, print)
    assert "_child.py" in raised.value.__notes__[0]


def test_a_child_that_dies_is_an_error_with_its_last_words(monkeypatch):
    monkeypatch.setattr(sys, "executable", shutil.which("cat"))  # which knows no -P
    with pytest.raises(RuntimeError, match=r"exit code 1 [\s\S]* option"):
        fit_in_child(SAGA, X, Y, None, print)


def test_a_child_that_cannot_write_its_result_says_why(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    def hinder(_line):
        (folder,) = tmp_path.iterdir()
        (folder / "part").mkdir(exist_ok=True)

    with pytest.raises(RuntimeError, match=r"exit code 1 [\s\S]*Is a directory"):
        fit_in_child(SAGA, X, Y, None, hinder)
    assert list(tmp_path.iterdir()) == []


def test_one_vs_rest_workers_are_threads_of_the_one_child():
    def processes():
        return set(psutil.Process().children(recursive=True))

    def count(line):
        if "Epoch" in line:
            seen.append(len(processes() - before))

    seen, before = [], processes()
    model = OneVsRestClassifier(clone(SAGA).set_params(tol=0.1), n_jobs=3)
    fit_in_child(model, X, Y, None, count)
    # The child, in Python 3.14 its tracker of resources, and for a moment what joblib asks for the
    # number of cores. Processes instead of threads would be three more.
    assert min(seen) <= 2


def test_lines_come_while_the_fit_goes_on_and_an_error_here_ends_it(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)
    seen, before = [], psutil.Process().children()

    def show(line):
        if "Epoch" in line:
            seen.append((line, list(tmp_path.glob("*/result"))))
            raise InterruptedError

    # A hundred slow epochs: too few lines to fill the buffer that C would write when full.
    model = LogisticRegression(solver="saga", tol=0, max_iter=100)
    with pytest.raises(InterruptedError):
        fit_in_child(model, np.tile(X, (200, 1)), np.tile(Y, 200), None, show)
    assert seen == [("Epoch 1, change: 1\n", [])]
    assert psutil.Process().children() == before
    assert list(tmp_path.iterdir()) == []


def test_a_silent_child_is_a_tick_of_the_clock_and_its_last_words_are_heard(monkeypatch):
    monkeypatch.setattr(_child, "_TICK", 0)
    ours, theirs = os.pipe()
    with io.FileIO(ours):
        with io.FileIO(theirs, "w") as child:
            lines = _child._lines(ours)
            assert next(lines) == ""
            child.write(b"Epoch 1, ch")
            assert next(lines) == ""
            child.write(b"ange: 1\nKilled")
            assert next(lines) == "Epoch 1, change: 1\n"
        assert list(lines) == ["Killed\n"]


# The workers of one-vs-rest


@pytest.mark.parametrize(
    ("chosen", "callers"),
    [
        ({}, False),
        ({"n_jobs": 2}, False),
        ({"prefer": "threads"}, False),
        ({"backend": "threading"}, True),
        ({"backend": "loky"}, True),
    ],
    ids=str,
)
def test_a_backend_that_is_joblibs_default_is_the_callers_only_if_chosen(chosen, callers):
    with joblib.parallel_config(**chosen):
        assert _child.callers_workers() is callers


def test_the_callers_joblib_backend_does_the_one_vs_rest_fits(monkeypatch):
    asked = []

    class Recording(ThreadingBackend):
        def effective_n_jobs(self, n_jobs):
            asked.append(n_jobs)
            return super().effective_n_jobs(n_jobs)

    monkeypatch.setattr(ROOM, "watched", lambda: True)
    monkeypatch.setattr(ROOM, "fit_in_child", None)
    joblib.register_parallel_backend("recording", Recording)
    ours = OneVsRestClassifier(SAGA, n_jobs=2)
    with joblib.parallel_config("recording"):
        dl.fit(ours, X, Y)
    assert set(asked) == {2}
    assert_same_fit(ours, clone(ours).fit(X, Y))


def test_a_dask_cluster_gives_the_same_coefficients_as_the_readme_says():
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    (lines,) = re.findall(r"```python\n(.*?)```", readme, flags=re.DOTALL)
    names = {"X": X, "y": Y}
    cluster = LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
    )
    with cluster:
        exec(lines.replace("tcp://scheduler:8786", cluster.scheduler_address), names)
        theirs = clone(names["model"]).fit(X, Y)
        assert_same_fit(names["model"], theirs)
        with (
            Client(cluster) as client,
            joblib.parallel_config("dask"),
            get_task_stream(client) as tasks,
        ):
            ours = dl.fit(clone(theirs), X, Y)
    assert tasks.data  # they ran in the cluster; how it shares them out is its own choice
    assert_same_fit(ours, theirs)
