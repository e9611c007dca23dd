"""MNIST in miniature."""

import hashlib

import numpy as np
import pytest

from digits_lr.loading import mnist, sources

IMAGES = np.arange(18 * 4 * 4).astype(np.uint8).reshape(18, 4, 4)  # every grey level
LABELS = np.arange(18, dtype=np.uint8) % 10


@pytest.fixture(autouse=True)
def tiny(monkeypatch):
    """Let MNIST be these images and labels, for `mnist.verified` too."""
    monkeypatch.setattr(sources, "COUNTS", {"train": 12, "t10k": 6})
    monkeypatch.setattr(sources, "SIDE", 4)
    for name, array in [("images", IMAGES), ("labels", LABELS)]:
        monkeypatch.setitem(mnist.SHA256, name, hashlib.sha256(array).hexdigest())
