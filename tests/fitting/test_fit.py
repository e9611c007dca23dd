"""What `fit` gives, refuses and leaves: here, and in the child as when someone watches."""

import contextlib
import copy
import itertools
import re
import sys
import traceback
import warnings
from collections import defaultdict
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
import sklearn
import threadpoolctl
from dask.distributed import Client, LocalCluster, get_task_stream
from joblib.parallel import get_active_backend
from scipy.sparse import csr_array, csr_matrix
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, LogisticRegressionCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import Pipeline, make_pipeline, make_union
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, StandardScaler

import digits_lr as dl
from digits_lr._threads import classes_in_threads, one_blas_thread
from digits_lr.fitting import _bar
from digits_lr.fitting._here import last_step

X, Y = (values[:400] for values in load_digits(return_X_y=True))
DATAFRAME = pd.DataFrame(X).add_prefix("pixel")
SAGA = LogisticRegression(
    solver="saga", C=0.5, l1_ratio=0.5, tol=0.02, max_iter=100, random_state=3
)
LBFGS = LogisticRegression(C=0.01, max_iter=1000)
LIBLINEAR = LogisticRegression(solver="liblinear", l1_ratio=1, C=50, random_state=0, verbose=0)


def scikit_learns_fit(model, X, y):
    with threadpoolctl.threadpool_limits(1, user_api="blas"), joblib.parallel_config("sequential"):
        return model.fit(X, y)


def state(thing):
    """Return all that a model holds, parameters and what it learned, in a form to compare."""
    if hasattr(thing, "get_params"):
        return type(thing), {name: state(value) for name, value in vars(thing).items()}
    if isinstance(thing, list | tuple):
        return type(thing), [state(one) for one in thing]
    if isinstance(thing, np.ndarray):
        return thing.dtype, thing.tolist()
    if isinstance(thing, np.random.RandomState):
        return thing.get_state()[1].tolist()
    return type(thing), repr(thing)


@pytest.mark.parametrize(
    ("model", "X", "y"),
    [
        (SAGA, np.asfortranarray(X, np.float32), Y < 5),
        (SAGA, csr_matrix(X), Y.tolist()),
        (SAGA, X.astype(np.uint8), np.where(Y < 5, "low", "high").astype(object)),
        (clone(SAGA).set_params(solver="sag", l1_ratio=0, verbose=True), X, Y),
        (LBFGS, X[::2], Y[::2]),
        (LogisticRegression(solver="newton-cholesky"), DATAFRAME, pd.Series(Y)),
        (LIBLINEAR, X, Y < 5),
        (OneVsRestClassifier(SAGA, n_jobs=3), csr_array(X), Y),
        (OneVsRestClassifier(SAGA, n_jobs=2), X, np.eye(10, dtype=int)[Y]),
        (OneVsRestClassifier(LIBLINEAR, n_jobs=5), X, Y),
        (make_pipeline(MinMaxScaler(), "passthrough", LBFGS), X.astype(np.uint8), Y),
        (make_pipeline(StandardScaler(), OneVsRestClassifier(LIBLINEAR)), DATAFRAME, Y),
        (make_pipeline(make_union(StandardScaler(), "passthrough"), make_pipeline(SAGA)), X, Y),
        # scikit-learn refuses none of these.
        (LogisticRegression(solver="saga", C=np.inf, tol=0.1, random_state=0), X, Y),
        (clone(SAGA).set_params(fit_intercept=False), np.vstack([0 * X[:10], X[10:]]), Y),
    ],
    ids=itertools.count(),
)
@pytest.mark.filterwarnings("ignore:Setting penalty=None")
@pytest.mark.usefixtures("either_way")
def test_it_is_scikit_learns_own_fit_in_the_model_that_was_given(model, X, y):
    fitted = clone(model)
    assert dl.fit(fitted, X, y) is fitted
    assert state(fitted) == state(scikit_learns_fit(clone(model), X, y))


@pytest.mark.parametrize("memory", [None, "cache"])
@pytest.mark.usefixtures("either_way")
def test_the_steps_are_the_callers_where_pipeline_fit_leaves_them(memory, tmp_path):
    still_there = []
    for fit in [dl.fit, scikit_learns_fit]:
        steps = [("scale", StandardScaler()), ("classify", OneVsRestClassifier(clone(LBFGS)))]
        model = Pipeline(list(steps), memory=memory and str(tmp_path))
        memory_given, estimator = model.memory, steps[1][1].estimator
        fit(model, X, Y)
        still_there.append(
            [now is given for (_, now), (_, given) in zip(model.steps, steps, strict=True)]
        )
        assert model.memory is memory_given
        assert model[-1].estimator is estimator
        assert model.predict(X[:1]) == Y[:1]
    assert still_there[0] == still_there[1] == [memory is None, True]


