"""Helpers behind the notebooks: load, fit, score and show handwritten digits.

Names load on first use, so that ``import digits_lr`` imports neither scikit-learn nor matplotlib.
The names are listed in ``__init__.pyi``, which editors read too.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
