import os
import platform
import subprocess
import sys

import numpy as np
import pytest
from joblib import parallel_config, register_parallel_backend
from joblib.parallel import LokyBackend
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils import estimator_checks

from digits_lr import ParetoScaler, StrokeDirections, Upright

# What other processors would run: OpenBLAS's kernels, under the oldest without NumPy's newer loops.
KERNELS = {
    "x86_64": ["Prescott", "Nehalem", "Haswell"],
    "aarch64": ["ARMV8", "NEOVERSEN1"],
}.get(platform.machine(), [])
PROCESSORS = [{"OPENBLAS_CORETYPE": name} for name in KERNELS] or [{}]
FOUND = np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])
if FOUND:
    PROCESSORS[0]["NPY_DISABLE_CPU_FEATURES"] = " ".join(FOUND)
DIGEST = """
import hashlib
import numpy as np
from digits_lr import StrokeDirections, Upright

X = np.random.default_rng(0).integers(0, 256, (300, 784)) / 255
for transformer in [StrokeDirections(), StrokeDirections(12, cell=3), Upright()]:
    print(hashlib.sha256(transformer.fit_transform(X).tobytes()).hexdigest())
"""
TRANSFORMERS = [Upright(), StrokeDirections(), StrokeDirections(n_directions=12, cell=3)]


def digest(variables):
    """Return what the features of some images hash to, in a process with these variables."""
    command = [sys.executable, "-c", DIGEST]
    return subprocess.check_output(command, env=os.environ | variables, text=True).split()


@pytest.fixture(scope="module")
def on_two_threads():
    """Return the digests on this processor, with two BLAS threads."""
    return digest({"OPENBLAS_NUM_THREADS": "2"})


@pytest.fixture
def spots():
    """Return 450 images of a random spot in the middle, and a blank one."""
    images = np.zeros((451, 28, 28))
    images[:-1, 11:17, 11:17] = np.random.default_rng(0).integers(1, 256, (450, 6, 6))
    return images


def rows(images):
    return np.reshape(images, (len(images), -1))


@pytest.mark.parametrize("transformer", TRANSFORMERS, ids=repr)
def test_batches_of_any_size_give_the_same_to_the_last_bit(transformer, spots, monkeypatch):
    whole = transformer.fit_transform(rows(spots))

    assert whole.any(axis=1).sum() == 450
    for size in [1, 7, 450, 1000]:
        monkeypatch.setattr("digits_lr.features._BATCH", size)
        np.testing.assert_array_equal(transformer.transform(rows(spots)), whole)


@pytest.mark.parametrize("variables", PROCESSORS, ids=str)
def test_features_are_the_same_to_the_last_bit_on_other_processors(variables, on_two_threads):
    assert digest(variables) == on_two_threads


@pytest.mark.parametrize("transformer", [Upright(), StrokeDirections()], ids=repr)
def test_features_have_no_names_before_a_fit(transformer):
    with pytest.raises(NotFittedError):
        clone(transformer).get_feature_names_out()


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")  # array API is not set
@pytest.mark.filterwarnings("ignore::scipy.sparse.SparseEfficiencyWarning")  # of a check's own
@pytest.mark.parametrize("transformer", [Upright(), StrokeDirections(), ParetoScaler()], ids=repr)
def test_scikit_learns_own_checks_pass(transformer, monkeypatch):
    # This adapts the checks' few pixels to an estimator. If it is no longer there, look what does
    # that in scikit-learn's `estimator_checks`.
    adapt = estimator_checks._enforce_estimator_tags_X

    def adapt_to_784_pixels(estimator, X, **options):
        X = adapt(estimator, X, **options)
        return np.tile(X, 784)[:, :784] if hasattr(estimator, "image_shape") else X

    monkeypatch.setattr(estimator_checks, "_enforce_estimator_tags_X", adapt_to_784_pixels)
    estimator_checks.check_estimator(transformer)


