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
        if text.get_text()
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


def test_the_diagonal_does_not_set_the_colours_of_the_errors():
    errors, right = plot_confusion([0] * 99 + [1, 1], [0] * 99 + [0, 1]).collections[:2]

    assert errors.get_clim() == (0, 1)
    assert np.ma.getmaskarray(errors.get_array()).reshape(2, 2).tolist() == [
        [True, False],
        [False, True],
    ]
    red, green, blue, _ = right.cmap(0)
    assert red == green == blue


def test_by_class_it_is_percent_of_the_row_without_the_diagonal():
    ax = plot_confusion(Y_TRUE, Y_PRED, labels=[0, 1, 2, 3], by_class=True)

    shares = {(0, 1): "33.3", (2, 0): "100.0"}
    off_diagonal = {(row, column) for row in range(4) for column in range(4) if row != column}
    assert annotations(ax) == {cell: shares.get(cell, "0.0") for cell in off_diagonal}
    (errors,) = ax.collections
    assert errors.get_clim() == (0, 100)
    assert errors.colorbar.ax.get_ylabel() == "errors (% of the true class)"
    assert ax.get_title() == "Most frequent error: 2 predicted as 0 (100.0 % of class 2)"


def test_no_errors():
    ax = plot_confusion(["a", "b"], ["a", "b"])

    assert ax.get_title() == "Accuracy 1.0000: 2 of 2 right"
    assert ax.collections[0].get_clim() == (0, 1)
    assert plot_confusion(["a", "b"], ["a", "b"], by_class=True).get_title() == "No errors"


def test_labels_give_order_and_absent_classes():
    ax = plot_confusion([1], [1], labels=[2, 1])

    assert annotations(ax) == {(0, 0): "0", (0, 1): "0", (1, 0): "0", (1, 1): "1"}
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["2", "1"]


def test_draws_on_the_given_axes_while_another_is_current():
    _, mine = plt.subplots()
    _, current = plt.subplots()

    assert plot_confusion(Y_TRUE, Y_PRED, ax=mine) is mine
    assert not current.has_data()
    assert len(plt.get_fignums()) == 2


def test_new_figure_does_not_borrow_the_current_one():
    _, current = plt.subplots()

    assert plot_confusion(Y_TRUE, Y_PRED).figure is not current.figure
    assert not current.has_data()


@pytest.mark.parametrize(
    ("y_true", "y_pred", "labels", "message"),
    [
        ([0, 1], [0], None, r"inconsistent numbers of samples: \[2, 1\]"),
        ([], [], None, "0 sample"),
        ([0], [np.nan], None, "Input y_pred contains NaN"),
        ([0], [[0]], None, r"y_pred has shape \(1, 1\)"),
        (["0"], [0], None, "y_true and y_pred cannot be class labels: Mix"),
        ([0, 7], [0, 0], [0, 1], r"labels is \[0, 1\].*\[7\]"),
        ([0], [0], [0, 0], "each class once"),
        ([0], [0], [[0]], "labels has shape"),
    ],
)
def test_bad_input_is_named(y_true, y_pred, labels, message):
    with pytest.raises(ValueError, match=message):
        plot_confusion(y_true, y_pred, labels=labels)
