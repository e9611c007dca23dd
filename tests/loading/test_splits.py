import dataclasses
import pickle

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.utils import check_random_state

from digits_lr.loading import splits


def test_digits_split_is_the_original_one():
    split = splits.load_digits_split()

    assert split.X_train.shape == (1347, 64)
    assert split.X_test.shape == (450, 64)
    assert split.y_test[:9].tolist() == [2, 8, 2, 6, 6, 7, 1, 9, 8]
    assert split.image_shape == (8, 8)
    assert split.X_train.max() == 16


def test_rows_and_labels_stay_together():
    digits = load_digits()
    label_of = {
        image.tobytes(): label for image, label in zip(digits.data, digits.target, strict=True)
    }
    split = splits.load_digits_split(test_size=100, random_state=3)

    for X, y in [(split.X_train, split.y_train), (split.X_test, split.y_test)]:
        assert [label_of[row.tobytes()] for row in X] == y.tolist()
    assert len(split.y_test) == 100


def test_seed_decides_the_split():
    first, again, other = (splits.load_digits_split(random_state=seed) for seed in (0, 0, 1))

    np.testing.assert_array_equal(first.X_test, again.X_test)
    assert not np.array_equal(first.X_test, other.X_test)


def test_mnist_split_keeps_bytes_and_flattens(monkeypatch):
    images = np.zeros((70, 2, 2), dtype=np.uint8)
    images[:, 0, 0] = np.arange(70)
    labels = (np.arange(70) % 10).astype(np.uint8)
    monkeypatch.setattr(splits, "load_mnist", lambda: (images, labels))
    numpys = check_random_state(None)  # NumPy's global generator, which is the user's
    before = pickle.dumps(numpys)
    split = splits.load_mnist_split()

    assert pickle.dumps(numpys) == before
    assert split.X_train.shape == (60, 4)
    assert split.X_test.shape == (10, 4)
    assert split.X_train.dtype == np.uint8
    assert split.image_shape == (2, 2)
    np.testing.assert_array_equal(split.X_test[:, 0] % 10, split.y_test)


def test_split_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        splits.load_digits_split().image_shape = (1, 64)


@pytest.mark.parametrize("test_size", [0, 1.5, -0.1, 1797])
def test_bad_test_size_is_named(test_size):
    with pytest.raises(ValueError, match="test_size"):
        splits.load_digits_split(test_size=test_size)


def test_bad_test_size_of_mnist_is_named_before_it_is_loaded(monkeypatch):
    monkeypatch.setattr(splits, "load_mnist", None)
    with pytest.raises(ValueError, match="test_size"):
        splits.load_mnist_split(test_size=70_000)
