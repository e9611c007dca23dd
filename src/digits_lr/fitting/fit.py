"""Logistic regressions by saga that show their progress and stop when interrupted.

scikit-learn runs saga in compiled code that never looks at signals and prints its epochs with C's
``printf``, past Python's ``sys.stdout``. So each fit runs in a process of its own: what it prints
moves a progress bar here, and an interrupt ends it at once.
"""

import math
import re
import time
import warnings
from functools import partial
from typing import Literal

import numpy as np
from joblib.parallel import ThreadingBackend, get_active_backend
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_matrix
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.utils import check_array
from tqdm import tqdm

from digits_lr._checks import check_image_rows, check_labels
from digits_lr._progress import progress_bar
from digits_lr.fitting._child import fit, fit_in_child
from digits_lr.fitting._start import start_at_lbfgs

_STARTS = {"zero": None, "lbfgs": start_at_lbfgs}


def fit_multinomial(
    X: ArrayLike | csr_matrix,
    y: ArrayLike,
    *,
    C: float,
    l1_ratio: float,
    tol: float,
    max_iter: int,
    random_state: int | None = 0,
    start: Literal["zero", "lbfgs"] = "zero",
    progress: bool = True,
) -> LogisticRegression:
    """Fit one multinomial (softmax) logistic regression by saga [1]_.

    With the default `start` the model equals, to the last bit, the one that
    ``LogisticRegression(solver="saga", ...).fit(X, y)`` gives. It is fitted in a process of its
    own, which an interrupt ends at once and which takes a second or two to start.

    Parameters
    ----------
    X : {array-like, csr_matrix} of shape (n_samples, n_features)
        One image a row; float32 and float64 are used as they are, other numbers as float64.
    y : array-like of shape (n_samples,)
        Class labels, integers or strings.
    C : float
        Inverse of the penalty's strength, above 0.
    l1_ratio : float
        0 for an L2 penalty, 1 for L1, between them for both.
    tol : float
        Stop after an epoch that changed no coefficient by more than `tol` times the largest.
    max_iter : int
        Most epochs (passes over the data) to run.
    random_state : int or None, default=0
        Seed of the order in which saga visits the images.
    start : {"zero", "lbfgs"}, default="zero"
        The coefficients that saga starts from; see Notes.
    progress : bool, default=True
        Show epochs, change and time while someone watches: at a terminal, or in a notebook that
        a person has open. Nothing of it stays in the output.

    Returns
    -------
    LogisticRegression
        The fitted model; with two classes it is binary, as in scikit-learn.

    Raises
    ------
    ValueError
        If an argument has the wrong shape, length or range, X holds NaN or infinity, or y fewer
        than two classes.

    Warns
    -----
    ConvergenceWarning
        If the fit ran all `max_iter` epochs.

    Notes
    -----
    ``start="lbfgs"`` is a faster way to a model of the same objective. saga takes one short step
    an image, short enough for the image with most ink, and crawls along the directions in which
    the images hardly differ. So 25 iterations of lbfgs [2]_ go first: on the loss alone, on
    standardised pixels, where all directions are about equally long. Pixels that vary less than a
    twentieth as much as the most varied one start at zero: standardising them would blow them up.
    The objective is convex, so the start changes how fast saga comes down, not where it would end.
    It changes where saga *stops*, however: wherever `tol` is met first. On MNIST that is lower
    than from zero (``benchmarks/results.md``). It pays where images are many and the penalty is
    weak. Where coefficients can separate the classes, the loss alone has no minimum, lbfgs runs
    past the one with penalty, and saga from zero can be faster. It takes a dense copy of X.

    References
    ----------
    .. [1] A. Defazio, F. Bach, S. Lacoste-Julien, "SAGA: A Fast Incremental Gradient Method With
       Support for Non-Strongly Convex Composite Objectives", NeurIPS 2014, arXiv:1407.0202.
    .. [2] D. C. Liu, J. Nocedal, "On the Limited Memory BFGS Method for Large Scale
       Optimization", Mathematical Programming 45, 1989.
    """
    X, y = _check_data(X, y)
    if start not in tuple(_STARTS):  # a list is not hashable
        raise ValueError(f"start is {start!r}; wanted 'zero' or 'lbfgs'")
    model = _saga(C, l1_ratio, tol, max_iter, random_state)
    with progress_bar(
        progress, desc="starting", bar_format="{desc} |{bar:20}| {elapsed}, {remaining} left"
    ) as bar:
        model.verbose = int(not bar.disable)
        show = partial(_show_epoch, bar, tol, max_iter)
        model, caught = fit_in_child(model, X, y, show, _STARTS[start])
    model.set_params(verbose=0, warm_start=False)
    _warn([model], caught)
    return model


