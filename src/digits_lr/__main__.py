"""Fill, check or find MNIST's cache: ``python -m digits_lr fetch``, ``verify`` or ``where``."""

import sys

from digits_lr.loading.mnist import main

if __name__ == "__main__":
    sys.exit(main())
