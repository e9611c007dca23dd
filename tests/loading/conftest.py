"""MNIST in miniature, and who does not listen: for more than one module of this folder."""

import hashlib
import io

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


class _BrokenPipe(io.StringIO):
    def write(self, _text):
        raise BrokenPipeError


class _WriteOnly:
    def isatty(self):
        return False

    def write(self, text):
        return len(text)

    def flush(self):
        pass


def _closed():
    file = io.StringIO()
    file.close()
    return file


@pytest.fixture(params=[lambda: None, _closed, _BrokenPipe, _WriteOnly])
def deaf_stderr(request):
    """Give what stderr is when nobody listens; pytest sets its own until the test runs."""
    return request.param()