@pytest.mark.parametrize("transformer", TRANSFORMERS, ids=repr)
def test_data_frames_come_out_with_names(transformer, spots):
    features = transformer.fit_transform(rows(spots))

    frame = clone(transformer).set_output(transform="pandas").fit_transform(rows(spots))

    prefix = "x" if isinstance(transformer, Upright) else "strokedirections"
    assert list(frame) == [f"{prefix}{number}" for number in range(features.shape[1])]
    np.testing.assert_array_equal(frame, features)


def test_batches_run_on_the_active_joblib_backend(spots):
    class Recording(LokyBackend):  # processes: what runs there must pickle
        def effective_n_jobs(self, n_jobs):
            asked.append(n_jobs)
            return super().effective_n_jobs(n_jobs)

    asked = []
    register_parallel_backend("recording_loky", Recording)
    with parallel_config("recording_loky", n_jobs=2):
        features = StrokeDirections(n_jobs=None).fit_transform(rows(spots))

    assert set(asked) == {2}
    np.testing.assert_array_equal(features, StrokeDirections().fit_transform(rows(spots)))


@pytest.mark.parametrize("transformer", TRANSFORMERS, ids=repr)
@pytest.mark.parametrize("dtype", [bool, np.uint8, np.float32])
def test_pixels_of_any_type_give_float64(transformer, dtype, spots):
    images = rows(spots).astype(dtype)

    features = transformer.fit_transform(images)

    assert features.dtype == np.float64
    np.testing.assert_array_equal(features, transformer.transform(images.astype(float)))


@pytest.mark.parametrize("transformer", TRANSFORMERS, ids=repr)
def test_a_blank_image_gives_zeros(transformer, spots):
    assert not transformer.fit_transform(rows(spots))[-1].any()


def test_any_amount_of_ink_gives_the_same_strokes_of_unit_length(spots):
    directions = StrokeDirections().fit(rows(spots))
    features = directions.transform(rows(spots))

    # Rounding the features to 16 bits is what keeps it from being exact.
    np.testing.assert_allclose(np.linalg.norm(features[:-1], axis=1), 1, rtol=1e-4)
    np.testing.assert_array_equal(directions.transform(rows(spots / 255)), features)
    np.testing.assert_array_equal(directions.transform(rows(spots * 1e300)), features)
    upright = Upright().fit(rows(spots))
    np.testing.assert_allclose(
        upright.transform(rows(spots * 1e300)), 1e300 * upright.transform(rows(spots))
    )


def test_no_power_is_too_high_for_the_ink(spots):
    features = StrokeDirections(power=400).fit_transform(rows(spots))

    assert features.any(axis=1).sum() == 450
    assert features.max() <= 1


@pytest.mark.parametrize(("down", "right"), [(1, 0), (0, -1), (-1, 1)])
def test_a_shift_by_a_cell_moves_the_maps_by_one(spots, down, right):
    directions = StrokeDirections(cell=4, power=1)
    maps = directions.fit_transform(rows(spots)).reshape(-1, 8, 8, 8)

    moved = directions.transform(rows(np.roll(spots, (4 * down, 4 * right), axis=(1, 2))))

    expected = np.roll(maps, (down, right), axis=(2, 3))
    np.testing.assert_allclose(moved.reshape(maps.shape), expected, atol=1e-3)


def test_a_quarter_turn_permutes_the_maps_and_the_directions(spots):
    directions = StrokeDirections(n_directions=8)
    maps = directions.fit_transform(rows(spots)).reshape(-1, 8, 8, 8)

    turned = directions.transform(rows(np.rot90(spots, axes=(1, 2)))).reshape(maps.shape)

    # Against the clock by two of the eight directions, which are counted clockwise.
    expected = np.roll(np.rot90(maps, axes=(2, 3)), -2, axis=1)
    np.testing.assert_allclose(turned, expected, atol=1e-4)


def test_directions_are_shared_between_the_two_nearest():
    ramp = np.add.outer(np.arange(28) * np.tan(np.pi / 8), np.arange(28))  # faces between 0 and 1

    maps = StrokeDirections(power=1).fit_transform(rows(ramp[np.newaxis])).reshape(8, -1)

    np.testing.assert_allclose(maps[0], maps[1], rtol=1e-4)
    np.testing.assert_allclose(maps[2:], 0, atol=1e-6)


