import numpy as np
import pytest

from digits_lr import misclassified, plot_misclassified

IMAGES = np.arange(6 * 4).reshape(6, 2, 2)
Y_TRUE = np.array([0, 1, 2, 3, 4, 5])
Y_PRED = np.array([0, 9, 2, 8, 4, 7])


def test_rows_of_the_wrong_predictions():
    rows = misclassified(Y_TRUE, Y_PRED)

    assert rows.tolist() == [1, 3, 5]
    assert rows.dtype == np.intp


def test_images_truth_and_prediction_belong_together():
    fig = plot_misclassified(IMAGES, Y_TRUE, Y_PRED)

    drawn = {ax.get_title(): ax.images[0].get_array() for ax in fig.axes if ax.images}
    assert list(drawn) == [
        "row 1\ntrue 1, predicted 9",
        "row 3\ntrue 3, predicted 8",
        "row 5\ntrue 5, predicted 7",
    ]
    for row, image in zip([1, 3, 5], drawn.values(), strict=True):
        np.testing.assert_array_equal(image, IMAGES[row])
    assert fig.get_suptitle() == "3 of 3 misclassified images"


def test_limit_keeps_the_first():
    fig = plot_misclassified(IMAGES, Y_TRUE, Y_PRED, limit=2)

    assert [ax.get_title()[:5] for ax in fig.axes if ax.images] == ["row 1", "row 3"]
    assert fig.get_suptitle() == "2 of 3 misclassified images"


def test_a_pair_keeps_its_own_errors_in_one_direction():
    y_true, y_pred = [7, 9, 7, 7, 7, 4], [9, 7, 7, 9, 1, 9]
    fig = plot_misclassified(IMAGES, y_true, y_pred, pair=(7, 9))

    assert [ax.get_title()[:5] for ax in fig.axes if ax.images] == ["row 0", "row 3"]
    assert fig.get_suptitle() == "2 of 2 images of 7 predicted as 9"
    none = plot_misclassified(IMAGES, y_true, y_pred, pair=(1, 4))
    assert [text.get_text() for text in none.texts] == ["No images of 1 predicted as 4 among 6."]


@pytest.mark.parametrize(
    ("pair", "message"),
    [
        ((7, 9, 4), r"pair is \(7, 9, 4\); wanted the true and the predicted class"),
        (("7", "9"), "pair and y_true cannot be class labels"),
        ([(7, 9)], r"pair has shape \(1, 2\)"),
    ],
)
def test_bad_pair_is_named(pair, message):
    with pytest.raises(ValueError, match=message):
        plot_misclassified(IMAGES, Y_TRUE, Y_PRED, pair=pair)


def test_twenty_make_four_rows_of_five():
    y_true = np.zeros(30, int)
    fig = plot_misclassified(np.ones((30, 2, 2)), y_true, y_true + 1)

    assert fig.axes[0].get_gridspec().get_geometry() == (4, 5)
    assert sum(bool(ax.images) for ax in fig.axes) == 20


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_no_title_is_cut_off(limit):
    fig = plot_misclassified(IMAGES, Y_TRUE, Y_PRED, limit=limit)
    fig.draw_without_rendering()
    inside = fig.bbox
    for title in [fig._suptitle, *(ax.title for ax in fig.axes)]:
        box = title.get_window_extent()
        assert inside.x0 <= box.x0 < box.x1 <= inside.x1, title


def test_smooth_images_are_smooth():
    fig = plot_misclassified(IMAGES, Y_TRUE, Y_PRED, smooth=True)
    assert {ax.images[0].get_interpolation() for ax in fig.axes} == {"bilinear"}


def test_nothing_wrong_is_said():
    fig = plot_misclassified(IMAGES, Y_TRUE, Y_TRUE)

    assert [text.get_text() for text in fig.texts] == ["No misclassified images among 6."]


@pytest.mark.parametrize(
    ("arguments", "limit", "message"),
    [
        ((IMAGES[:5], Y_TRUE, Y_PRED), 20, r"inconsistent numbers of samples: \[5, 6\]"),
        ((IMAGES, Y_TRUE[:5], Y_PRED), 20, r"inconsistent numbers of samples: \[5, 6\]"),
        ((IMAGES[0], Y_TRUE, Y_PRED), 20, "images has shape"),
        ((IMAGES, Y_TRUE.astype(str), Y_PRED), 20, "y_true and y_pred cannot be class labels"),
        ((IMAGES, Y_TRUE, Y_PRED), 0, "limit == 0, must be >= 1"),
        ((IMAGES, Y_TRUE, Y_PRED), 2.5, "limit must be an instance of int"),
    ],
)
def test_bad_input_is_named(arguments, limit, message):
    with pytest.raises((TypeError, ValueError), match=message):
        plot_misclassified(*arguments, limit=limit)
