"""Pictures are compared as eyes do: by nbval, and by `make notebooks` before it stores one anew."""

import base64
import importlib.util
import io
import shutil
import subprocess
import sys
from copy import deepcopy
from pathlib import Path
from types import SimpleNamespace

import nbformat
import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

ROOT = Path(__file__).parents[1]
SAMPLE = Path(__file__).parent / "notebooks_pass_and_fail" / "sample-pass.ipynb"


@pytest.fixture(scope="module")
def conftest():
    """Return the root's conftest as a module."""
    spec = importlib.util.spec_from_file_location("pictures", ROOT / "conftest.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def encoded(pixels, **options):
    """Return pixels as a stored notebook has them: a PNG in base64."""
    packed = io.BytesIO()
    Image.fromarray(pixels).save(packed, format="png", **options)
    return base64.b64encode(packed.getvalue()).decode()


def drawn(title="Accuracy 0.9556", cmap="RdBu", height=3.0):
    """Return the pixels of a figure with text, bars and colours."""
    figure = Figure(figsize=(6, 3), dpi=150)
    bars, image = figure.subplots(ncols=2)
    bars.bar(range(3), [1, 2, height])
    bars.set(title=title, ylim=(0, 4))
    image.imshow(np.arange(100).reshape(10, 10), cmap=cmap)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return np.asarray(Image.open(buffer)).copy()


def changed(levels, pixels):
    """Return the figure with its first `pixels` pixels darker by `levels`."""
    image = drawn()
    image[..., :3].reshape(-1, 3)[:pixels] -= np.uint8(levels)
    return image


def brighter(output, levels):
    """Return the pixels of a picture, one of them brighter by `levels`."""
    png = base64.b64decode(output.data["image/png"])
    pixels = np.asarray(Image.open(io.BytesIO(png))).copy()
    pixels[6, 5, 0] += levels
    return pixels


@pytest.mark.parametrize(
    ("new", "equal"),
    [
        (lambda: drawn(), True),
        (lambda: changed(levels=4, pixels=59), True),  # as measured: 0.02 % of 900 x 450 pixels
        (lambda: changed(levels=8, pixels=405), True),
        (lambda: changed(levels=8, pixels=406), False),
        (lambda: changed(levels=1, pixels=406), False),
        (lambda: changed(levels=9, pixels=1), False),
        (lambda: drawn(title="Accuracy 0.9557"), False),
        (lambda: drawn(cmap="RdBu_r"), False),
        (lambda: drawn(height=2.98), False),
        (lambda: drawn()[1:], False),
    ],
)
def test_picture_equals_what_nobody_tells_from_it(new, equal, conftest, tmp_path):
    cell = SimpleNamespace(
        config=SimpleNamespace(rootpath=tmp_path),
        path=Path("chapter.ipynb"),
        cell_num=3,
        user_properties=[],
    )

    stored = conftest.Picture(encoded(drawn()), cell)

    # Other bytes for the same pixels, as another zlib has them.
    assert (stored == conftest.Picture(encoded(new(), compress_level=1))) is equal
    assert bool(cell.user_properties) is (equal and bool((new() != drawn()).any()))


@pytest.mark.parametrize(("levels", "summary"), [(8, "3 passed"), (9, "1 failed, 2 passed")])
def test_nbval_shows_both_pictures_when_they_differ(levels, summary, tmp_path):
    notebook = nbformat.read(SAMPLE, as_version=4)
    (output,) = notebook.cells[-1].outputs
    output.data["image/png"] = encoded(brighter(output, levels))
    nbformat.write(notebook, tmp_path / "sample.ipynb")
    shutil.copy(ROOT / "conftest.py", tmp_path)

    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--nbval", "--nbval-current-env", "--color=no", tmp_path],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )

    assert summary in done.stdout
    assert ("FAILED sample.ipynb::Cell 2" in done.stdout) is (levels == 9)
    assert f"differ by at most {levels} of 255 levels in 1 of 40,000 pixels" in done.stdout
    paths = sorted(tmp_path.glob("build/pictures/*"))
    assert [path.stem for path in paths] == [
        f"sample-cell-2-{name}" for name in ("difference", "new", "stored")
    ]
    assert all(str(path.relative_to(tmp_path)) in done.stdout for path in paths)
    difference, new, stored = (np.asarray(Image.open(path)) for path in paths)
    assert np.argwhere(difference == 0).tolist() == [[6, 5]]
    assert (stored == brighter(output, 0)).all()
    assert new[6, 5, 0] == stored[6, 5, 0] - levels


def test_make_notebooks_keeps_the_pictures_that_nbval_passes_and_no_text(tmp_path):
    notebook = nbformat.read(SAMPLE, as_version=4)
    cell = notebook.cells[-1]
    (output,) = cell.outputs
    near, far = deepcopy(output), deepcopy(output)
    near.data["image/png"] = encoded(brighter(output, 8))
    far.data["image/png"] = encoded(brighter(output, 9))
    # The last one is of a figure that the cell no longer draws.
    cell.outputs = [near, nbformat.v4.new_output("stream", text="6\n"), far, near]
    cell.source = f"{cell.source}\nprint(7)\n{cell.source}"
    nbformat.write(notebook, tmp_path / "sample.ipynb")
    command = ["-m", "nbconvert", "--config", ROOT / "notebooks" / "nbconvert_config.py"]

    subprocess.run(
        [sys.executable, *command, "--to=notebook", "--execute", "--inplace", "sample.ipynb"],
        check=True,
        cwd=tmp_path,
    )

    first, text, second = nbformat.read(tmp_path / "sample.ipynb", as_version=4).cells[-1].outputs
    assert first == near
    assert text.text == "7\n"
    assert (brighter(second, 0) == brighter(output, 0)).all()
