import numpy as np
import pytest

from digits_lr import plot_samples

IMAGES = np.arange(7 * 6, dtype=float).reshape(7, 2, 3)


def test_samples_show_each_image_under_its_label():
    axs = plot_samples(IMAGES, list("abcdefg"))

    assert [ax.get_title() for ax in axs] == [f"label {letter}" for letter in "abcdefg"]
    for ax, image in zip(axs, IMAGES, strict=True):
        np.testing.assert_array_equal(ax.images[0].get_array(), image)
        assert ax.images[0].get_clim() == (0, 41)  # one grey scale for all
        assert not [*ax.get_xticks(), *ax.get_yticks()]
        assert all(spine.get_visible() for spine in ax.spines.values())
    assert axs[0].figure.axes == [*axs]  # the last row has no empty frames
    assert axs[0].get_gridspec().get_geometry() == (2, 5)


@pytest.mark.parametrize("images", [np.zeros((1, 2, 2), dtype=np.uint8), -IMAGES[1:2]])
def test_zero_and_below_is_white(images):
    (ax,) = plot_samples(images, [True])

    assert ax.images[0].get_clim() == (0, 1)
    ax.figure.draw_without_rendering()


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (IMAGES[0], [1, 2], r"images has shape \(2, 3\); wanted \(n_images, height, width\)"),
        (IMAGES[:0], [], r"images: Found array with 0 sample"),
        (np.full((7, 2, 3), np.nan), range(7), "images: Input contains NaN"),
        (None, range(7), "images: .*got scalar"),
        (IMAGES, [1, 2], "images has length 7, labels has length 2"),
        (IMAGES, 7, "labels: .*got scalar"),
        (IMAGES, np.zeros((7, 1), int), r"labels has shape \(7, 1\)"),
        (IMAGES[:2], ["a", None], "labels cannot be class labels: '<' not supported"),
    ],
)
def test_bad_input_is_named(images, labels, message):
    with pytest.raises(ValueError, match=message):
        plot_samples(images, labels)