@pytest.mark.parametrize("generator", [lambda: None, lambda: np.random.RandomState(0)])
@pytest.mark.parametrize("wrap", [clone, make_pipeline])
@pytest.mark.usefixtures("either_way")
def test_a_generator_goes_on_from_fit_to_fit_as_in_scikit_learn(generator, wrap):
    fits = []
    for fit in [dl.fit, scikit_learns_fit]:
        np.random.seed(0)  # noqa: NPY002 (the generator that scikit-learn uses without a seed)
        given = generator()
        model = wrap(clone(SAGA).set_params(random_state=given, tol=0.2))
        fits += [(state(fit(model, X, Y)), state(given)) for _ in range(2)]
    assert fits[:2] == fits[2:]
    assert fits[0] != fits[1]


@pytest.mark.parametrize(
    "model", [make_pipeline(StandardScaler(), SAGA), clone(SAGA).set_params(warm_start=True)]
)
@pytest.mark.usefixtures("either_way")
def test_a_second_fit_forgets_and_goes_on_as_scikit_learns(model):
    fitted, expected = clone(model), clone(model)
    for some_X in [DATAFRAME, X]:  # which has no names of features
        dl.fit(fitted, some_X, Y)
        assert state(fitted) == state(scikit_learns_fit(expected, some_X, Y))


@pytest.mark.parametrize("model", [SAGA, OneVsRestClassifier(SAGA)])
def test_a_second_fit_from_lbfgs_forgets_what_scikit_learns_does(model):
    fitted, expected = clone(model), clone(model)
    for some_X in [DATAFRAME, X]:
        dl.fit(fitted, some_X, Y, start="lbfgs")
        assert vars(fitted).keys() == vars(expected.fit(some_X, Y)).keys()


# Refusals and warnings

SMALL_X, SMALL_Y = np.eye(4), np.array([0, 1, 0, 1])
UNENDED = {"tol": 0, "max_iter": 2}


def what_comes_of(fit, model, X, y, *filters):
    """Return the model that `fit` leaves, what it raised, and the warnings that it gave."""
    model, raised = copy.deepcopy(model), None
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for action, options in filters:
            warnings.filterwarnings(action, **options)
        try:
            fit(model, X, y)
        except Exception as error:
            raised = type(error), str(error)
    places = [(str(w.message), w.category, w.filename, w.lineno) for w in caught]
    return state(model), raised, places


@pytest.mark.parametrize("wrap", [clone, OneVsRestClassifier, make_pipeline])
@pytest.mark.parametrize(
    ("settings", "X", "y"),
    [
        ({}, SMALL_X[0], SMALL_Y),
        ({}, np.where(SMALL_X, np.nan, 0), SMALL_Y),
        ({}, SMALL_X, SMALL_Y * 0),
        ({"C": -1}, SMALL_X, SMALL_Y),
        ({"verbose": "much"}, SMALL_X, SMALL_Y),
        ({"solver": "lbfgs"}, SMALL_X, SMALL_Y),  # with L1
        ({"n_jobs": 2, "C": -1, "max_iter": 2}, SMALL_X, SMALL_Y),
        ({"n_jobs": 2, "solver": "lbfgs"}, SMALL_X, SMALL_Y),  # which warns, then refuses
        (UNENDED, X, Y),
        (UNENDED, X, Y[:, np.newaxis]),
    ],
    ids=itertools.count(),
)
@pytest.mark.usefixtures("either_way")
def test_refusals_warnings_and_what_they_leave_are_scikit_learns(wrap, settings, X, y):
    model = wrap(clone(SAGA).set_params(**settings))
    expected = what_comes_of(scikit_learns_fit, model, X, y)
    assert expected[1] or expected[2]
    assert what_comes_of(dl.fit, model, X, y) == expected


@pytest.mark.parametrize(
    "warning_filter",
    [
        ("ignore", {"module": "sklearn"}),
        ("once", {}),
        ("error", {}),
        ("error", {"category": ConvergenceWarning, "module": r"sklearn\.linear_model"}),
    ],
    ids=str,
)
@pytest.mark.usefixtures("either_way")
def test_the_callers_filters_decide_about_warnings(warning_filter):
    model = make_pipeline(StandardScaler(), clone(SAGA).set_params(**UNENDED, n_jobs=1))
    expected = what_comes_of(scikit_learns_fit, model, X, Y, warning_filter)
    warnings.onceregistry.clear()
    assert what_comes_of(dl.fit, model, X, Y, warning_filter) == expected


@pytest.mark.usefixtures("in_child")
def test_a_refusal_from_the_child_is_short_and_says_where():
    with pytest.raises(ValueError, match="NaN") as raised:
        dl.fit(clone(LBFGS), np.where(SMALL_X, np.nan, 0), SMALL_Y)
    assert len(traceback.extract_tb(raised.tb)) == 2  # this line, and fit's own
    assert raised.value.__suppress_context__
    assert re.search(r"validation\.py, line \d+", *raised.value.__notes__)


