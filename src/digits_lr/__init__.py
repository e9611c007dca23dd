"""Helpers behind the notebooks: MNIST's verified bytes, fits that show progress, figures.

Names load on first use, so that ``import digits_lr`` does not import matplotlib or seaborn.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "coefficients": ["plot_coefficients"],
        "confusion": ["plot_confusion"],
        "evidence": ["plot_evidence"],
        "figures": ["show_figure"],
        "fitting": ["fit_multinomial", "fit_one_vs_rest"],
        "loading": ["Split", "load_digits_split", "load_mnist_split"],
        "misclassified": ["misclassified", "plot_misclassified"],
        "mnist": ["load_mnist"],
        "objective": ["objective"],
        "samples": ["plot_class_balance", "plot_samples"],
        "scores": ["accuracy"],
    },
)
