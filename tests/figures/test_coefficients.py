import numpy as np
import pytest

from digits_lr import plot_coefficients

COEF = np.array([[0.5, -2.0, 0, 1, 0, 0], [0, 0, 1.5, 0, 0, -1]])


def test_every_class_is_drawn_on_one_symmetric_scale():
    axs = plot_coefficients(COEF, (2, 3), labels=["a", "b"])

    assert [ax.get_title() for ax in axs] == ["class a", "class b"]
    for ax, row in zip(axs, COEF, strict=True):
        (image,) = ax.images
        np.testing.assert_array_equal(image.get_array(), row.reshape(2, 3))
        assert image.get_clim() == (-2, 2)
        white, blue = image.cmap(image.norm([0.0, 2.0]))
        assert white[:3].min() > 0.95
        assert blue[2] > 2 * blue[0]


def test_one_colour_bar_and_default_labels():
    axs = plot_coefficients(np.ones((7, 4)), (2, 2))

    assert [ax.get_title() for ax in axs] == [f"class {k}" for k in range(7)]
    (bar,) = set(axs[0].figure.axes) - set(axs)
    assert bar.get_xlabel() == "coefficient"


@pytest.mark.parametrize(
    ("coef", "end"),
    [
        (COEF != 0, 1),
        (np.array([[-128, 1, 2, 3, 0, 0]], np.int8), 130),
        (np.zeros((1, 6)), 1),  # all white
    ],
)
def test_numbers_of_any_type_are_drawn(coef, end):
    assert plot_coefficients(coef, (2, 3))[0].images[0].get_clim() == (-end, end)


@pytest.mark.parametrize(
    ("strongest", "end", "label", "extend"),
    [
        (1.23, 1.3, "coefficient", "neither"),  # rounded up, whatever the last digits are
        (9.0, 1.0, "coefficient\n1 of 1,000 beyond, up to 9", "both"),
    ],
)
def test_a_strong_pixel_does_not_wash_out_the_rest(strongest, end, label, extend):
    coef = np.ones((10, 100))
    coef[3, 5] = strongest
    image = plot_coefficients(coef, (10, 10))[9].images[0]
    assert image.get_clim() == (-end, end)
    assert image.colorbar.ax.get_xlabel() == label
    assert image.colorbar.extend == extend


@pytest.mark.parametrize(
    ("coef", "image_shape", "labels", "message"),
    [
        (COEF[0], (2, 3), None, r"coef has shape \(6,\); wanted \(n_classes, n_pixels\)"),
        (COEF, (2, 2), None, "image_shape is .2, 2.* height . width = 6"),
        (COEF, 6, None, "image_shape is 6"),
        (COEF, (-2, -3), None, "image_shape is"),
        (COEF, (2, 3), [1], "coef has length 2, labels has length 1"),
    ],
)
def test_bad_input_is_named(coef, image_shape, labels, message):
    with pytest.raises(ValueError, match=message):
        plot_coefficients(coef, image_shape, labels=labels)