@pytest.mark.parametrize(
    ("model", "start", "error", "message"),
    [
        (StandardScaler(), None, TypeError, "model is StandardScaler.*wanted LogisticRegression"),
        (make_pipeline(StandardScaler()), None, TypeError, "model is Pipeline"),
        (Pipeline([]), None, TypeError, "model is Pipeline"),
        (LogisticRegressionCV(), None, TypeError, "model is LogisticRegressionCV"),
        (OneVsRestClassifier(make_pipeline(SAGA)), None, TypeError, "OneVsRestClassifier of one"),
        (SAGA, "newton", ValueError, "start is 'newton'; wanted None or 'lbfgs'"),
        (LogisticRegression(), "lbfgs", ValueError, "start is 'lbfgs'.*wanted solver='saga'"),
        (OneVsRestClassifier(LBFGS), "lbfgs", ValueError, "start is 'lbfgs'.*wanted solver='saga'"),
        (clone(SAGA).set_params(penalty="l1"), "lbfgs", ValueError, "instead of the deprecated"),
    ],
    ids=str,
)
def test_a_model_or_start_of_another_kind_is_named_before_any_work(model, start, error, message):
    with pytest.raises(error, match=f"(?s){message}"):
        dl.fit(model, None, None, start=start)


# A start


@pytest.mark.parametrize("wrap", [clone, lambda model: make_pipeline(MinMaxScaler(), model)])
@pytest.mark.usefixtures("either_way")
def test_a_start_is_used_once_and_leaves_the_parameters(wrap):
    plain, fast = (wrap(clone(SAGA).set_params(C=50, tol=0.01, l1_ratio=0)) for _ in range(2))
    dl.fit(plain, X, Y)
    with pytest.warns(match="A column-vector y was passed") as caught:
        dl.fit(fast, X, Y[:, np.newaxis], start="lbfgs")
    assert len(caught) == 1
    assert str(fast.get_params()) == str(plain.get_params())
    assert 2 <= last_step(fast).n_iter_[0] < last_step(plain).n_iter_[0] / 2


@pytest.mark.usefixtures("either_way")
def test_a_start_of_a_fit_that_is_refused_leaves_no_model():
    model = clone(SAGA).set_params(C=-1)
    with pytest.raises(ValueError, match="'C' parameter"):
        dl.fit(model, X, Y, start="lbfgs")
    assert vars(model) == vars(clone(SAGA).set_params(C=-1))


# What is carried to the child, and what cannot be and is fitted here


SCALED = make_pipeline(StandardScaler(), LBFGS)


@pytest.mark.parametrize(
    ("context", "model", "X"),
    [
        (lambda: sklearn.config_context(transform_output="pandas"), SCALED, DATAFRAME),
        (
            lambda: sklearn.config_context(skip_parameter_validation=True),
            clone(SAGA).set_params(warm_start="no bool"),
            X,
        ),
        (lambda: np.errstate(over="raise"), SCALED, X * 1e300),
    ],
    ids=itertools.count(),
)
@pytest.mark.usefixtures("in_child")
def test_the_child_fits_as_the_caller_is_set(context, model, X):
    without = what_comes_of(scikit_learns_fit, model, X, Y)
    with context():
        expected = what_comes_of(scikit_learns_fit, model, X, Y)
        assert what_comes_of(dl.fit, model, X, Y) == expected != without


@pytest.mark.usefixtures("in_child")
def test_a_relative_path_leads_where_the_caller_is(tmp_path, monkeypatch):
    dl.fit(clone(LBFGS), X, Y)  # so that the child is there
    monkeypatch.chdir(tmp_path)
    dl.fit(make_pipeline(StandardScaler(), clone(LBFGS), memory="cache"), X, Y)
    assert Path("cache").is_dir()


class OurScaler(StandardScaler):
    """Of a module that the child cannot import, as one that a notebook defines."""


def _child(X):
    """Be as a function that a notebook defines, by a name that the child uses itself."""
    return X


@contextlib.contextmanager
def in_a_notebook():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_child, "__module__", "__main__")
        patch.setattr(sys.modules["__main__"], "_child", _child, raising=False)
        yield


@contextlib.contextmanager
def another_generator():
    usual = np.random.get_bit_generator()
    np.random.set_bit_generator(np.random.PCG64(0))
    yield
    np.random.set_bit_generator(usual)


@contextlib.contextmanager
def array_api():
    pytest.importorskip("scipy", "1.14")  # or scikit-learn refuses, as without the variable
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SCIPY_ARRAY_API", "1")
        with sklearn.config_context(array_api_dispatch=True):
            yield


