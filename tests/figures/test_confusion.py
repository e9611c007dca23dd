from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
import pytest

from digits_lr import plot_confusion

Y_TRUE = [0, 0, 0, 1, 1, 2]
Y_PRED = [0, 0, 1, 1, 1, 0]


def annotations(ax):
    """Return the numbers on the map by (row, column)."""
    return {
        (int(text.get_position()[1]), int(text.get_position()[0])): text.get_text()
        for text in ax.texts
    }


def test_counts_title_and_axes():
    ax = plot_confusion(Y_TRUE, Y_PRED)

    counts = [[2, 1, 0], [0, 2, 0], [1, 0, 0]]
    assert annotations(ax) == {
        (row, column): str(counts[row][column]) for row in range(3) for column in range(3)
    }
    assert ax.get_title() == "Accuracy 0.6667: 4 of 6 right"
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("predicted class", "true class")
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["0", "1", "2"]


def test_the_diagonal_is_grey_and_does_not_set_the_colours_of_the_errors():
    (cells,) = plot_confusion([0] * 99 + [1, 1], [0] * 99 + [0, 1]).collections

    assert cells.get_clim() == (0, 1)
    right, no_error, error, _ = cells.cmap(cells.norm(cells.get_array().ravel()))
    assert right[0] == right[1] == right[2]
    assert error[2] > error[0]
    assert no_error[0] > error[0]


@pytest.mark.parametrize("y", [["a", "b"], ["a", "a"]])
def test_no_errors_and_one_class(y):
    ax = plot_confusion(y, y)

    assert ax.get_title() == "Accuracy 1.0000: 2 of 2 right"
    assert ax.collections[0].get_clim() == (0, 1)


def test_labels_give_order_and_absent_classes():
    ax = plot_confusion(["$1$"], ["$1$"], labels=["2", "$1$"])

    assert annotations(ax) == {(0, 0): "0", (0, 1): "0", (1, 0): "0", (1, 1): "1"}
    for ticks in [ax.get_xticklabels(), ax.get_yticklabels()]:
        assert [tick.get_text() for tick in ticks] == ["2", r"\$1\$"]  # no formula


def test_draws_on_the_given_axes_while_another_is_current():
    _, mine = plt.subplots()
    _, current = plt.subplots()

    assert plot_confusion(Y_TRUE, Y_PRED, ax=mine) is mine
    assert not current.has_data()
    assert len(plt.get_fignums()) == 2


def boxes(texts):
    return [text.get_window_extent() for text in texts if text.get_text()]


@pytest.mark.parametrize(
    "labels",
    [
        [chr(ord("A") + k) for k in range(26)],
        [f"{k}, a class whose name has forty letters" for k in range(4)],
        range(100),
    ],
    ids=["26 classes", "long labels", "100 classes"],
)
def test_numbers_stay_in_their_cells_and_labels_apart(labels):
    y = np.repeat(labels, 1234)
    ax = plot_confusion(y, y)
    ax.figure.draw_without_rendering()

    cell = ax.get_window_extent().width / len(labels)
    assert all(box.width < cell for box in boxes(ax.texts))
    assert bool(ax.texts) == (len(labels) < 100)
    for tick_labels in [ax.get_xticklabels(), ax.get_yticklabels()]:
        shown = boxes(tick_labels)
        assert not any(a.overlaps(b) for a, b in pairwise(shown))
    assert cell * len(labels) > 375  # pixels of a page


@pytest.mark.parametrize(
    ("y_true", "y_pred", "labels", "message"),
    [
        ([0, 1], [0], None, "y_true has length 2, y_pred has length 1; wanted equal lengths"),
        (["0"], [0], None, "y_true and y_pred cannot be class labels: Mix"),
        ([0, 7], [0, 0], [0, 1], r"labels is \[0, 1\].*\[7\]"),
        ([0], [0], [0, 0], "each class once"),
        ([0], [0], [0, None], "labels and y_true cannot be class labels"),
        (range(20), range(20), [*map(str, range(20))], "labels and y_true cannot be class labels"),
    ],
)
def test_bad_input_is_named(y_true, y_pred, labels, message):
    with pytest.raises(ValueError, match=message):
        plot_confusion(y_true, y_pred, labels=labels)
