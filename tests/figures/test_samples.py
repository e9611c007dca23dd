import numpy as np
import pytest

from digits_lr import plot_samples

IMAGES = np.arange(7 * 6, dtype=float).reshape(7, 2, 3)


def test_samples_show_each_image_under_its_label():
    fig = plot_samples(IMAGES, list("abcdefg"))

    drawn = [ax for ax in fig.axes if ax.images]
    assert [ax.get_title() for ax in drawn] == [f"label {letter}" for letter in "abcdefg"]
    for ax, image in zip(drawn, IMAGES, strict=True):
        np.testing.assert_array_equal(ax.images[0].get_array(), image)
        assert ax.images[0].get_clim() == (0, 41)  # one grey scale for all
    assert len(fig.axes) == 7  # the last row has no empty frames
    assert not any(list(ax.get_xticks()) + list(ax.get_yticks()) for ax in fig.axes)
    assert all(spine.get_visible() for ax in fig.axes for spine in ax.spines.values())


@pytest.mark.parametrize(("smooth", "how"), [(False, "nearest"), (True, "bilinear")])
def test_small_images_can_be_drawn_smooth(smooth, how):
    fig = plot_samples(IMAGES, range(7), smooth=smooth)
    assert {ax.images[0].get_interpolation() for ax in fig.axes} == {how}


def test_samples_accept_integers_bools_and_blank_images():
    fig = plot_samples(np.zeros((1, 2, 2), dtype=np.uint8), [True])

    assert fig.axes[0].images[0].get_clim() == (0, 1)


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (IMAGES[0], [1, 2], r"images has shape \(2, 3\); wanted \(n_images, height, width\)"),
        (IMAGES[:0], [], r"0 sample.s. \(shape=\(0, 2, 3\)\)"),
        (IMAGES, [1, 2], r"inconsistent numbers of samples: \[7, 2\]"),
        (IMAGES, np.zeros((7, 1), int), r"labels has shape \(7, 1\)"),
        (IMAGES, np.full(7, np.nan), "Input labels contains NaN"),
        (np.where(IMAGES == 5, np.nan, IMAGES), range(7), "Input images contains NaN"),
        (IMAGES, np.arange(7) / 2, "labels cannot be class labels"),
        (IMAGES.astype(str), range(7), "strings"),
    ],
)
def test_samples_reject_bad_input(images, labels, message):
    with pytest.raises(ValueError, match=message):
        plot_samples(images, labels)
