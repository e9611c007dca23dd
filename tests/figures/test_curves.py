import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from digits_lr import accuracy, plot_curves, plot_reliability

WORDS = {"xlabel": "images", "ylabel": "accuracy", "title": "More is better"}
SCORES = [accuracy([0, 1, 1, 1], [0, 0, 0, 1]), accuracy([0, 1, 1, 1], [0, 1, 0, 1])]


@pytest.mark.parametrize("scores", [SCORES, pd.Series(SCORES), pd.DataFrame(SCORES)])
def test_numbers_are_a_line_and_intervals_a_band(scores):
    ax = plot_curves([10, 100], {"model": scores, "chance": [0.1, 0.1]}, **WORDS, xscale="log")
    model, chance = ax.lines
    np.testing.assert_array_equal(model.get_xydata(), [[10, 0.5], [100, 0.75]])
    np.testing.assert_array_equal(chance.get_ydata(), [0.1, 0.1])
    (band,) = ax.collections
    edges = {tuple(point) for point in band.get_paths()[0].vertices}
    assert {(10, SCORES[0].low), (10, SCORES[0].high), (100, SCORES[1].low)} <= edges
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_title()) == tuple(WORDS.values())
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "linear")


def test_whole_numbers_have_whole_ticks():
    ax = plot_curves(range(3), {"a": [1, 2, 3]}, **WORDS)
    assert all(tick == round(tick) for tick in ax.get_xticks())


def test_a_logarithmic_axis_has_plain_numbers_at_the_points():
    ax = plot_curves(
        [0.001, 0.03, 1000], {"a": [200, 2000, 900]}, **WORDS, xscale="log", yscale="log"
    )
    ax.figure.canvas.draw()
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["0.001", "0.03", "1000"]
    assert {"200", "1000", "2000"} <= {t.get_text() for t in ax.get_yticklabels(which="both")}


def test_many_points_on_a_logarithmic_axis_leave_its_numbers_to_powers_of_ten():
    ax = plot_curves(np.geomspace(0.01, 100, 20), {"a": range(20)}, **WORDS, xscale="log")
    ax.figure.canvas.draw()
    low, high = ax.get_xlim()
    ticks = {
        tick.get_text() for tick in ax.get_xticklabels() if low <= tick.get_position()[0] <= high
    }
    assert ticks == {"0.01", "0.1", "1", "10", "100"}


def test_no_point_at_0_on_a_logarithmic_axis():
    with pytest.raises(ValueError, match="x starts at 0; wanted numbers above 0"):
        plot_curves([0, 1], {"a": [1, 2]}, **WORDS, xscale="log")


def test_points_that_are_added_to_a_logarithmic_axis_are_named_beside_those_before():
    _, ax = plt.subplots()
    ax.plot(np.geomspace(2, 90), np.ones(50))  # no point of a curve
    ax.axhline(1.5)
    plot_curves([1, 100], {"a": [1, 2]}, **WORDS, xscale="log", ax=ax)
    plot_curves([20, 100], {"b": [1, 2]}, **WORDS, xscale="log", ax=ax)
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["1", "20", "100"]


def test_curves_differ_in_more_than_colour_also_those_added_later():
    ax = plot_curves([1, 2], {"a": [1, 2]}, **WORDS)
    assert ax.get_legend() is None  # one curve is named by the labels
    assert plot_curves([2, 3], {"b": [1, 2], "c": [2, 1]}, **WORDS, ax=ax) is ax
    for style in ["get_color", "get_marker", "get_linestyle"]:
        assert len({getattr(line, style)() for line in ax.lines}) == 3
    plot_curves([1, 2], {name: [1, 2] for name in "defghijkl"}, **WORDS, ax=ax)
    styles = {(line.get_color(), line.get_marker(), line.get_linestyle()) for line in ax.lines}
    assert len(styles) == 12


def test_every_name_is_in_the_legend_and_no_formula():
    ax = plot_curves([1, 2], {"a": [1, 2], "_x": [2, 3], "$5 to $10": [1, 1]}, **WORDS)
    a, x, dollars = ax.get_legend().texts
    assert (a.get_text(), x.get_text().strip()) == ("a", "_x")
    plain = ax.text(0, 0, "$5 to $10", fontsize=dollars.get_fontsize(), parse_math=False)
    assert dollars.get_window_extent().width == plain.get_window_extent().width


@pytest.mark.parametrize(
    ("x", "curve", "message"),
    [
        ([1, 2], [1, 2, 3], r"x has length 2, curves\['a'\] has length 3"),
        ([1, 2], [(1, 2), (3, 4)], r"curves\['a'\] has shape \(2, 2\); wanted \(n_points,\) or"),
        ([1, 2], [(1, 0, 2), 3], r"curves\['a'\]: .*inhomogeneous"),
        ([[1, 2]], [1, 2], r"x has shape \(1, 2\); wanted \(n_points,\)"),
    ],
)
def test_bad_curve_is_named(x, curve, message):
    with pytest.raises(ValueError, match=message):
        plot_curves(x, {"a": curve}, **WORDS)


def test_curves_without_names_are_refused():
    with pytest.raises(TypeError, match="wanted a dict of names to points"):
        plot_curves([1, 2], [[1, 2]], **WORDS)


def test_reliability_is_the_share_right_of_each_tenth_over_its_images():
    y_true, y_pred = [1, 1, 1, 1, 1], [1, 0, 1, 0, 1]
    above, below = plot_reliability(y_true, y_pred, [0.92, 0.98, 1.0, 0.34, 0.3])
    np.testing.assert_allclose(above.lines[0].get_xydata(), [[0.32, 1 / 2], [2.9 / 3, 2 / 3]])
    heights = [bar.get_height() for bar in below.patches]
    assert heights == [0, 0, 0, 2, 0, 0, 0, 0, 0, 3]
    low = accuracy([1, 1, 1], [1, 0, 1]).low
    assert low in above.collections[0].get_paths()[0].vertices[:, 1]


@pytest.mark.parametrize(
    ("probability", "message"),
    [
        ([0.5, 1.5], "probability goes from 0.5 to 1.5; wanted 0 to 1"),
        ([[0.5, 0.5]] * 2, r"probability has shape \(2, 2\)"),
    ],
)
def test_bad_probability_is_named(probability, message):
    with pytest.raises(ValueError, match=message):
        plot_reliability([0, 1], [0, 1], probability)