def fit_one_vs_rest(
    X: ArrayLike | csr_matrix,
    y: ArrayLike,
    *,
    C: float,
    l1_ratio: float,
    tol: float,
    max_iter: int,
    random_state: int | None = 0,
    n_jobs: int = 5,
    progress: bool = True,
) -> OneVsRestClassifier:
    """Fit one binary logistic regression a class, that class against the rest [1]_, by saga.

    The model is the one that ``OneVsRestClassifier(LogisticRegression(solver="saga", ...)).fit(X,
    y)`` gives, to the last bit and for every `n_jobs`. As `fit_multinomial`, it is fitted in a
    process of its own, whose threads share one copy of the data. Under a joblib backend that the
    caller has made active (``joblib.parallel_config``), scikit-learn fits with that one instead:
    without a bar, and an interrupt takes effect when that backend lets it.

    Parameters
    ----------
    X : {array-like, csr_matrix} of shape (n_samples, n_features)
        One image a row; float32 and float64 are used as they are, other numbers as float64.
    y : array-like of shape (n_samples,)
        Class labels, integers or strings.
    C, l1_ratio, tol, max_iter, random_state
        As in `fit_multinomial`, for each class.
    n_jobs : int, default=5
        Classes fitted at the same time; -1 for as many as there are processors.
    progress : bool, default=True
        Show classes done and elapsed time while someone watches, as in `fit_multinomial`.

    Returns
    -------
    OneVsRestClassifier
        The fitted model, one `LogisticRegression` a class in ``estimators_``.

    Raises
    ------
    ValueError
        If an argument has the wrong shape, length or range, X holds NaN or infinity, or y fewer
        than two classes.

    Warns
    -----
    ConvergenceWarning
        If a class ran all `max_iter` epochs.

    References
    ----------
    .. [1] R. Rifkin, A. Klautau, "In Defense of One-Vs-All Classification", Journal of Machine
       Learning Research 5, 2004.
    """
    X, y = _check_data(X, y)
    if n_jobs == 0:
        raise ValueError("n_jobs is 0; wanted a number of jobs, or -1 for one a processor")
    model = OneVsRestClassifier(_saga(C, l1_ratio, tol, max_iter, random_state), n_jobs=n_jobs)
    model._validate_params()
    # joblib answers with threads here unless the caller has made another backend active.
    if type(get_active_backend(prefer="threads")[0]) is not ThreadingBackend:
        model, caught = fit(model, X, y)
    else:
        n_classes = len(np.unique(y))
        with progress_bar(
            progress,
            total=n_classes if n_classes > 2 else 1,
            bar_format="{n} of {total} classes |{bar:20}| {elapsed}",
        ) as bar:
            model.estimator.verbose = int(not bar.disable)
            model, caught = fit_in_child(model, X, y, partial(_show_classes, bar))
        for saga in [model.estimator, *model.estimators_]:
            saga.verbose = 0
    _warn(model.estimators_, caught)
    return model


def _check_data(X: ArrayLike | csr_matrix, y: ArrayLike) -> tuple[NDArray | csr_matrix, NDArray]:
    y = check_labels(y, "y")
    check_image_rows(X, y)
    if (y == y[0]).all():
        raise ValueError(f"y holds only the class {y[0]}; wanted two classes or more")
    return check_array(X, accept_sparse="csr", input_name="X"), y


def _saga(
    C: float, l1_ratio: float, tol: float, max_iter: int, random_state: int | None
) -> LogisticRegression:
    model = LogisticRegression(
        solver="saga",
        C=C,
        l1_ratio=l1_ratio,
        tol=tol,
        max_iter=max_iter,
        random_state=random_state,
    )
    model._validate_params()  # what `fit` does first; here before a process is started
    return model


def _show_epoch(bar: tqdm, tol: float, max_iter: int, line: str) -> None:
    if match := re.search(r"Epoch (\d+), change: (\S+)", line):
        epoch, change = int(match[1]), float(match[2])
        if not bar.n:  # times are of epochs alone, or the start would count as a slow first one
            bar.initial, bar.start_t = epoch, time.time()
        # saga's change falls about as 1/epoch, so epoch * change / tol foretells the last epoch.
        expected = epoch * change / tol if tol else math.inf
        bar.n, bar.total = epoch, max(epoch, math.ceil(min(max_iter, expected)))
        bound = "about" if bar.total < max_iter else "at most"
        bar.set_description_str(
            f"epoch {epoch} of {bound} {bar.total}, change {change:.2g}, stops at {tol:g}",
            refresh=False,
        )
        bar.update(0)
    elif "lbfgs start" in line:
        bar.set_description_str("lbfgs start")


def _show_classes(bar: tqdm, line: str) -> None:
    # Epochs count too: without news of them the clock would stand still for minutes.
    bar.update(len(re.findall("convergence after|max_iter reached", line)))


def _warn(fits: list[LogisticRegression], caught: list[Warning]) -> None:
    """Warn on the caller's line, with what to do about fits that did not converge."""
    for warning in caught:
        if not isinstance(warning, ConvergenceWarning):
            warnings.warn(warning, stacklevel=3)
    unconverged = sum(fit.n_iter_[0] >= fit.max_iter for fit in fits)
    if unconverged:
        warnings.warn(
            f"{unconverged} of {len(fits)} fits stopped at max_iter={fits[0].max_iter} epochs"
            f" before reaching tol={fits[0].tol:g}, so the coefficients are not final: raise"
            " max_iter or tol, or bring the features to one scale (StandardScaler)",
            ConvergenceWarning,
            stacklevel=3,
        )
