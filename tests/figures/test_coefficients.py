import numpy as np
import pytest

from digits_lr import plot_coefficients

COEF = np.array([[0.5, -2.0, 0, 1, 0, 0], [0, 0, 1.5, 0, 0, -1]])


def test_every_class_is_drawn_on_one_symmetric_scale():
    fig = plot_coefficients(COEF, (2, 3), labels=["a", "b"])

    drawn = [ax for ax in fig.axes if ax.get_title()]
    assert [ax.get_title() for ax in drawn] == ["class a", "class b"]
    for ax, row in zip(drawn, COEF, strict=True):
        np.testing.assert_array_equal(ax.images[0].get_array(), row.reshape(2, 3))
        assert ax.images[0].get_clim() == (-2, 2)
        assert ax.images[0].get_cmap().name == "RdBu"


@pytest.mark.parametrize(
    ("coef", "end"), [(COEF != 0, 1), (np.array([[-128, 1, 2, 3, 0, 0]], np.int8), 130)]
)
def test_numbers_of_any_type_are_drawn(coef, end):
    (image,) = plot_coefficients(coef, (2, 3)).axes[0].images
    assert image.get_clim() == (-end, end)


def test_zero_is_the_middle_of_the_map():
    image = plot_coefficients(COEF, (2, 3)).axes[0].images[0]

    red, green, blue, _ = image.cmap(image.norm(0.0))
    assert min(red, green, blue) > 0.95


def test_one_colour_bar_and_default_labels():
    fig = plot_coefficients(np.ones((7, 4)), (2, 2))

    assert [ax.get_title() for ax in fig.axes if ax.get_title()] == [f"class {k}" for k in range(7)]
    assert [ax.get_ylabel() for ax in fig.axes].count("coefficient") == 1


@pytest.mark.parametrize(
    ("strongest", "end", "label", "extend"),
    [
        (1.23, 1.3, "coefficient", "neither"),  # rounded up, whatever the last digits are
        (9.0, 1.0, "coefficient\n1 of 1,000 beyond, up to 9", "both"),
        (-9.0, 1.0, "coefficient\n1 of 1,000 beyond, up to 9", "both"),
    ],
)
def test_a_strong_pixel_does_not_wash_out_the_rest(strongest, end, label, extend):
    coef = np.ones((10, 100))
    coef[3, 5] = strongest
    image = plot_coefficients(coef, (10, 10)).axes[9].images[0]
    assert image.get_clim() == (-end, end)
    assert image.colorbar.ax.get_ylabel() == label
    assert image.colorbar.extend == extend


def test_all_zero_coefficients_are_white():
    assert plot_coefficients(np.zeros((1, 4)), (2, 2)).axes[0].images[0].get_clim() == (-1, 1)


@pytest.mark.parametrize(
    ("coef", "image_shape", "labels", "message"),
    [
        (COEF[0], (2, 3), None, r"coef has shape \(6,\); wanted \(n_classes, n_pixels\)"),
        (COEF[:0], (2, 3), None, "0 sample"),
        (COEF, (2, 2), None, "image_shape is .2, 2.* height . width = 6"),
        (COEF, (6,), None, "image_shape is"),
        (COEF, 6, None, "image_shape is 6"),
        (COEF, (-2, -3), None, "image_shape is"),
        (COEF, (2.0, 3.0), None, "image_shape is"),
        (COEF, (2, 3), [1], r"inconsistent numbers of samples: \[2, 1\]"),
        (np.full((2, 6), np.inf), (2, 3), None, "Input coef contains infinity"),
    ],
)
def test_bad_input_is_named(coef, image_shape, labels, message):
    with pytest.raises(ValueError, match=message):
        plot_coefficients(coef, image_shape, labels=labels)