def test_the_grid_follows_images_that_are_not_square():
    images = np.random.default_rng(0).random((3, 20 * 12))

    features = StrokeDirections(image_shape=(20, 12)).fit_transform(images)

    assert features.shape == (3, 8 * 6 * 4)
    assert Upright((20, 12)).fit_transform(images).shape == images.shape


@pytest.mark.parametrize("slope", [-0.5, 0, 0.3])
def test_upright_takes_the_slope_and_keeps_centre_and_ink(slope):
    height, width = np.indices((28, 28))
    leaning = np.exp(-((width - 14 - slope * (height - 12)) ** 2) / 4 - (height - 12) ** 2 / 30)

    upright = Upright().fit_transform(rows([leaning])).reshape(28, 28)

    ink = upright / upright.sum()
    assert upright.sum() == pytest.approx(leaning.sum(), rel=1e-3)
    assert (ink * width).sum() == pytest.approx(14, abs=0.01)
    assert (ink * (width - 14) * (height - 12)).sum() == pytest.approx(0, abs=0.1)


def test_upright_keeps_one_row_of_ink():
    images = np.zeros((1, 28, 28))
    images[0, 5, 3:20] = 9

    np.testing.assert_array_equal(Upright().fit_transform(rows(images)), rows(images))


@pytest.mark.parametrize(
    ("transformer", "X", "message"),
    [
        (Upright(), np.ones((2, 64)), r"X has 64 features; wanted 784, .* image_shape=\(28, 28\)"),
        (StrokeDirections(), np.full((2, 784), np.nan), "NaN"),
        (StrokeDirections(n_directions=1), np.ones((2, 784)), "n_directions is 1; wanted"),
        (StrokeDirections(n_directions=4.5), np.ones((2, 784)), "n_directions is 4.5; wanted"),
        (StrokeDirections(cell=0), np.ones((2, 784)), "cell is 0; wanted"),
        (StrokeDirections(cell=np.inf), np.ones((2, 784)), "cell is inf; wanted"),
        (StrokeDirections(power=np.nan), np.ones((2, 784)), "power is nan; wanted"),
        (Upright(image_shape=784), np.ones((2, 784)), "image_shape is 784; wanted"),
        (Upright(image_shape=(784, 1)), np.ones((2, 784)), "image_shape is .784, 1.; wanted"),
        (Upright(image_shape=((1, 2), 3)), np.ones((2, 784)), "image_shape is .*; wanted"),
        (Upright(image_shape=(28.0, 28.0)), np.ones((2, 784)), "image_shape is .28.0, 28.0.; wa"),
    ],
)
def test_bad_input_is_named(transformer, X, message):
    with pytest.raises(ValueError, match=message):
        transformer.fit(X)


def test_transform_checks_what_fit_checked():
    directions = StrokeDirections().fit(np.ones((2, 784)))
    with pytest.raises(ValueError, match="64 features"):
        directions.transform(np.ones((2, 64)))


def test_pareto_scaling_is_half_way_to_unit_variance_and_learns_from_the_fitted_images_alone():
    X = np.random.default_rng(0).normal(5, [0.01, 1, 100, 0], (50, 4)).astype(np.float32)
    scaler = ParetoScaler().fit(X)

    scaled = scaler.transform(X)

    assert scaled.dtype == np.float32
    np.testing.assert_allclose(scaled.mean(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(scaled.std(axis=0), np.sqrt(X.std(axis=0)), rtol=1e-3)
    np.testing.assert_array_equal(scaler.transform(X[:5]), scaled[:5])
    np.testing.assert_allclose(scaler.inverse_transform(scaled), X, rtol=1e-4)


def test_pareto_scaling_in_batches_and_without_a_scale():
    X = np.random.default_rng(0).normal(5, [1, 9], (50, 2))
    in_batches = ParetoScaler().partial_fit(X[:20]).partial_fit(X[20:])

    np.testing.assert_allclose(in_batches.scale_, ParetoScaler().fit(X).scale_)
    assert ParetoScaler(with_std=False).fit(X).scale_ is None
