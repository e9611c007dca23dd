"""Helpers behind the notebooks: load, fit, score and show handwritten digits."""

from digits_lr.features import ParetoScaler, StrokeDirections, Upright
from digits_lr.figures.coefficients import plot_coefficients
from digits_lr.figures.confusion import plot_confusion
from digits_lr.figures.curves import plot_curves, plot_reliability
from digits_lr.figures.evidence import plot_evidence
from digits_lr.figures.misclassified import plot_misclassified
from digits_lr.figures.samples import plot_samples
from digits_lr.figures.show import show_figure, show_table
from digits_lr.figures.strokes import plot_strokes
from digits_lr.fitting.logistic import fit
from digits_lr.loading.mnist import load_mnist
from digits_lr.scores import accuracy, mcnemar, misclassified, objective

__all__ = [
    "ParetoScaler",
    "StrokeDirections",
    "Upright",
    "accuracy",
    "fit",
    "load_mnist",
    "mcnemar",
    "misclassified",
    "objective",
    "plot_coefficients",
    "plot_confusion",
    "plot_curves",
    "plot_evidence",
    "plot_misclassified",
    "plot_reliability",
    "plot_samples",
    "plot_strokes",
    "show_figure",
    "show_table",
]
