"""A fit that a person can watch and stop.

scikit-learn fits in compiled code that looks at no signal until it is done, and saga prints its
epochs with C's ``printf``, past Python's ``sys.stdout``. So while someone watches, a fit runs in a
process of its own: what it prints moves a progress bar here, and an interrupt ends it at once.
"""

from __future__ import annotations

from typing import Literal, TypeVar

from numpy.typing import ArrayLike
from scipy.sparse import sparray, spmatrix
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import Pipeline

from digits_lr._progress import progress_bar, watched
from digits_lr.fitting._bar import FitBar
from digits_lr.fitting._here import binary_or_only, fit_here, last_step
from digits_lr.fitting._process import NotCarriedError, fit_in_child

Model = TypeVar("Model", bound=LogisticRegression | OneVsRestClassifier | Pipeline)


def fit(
    model: Model,
    X: ArrayLike | sparray | spmatrix,
    y: ArrayLike,
    *,
    start: Literal["lbfgs"] | None = None,
    progress: bool = True,
) -> Model:
    """Fit `model` as ``model.fit(X, y)`` does, with progress and an interrupt that works.

    The fitted model is scikit-learn's own, to the last bit, as it comes out on one BLAS thread.
    Warnings, errors and random states are as from ``model.fit`` too.

    Parameters
    ----------
    model : LogisticRegression, OneVsRestClassifier or Pipeline
        A `sklearn.linear_model.LogisticRegression` with any solver, a
        `sklearn.multiclass.OneVsRestClassifier` of one, or a `sklearn.pipeline.Pipeline` that ends
        in either.
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        One image a row, in any form that ``model.fit`` accepts.
    y : array-like of shape (n_samples,)
        Class labels, in any form that ``model.fit`` accepts.
    start : {None, "lbfgs"}, default=None
        "lbfgs" is a faster way to a saga model: lbfgs chooses the coefficients that saga starts
        from. In all that was tried it ended no higher on the same objective than saga from zero,
        and where `tol` stops saga early, much lower.
    progress : bool, default=True
        Show epochs and the time left while someone watches: at a terminal, or in a notebook that
        a person has open. Nothing of it stays in the output.

    Returns
    -------
    LogisticRegression, OneVsRestClassifier or Pipeline
        `model` itself, fitted.

    Raises
    ------
    TypeError
        If `model` is another estimator.
    ValueError
        If `start` is unknown, for another solver than saga, or for a model with the deprecated
        ``penalty``; and whatever ``model.fit`` raises.
    RuntimeError
        If the process in which `model` is fitted dies, for lack of memory perhaps.
    KeyboardInterrupt
        If the fit is interrupted: within a second while its progress is shown, and `model` is
        as it was. Without progress the fit runs in this process, and scikit-learn
        honours an interrupt when the fit is over.

    Notes
    -----
    While someone watches, the fit runs in another process, which takes a second copy of `X` and
    waits for the next fit afterwards. What the fit prints, as ``verbose`` asks, moves the bar and
    is not shown. What cannot be carried there as it is, is fitted here without progress: a model
    with parts that cannot be pickled or that the notebook itself defines, with scikit-learn's
    callbacks, under ``array_api_dispatch``, after `numpy.random.set_bit_generator`, or where no
    other process can be started.

    BLAS uses one thread. A logistic regression multiplies matrices of as few rows as there are
    classes, which two of BLAS's threads do no faster than one, and many times slower when another
    process keeps one of the cores busy.

    The classes of a `OneVsRestClassifier` are fitted by ``n_jobs`` threads that share `X`; by
    liblinear one after the other, since its threads would share one random generator too [3]_. A
    joblib backend that the caller has made active (``joblib.parallel_config``) is used instead of
    either, for all steps of a pipeline, and then without progress.

    saga takes one short step an image [1]_, and crawls along the directions in which the images
    hardly differ. So with ``start="lbfgs"`` lbfgs [2]_ goes first, on the same loss and penalty,
    as far as `tol` asks: a smaller `tol` starts nearer to the minimum. Its steps are taken in
    coordinates in which the objective is about equally curved in all directions, which the Fisher
    information of the images gives [4]_, and L1's kink at zero is smoothed. Then saga fits as
    ever. Its first epochs can lead up; if it ends higher than it started, the start is taken. All
    cores share the images, in parts of 500, so the sums are the same however many cores there
    are; the models of a `OneVsRestClassifier` are started together. It pays where images are many
    and the penalty is weak (``benchmarks/results.md``), and takes a second copy of `X` and some
    square matrices of the features for each class.

    References
    ----------
    .. [1] A. Defazio, F. Bach, S. Lacoste-Julien, "SAGA: A Fast Incremental Gradient Method With
       Support for Non-Strongly Convex Composite Objectives", NeurIPS 2014, arXiv:1407.0202.
    .. [2] D. C. Liu, J. Nocedal, "On the Limited Memory BFGS Method for Large Scale
       Optimization", Mathematical Programming 45, 1989.
    .. [3] scikit-learn issue 31883, https://github.com/scikit-learn/scikit-learn/issues/31883
    .. [4] D. Böhning, "Multinomial Logistic Regression Algorithm", Annals of the Institute of
       Statistical Mathematics 44, 1992.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.linear_model import LogisticRegression
    >>> import digits_lr as dl
    >>> X, y = load_digits(return_X_y=True)
    >>> model = LogisticRegression(C=1, l1_ratio=1, solver="saga", tol=0.001, random_state=0)
    >>> dl.fit(model, X, y, start="lbfgs").n_iter_
    array([5], dtype=int32)
    """
    classifier = last_step(model)
    is_one_vs_rest = isinstance(classifier, OneVsRestClassifier)
    regression = binary_or_only(classifier) if is_one_vs_rest else classifier
    # Of other classes, such as LogisticRegressionCV, a fit tells and starts otherwise.
    if type(regression) is not LogisticRegression:
        raise TypeError(
            f"model is {model!r}; wanted LogisticRegression, OneVsRestClassifier of one, "
            "or a Pipeline that ends in either"
        )
    if start not in (None, "lbfgs"):
        raise ValueError(f"start is {start!r}; wanted None or 'lbfgs'")
    is_saga = regression.solver == "saga"
    if start and not (is_saga and getattr(regression, "penalty", "deprecated") == "deprecated"):
        raise ValueError(
            f"start is {start!r} for {model!r}; wanted solver='saga', with l1_ratio and C instead "
            "of the deprecated penalty"
        )

    if progress and watched():
        try:
            with progress_bar(desc="starting", bar_format="{desc}, {elapsed}") as bar:
                fit_in_child(model, X, y, start, FitBar(bar, regression).show)
            return model
        except NotCarriedError:
            pass
        except BaseException as error:
            # Its traceback begins here: how the other process is run is of no use to a reader.
            raise error.with_traceback(None) from None
    fit_here(model, X, y, start)
    return model
