import numpy as np
import pytest

from digits_lr import plot_strokes

BLANK = np.zeros((2, 28, 28))


def drawn(coef):
    """Return how far each stroke of the first class runs to the right and up, and its weight."""
    (strokes,) = plot_strokes(coef, BLANK[: len(coef)])[0].collections
    return np.array([strokes.U, strokes.V, strokes.get_array()])


@pytest.mark.parametrize(
    ("direction", "right", "up"),
    [(0, 0, 0.9), (4, 0, 0.9), (2, 0.9, 0), (1, 0.9 / 2**0.5, 0.9 / 2**0.5)],
)
def test_a_stroke_runs_along_its_edges_whichever_way_they_face(direction, right, up):
    coef = np.zeros((1, 8, 1, 1))
    coef[0, direction] = -3
    np.testing.assert_allclose(drawn(coef).ravel(), [right, up, -3], atol=1e-12)


def test_the_strongest_stroke_of_each_cell_is_drawn_with_both_its_edges():
    coef = np.zeros((1, 4, 1, 2))
    coef[0, :, 0, 0] = [2, 3, 2, -1]  # uprights 4, bars 2
    coef[0, :, 0, 1] = [0, -9, 0, 0]
    np.testing.assert_allclose(drawn(coef)[2], [4, -9])


@pytest.mark.parametrize("weight", [np.int8(100), np.uint8(200), np.True_])
def test_numbers_of_any_type_are_added(weight):
    np.testing.assert_allclose(drawn(np.full((1, 2, 1, 1), weight))[2], 2.0 * weight)


def test_length_and_colour_end_at_the_95th_percentile_of_all_classes():
    coef = np.zeros((2, 2, 10, 10))
    coef[1, 0] = np.arange(100).reshape(10, 10)
    coef[1, 0, 9, 9] = 1e6
    first, second = (ax.collections[0] for ax in plot_strokes(coef, BLANK))
    end = np.percentile([*np.zeros(100), *np.arange(99), 1e6], 95)
    assert first.get_clim() == second.get_clim() == (-end, end)
    np.testing.assert_allclose(second.V[[45, 99]], [0.9 * 45 / end, 0.9])
    np.testing.assert_array_equal(first.V, 0)


def test_a_few_strokes_among_zeros_are_seen():
    coef = np.zeros((1, 2, 10, 10))
    coef[0, 0, 3, 4] = -0.01
    (strokes,) = plot_strokes(coef, BLANK[:1])[0].collections
    assert strokes.get_clim() == (-0.01, 0.01)
    assert np.abs(strokes.V).max() == 0.9


def test_the_image_lies_below_the_cells_under_its_label():
    axs = plot_strokes(np.ones((2, 4, 8, 8)), BLANK + 1, labels=["4", "9"])
    assert [ax.get_title() for ax in axs] == ["class 4", "class 9"]
    (ink,) = axs[0].images
    # Pixels begin and end at -0.5 and 27.5, where `StrokeDirections` has its outer cells.
    assert tuple(ink.get_extent()) == (0, 7, 7, 0)
    assert (*axs[0].get_xlim(), *axs[0].get_ylim()) == (-0.5, 7.5, 7.5, -0.5)
    assert ink.get_clim() == (0, 2.5)


@pytest.mark.parametrize("images", [BLANK, BLANK - 1])
def test_zero_and_below_is_white(images):
    assert plot_strokes(np.ones((2, 4, 8, 8)), images)[0].images[0].get_clim() == (0, 2.5)


@pytest.mark.parametrize(
    ("coef", "images", "message"),
    [
        (np.ones((2, 3, 8, 8)), BLANK, "coef has 3 directions; wanted an even number"),
        (np.ones((2, 8, 8)), BLANK, r"coef has shape \(2, 8, 8\); wanted \(n_classes, n_direc"),
        (
            np.ones((3, 4, 8, 8)),
            BLANK,
            "coef has length 3, images has length 2, labels has length 3",
        ),
        (np.full((2, 4, 8, 8), np.nan), BLANK, "coef: Input contains NaN"),
    ],
)
def test_bad_input_is_named(coef, images, message):
    with pytest.raises(ValueError, match=message):
        plot_strokes(coef, images)
