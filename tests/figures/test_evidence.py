import numpy as np
import pytest

from digits_lr import plot_evidence

IMAGES = np.arange(12).reshape(3, 2, 2)
EVIDENCE = np.outer([1, 2, 3], [1, -2, 0, 0.5])
Y_TRUE, Y_PRED = [7, 2, 0], [2, 4, 5]


def test_each_image_stands_over_its_evidence_on_one_symmetric_scale():
    axs = plot_evidence(IMAGES, EVIDENCE, Y_TRUE, Y_PRED)

    titles = ["7 as 2", "2 as 4", "0 as 5"]
    assert [ax.get_title() for ax in axs.flat] == [*titles, "", "", ""]
    for ax, values in zip(axs.flat, [*IMAGES, *EVIDENCE], strict=True):
        np.testing.assert_array_equal(ax.images[0].get_array(), values.reshape(2, 2))
    assert {ax.images[0].get_clim() for ax in axs[0]} == {(0, 11)}
    assert {ax.images[0].get_clim() for ax in axs[1]} == {(-6, 6)}
    assert len(axs[0, 0].figure.axes) == 7  # and the colour bar


def test_the_strongest_pixel_is_on_the_scale_however_few_are_like_it():
    evidence = np.ones((1, 1000))
    evidence[0, 7] = 9
    axs = plot_evidence(np.ones((1, 25, 40)), evidence, [7], [2])
    assert axs[1, 0].images[0].get_clim() == (-9, 9)


GOOD = {"images": IMAGES, "evidence": EVIDENCE, "y_true": Y_TRUE, "y_pred": Y_PRED}


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"images": IMAGES[0]}, r"images has shape \(2, 2\); wanted \(n_images"),
        (
            {"evidence": EVIDENCE[:2]},
            "images has length 3, evidence has length 2, y_true has length 3",
        ),
        ({"evidence": EVIDENCE[0]}, r"evidence has shape \(4,\); wanted \(n_images, n_pixels\)"),
        ({"evidence": EVIDENCE[:, :2]}, "evidence has 2 columns; wanted one for each of the 4"),
        ({"y_true": ["7", "2", "0"]}, "y_true and y_pred cannot be"),
    ],
)
def test_bad_input_is_named(changed, message):
    with pytest.raises(ValueError, match=message):
        plot_evidence(**GOOD | changed)
