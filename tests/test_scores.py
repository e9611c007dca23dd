import numpy as np
import pytest
from scipy.stats import norm

from digits_lr import accuracy


def predictions(n_right, n_images):
    return np.zeros(n_images, int), (np.arange(n_images) >= n_right).astype(int)


@pytest.mark.parametrize(
    ("n_right", "n_images", "low", "high"),
    [
        # R. G. Newcombe, "Two-sided confidence intervals for the single proportion", Statistics in
        # Medicine 17, 1998, table I, method 3.
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_interval_is_wilsons_as_published(n_right, n_images, low, high):
    result = accuracy(*predictions(n_right, n_images))
    assert (result.low, result.high) == pytest.approx((low, high), abs=5e-5)


def test_interval_holds_the_shares_that_the_score_test_does_not_reject():
    score, low, high, n_errors, n_images = accuracy(*predictions(430, 450))
    assert (score, n_errors, n_images) == (430 / 450, 20, 450)
    for bound in [low, high]:
        deviation = (score - bound) / np.sqrt(bound * (1 - bound) / n_images)
        assert abs(deviation) == pytest.approx(norm.ppf(0.975))


def test_it_prints_as_one_line():
    line = str(accuracy(*predictions(9192, 10_000)))
    assert line == "0.9192 (0.9137 to 0.9244), 808 of 10,000 wrong"


def test_strings_are_labels_too():
    assert accuracy(["a", "b"], ["a", "c"]).score == 0.5


@pytest.mark.parametrize(
    ("y_true", "y_pred", "message"),
    [
        ([0, 1], [0], "y_true has 2, y_pred has 1"),
        ([], [], "y_true has shape"),
        (["0"], [0], "both"),
    ],
)
def test_bad_input_is_named(y_true, y_pred, message):
    with pytest.raises(ValueError, match=message):
        accuracy(y_true, y_pred)
