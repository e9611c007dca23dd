import numpy as np
import pytest

from digits_lr import plot_misclassified

IMAGES = np.arange(6 * 4).reshape(6, 2, 2)
Y_TRUE = np.array([0, 1, 2, 3, 4, 5])
Y_PRED = np.array([0, 9, 2, 8, 4, 7])


def test_images_truth_and_prediction_belong_together():
    axs = plot_misclassified(IMAGES, Y_TRUE, Y_PRED)

    assert [ax.get_title() for ax in axs] == [
        "row 1\n1 as 9",
        "row 3\n3 as 8",
        "row 5\n5 as 7",
    ]
    for row, ax in zip([1, 3, 5], axs, strict=True):
        np.testing.assert_array_equal(ax.images[0].get_array(), IMAGES[row])
    assert axs[0].figure.get_suptitle() == "3 of 3 misclassified images"


@pytest.mark.parametrize("limit", [1, 2])
def test_limit_keeps_the_first_and_no_title_is_cut_off(limit):
    axs = plot_misclassified(IMAGES, Y_TRUE, Y_PRED, limit=limit)

    assert [ax.get_title()[:5] for ax in axs] == ["row 1", "row 3", "row 5"][:limit]
    fig = axs[0].figure
    assert fig.get_suptitle() == f"{limit} of 3 misclassified images"
    fig.draw_without_rendering()
    for title in [fig._suptitle, *(ax.title for ax in axs)]:
        box = title.get_window_extent()
        assert fig.bbox.x0 <= box.x0 < box.x1 <= fig.bbox.x1, title


def test_a_pair_keeps_its_own_errors_in_one_direction():
    y_true, y_pred = [7, 9, 7, 7, 7, 4], [9, 7, 7, 9, 1, 9]
    axs = plot_misclassified(IMAGES, y_true, y_pred, pair=(7, 9))

    assert [ax.get_title()[:5] for ax in axs] == ["row 0", "row 3"]
    assert axs[0].figure.get_suptitle() == "2 of 2 images of 7 predicted as 9"
    (none,) = plot_misclassified(IMAGES, y_true, y_pred, pair=(1, 4))
    assert [text.get_text() for text in none.texts] == ["No images of 1 predicted as 4 among 6."]


def test_nothing_wrong_is_said():
    (ax,) = plot_misclassified(IMAGES, Y_TRUE, Y_TRUE)

    assert [text.get_text() for text in ax.texts] == ["No misclassified images among 6."]


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((IMAGES[:5], Y_TRUE, Y_PRED), {}, "images has length 5, y_true has length 6"),
        ((IMAGES[0], Y_TRUE, Y_PRED), {}, "images has shape"),
        ((IMAGES, Y_TRUE, Y_PRED), {"limit": 0}, "limit == 0, must be >= 1"),
        ((IMAGES, Y_TRUE, Y_PRED), {"limit": 2.5}, "limit must be an instance of int"),
        ((IMAGES, Y_TRUE, Y_PRED), {"pair": (7, 9, 4)}, r"pair is \(7, 9, 4\); wanted the true"),
        ((IMAGES, Y_TRUE, Y_PRED), {"pair": ("7", "9")}, "pair and y_true cannot be class labels"),
        ((IMAGES, Y_TRUE, Y_PRED), {"pair": 3}, "pair: .*got scalar"),
    ],
)
def test_bad_input_is_named(arguments, options, message):
    with pytest.raises(TypeError if "instance" in message else ValueError, match=message):
        plot_misclassified(*arguments, **options)