@pytest.mark.parametrize(
    ("context", "model"),
    [
        (contextlib.nullcontext, make_pipeline(FunctionTransformer(lambda X: X / 16), LBFGS)),
        (contextlib.nullcontext, make_pipeline(OurScaler(), LBFGS)),
        (contextlib.nullcontext, LogisticRegression(class_weight=defaultdict(lambda: 1.0), tol=1)),
        (in_a_notebook, make_pipeline(FunctionTransformer(_child), SAGA)),
        (another_generator, SAGA),
        (array_api, SAGA),
        (lambda: joblib.parallel_config("threading"), OneVsRestClassifier(SAGA, n_jobs=2)),
    ],
    ids=itertools.count(),
)
def test_what_cannot_be_carried_is_fitted_here(context, model, fits_here):
    model = clone(model)
    with context():
        expected = state(scikit_learns_fit(clone(model), X, Y))
        dl.fit(model, X, Y)
    assert fits_here == [model]
    assert state(model) == expected


@pytest.mark.parametrize("step", ["the pipeline", "its classifier"])
def test_the_users_callbacks_are_called_here(step, fits_here):
    if not hasattr(LogisticRegression, "set_callbacks"):
        pytest.skip("scikit-learn before 1.9 has no callbacks")
    callback = _bar._PrintIterations()  # the child could import it, and would call its own copy
    model = make_pipeline(StandardScaler(), clone(LBFGS))
    (model if step == "the pipeline" else model[-1]).set_callbacks(callback)
    dl.fit(model, X, Y)
    # If this fails, scikit-learn keeps callbacks under another name: see `_process._settings`.
    assert fits_here == [model]


@pytest.mark.parametrize(("watched", "progress"), [(True, False), (False, True)])
def test_it_is_silent_and_starts_no_process_without_progress(watched, progress, monkeypatch, capfd):
    monkeypatch.setattr("digits_lr.fitting.logistic.watched", lambda: watched)
    monkeypatch.setattr("digits_lr.fitting.logistic.fit_in_child", None)
    for model in [SAGA, OneVsRestClassifier(SAGA)]:
        dl.fit(clone(model), X, Y, progress=progress)
    assert capfd.readouterr() == ("", "")


# Threads and workers


def blas_threads():
    info = threadpoolctl.threadpool_info()
    return {pool["num_threads"] for pool in info if pool["user_api"] == "blas"}


def test_blas_has_one_thread_until_the_last_of_overlapping_fits_is_over(monkeypatch):
    seen = []
    monkeypatch.setattr(LogisticRegression, "fit", lambda *_: seen.append(blas_threads()))
    monkeypatch.setattr(dl.Upright, "_transform_batch", lambda *_: seen.append(blas_threads()) or 0)
    with threadpoolctl.threadpool_limits(2, user_api="blas"):
        if not blas_threads():
            pytest.skip("threadpoolctl knows none of the libraries here, as on macOS")
        first, second = one_blas_thread(), one_blas_thread()
        with first:
            second.__enter__()
            dl.fit(clone(SAGA), X, Y)
        seen.append(blas_threads())
        second.__exit__(None, None, None)
        seen.append(blas_threads())
        dl.Upright((8, 8)).fit_transform(X[:2])  # beside other batches, which have the cores
        seen.append(blas_threads())
    assert seen == [{1}, {1}, {2}, {1}, {2}]


@pytest.mark.parametrize(
    ("chosen", "solver", "expected"),
    [
        ({}, "saga", "ThreadingBackend"),
        ({}, "liblinear", "SequentialBackend"),
        ({"n_jobs": 2}, "liblinear", "SequentialBackend"),
        ({"backend": "threading"}, "liblinear", "ThreadingBackend"),
        ({"backend": "loky"}, "saga", "LokyBackend"),
    ],
    ids=str,
)
def test_classes_are_fitted_by_threads_but_by_a_backend_that_is_the_callers(
    chosen, solver, expected
):
    with joblib.parallel_config(**chosen), classes_in_threads(solver):
        assert type(get_active_backend()[0]).__name__ == expected


def test_a_dask_cluster_gives_the_same_coefficients_as_the_readme_says():
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    (lines,) = re.findall(r"```python\n(.*?)```", readme, flags=re.DOTALL)
    names = {"X": X, "y": Y}
    cluster = LocalCluster(n_workers=1, threads_per_worker=2, dashboard_address=":0")
    with cluster, Client(cluster) as client, get_task_stream(client) as tasks:
        exec(lines.replace("tcp://scheduler:8786", cluster.scheduler_address), names)
        model = names["model"]
        with joblib.parallel_config("dask"):
            started = dl.fit(clone(model), X, Y, start="lbfgs")
    assert tasks.data  # they ran in the cluster; how it shares them out is its own choice
    assert state(model) == state(clone(model).fit(X, Y))
    assert state(started) == state(dl.fit(clone(model), X, Y, start="lbfgs"))
