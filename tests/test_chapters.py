"""Chapters are executed and compared as make does it: which of them, and pictures as eyes do."""

import base64
import importlib.util
import io
import shutil
import subprocess
import sys
from copy import deepcopy
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree

import nbformat
import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

ROOT = Path(__file__).parents[1]
SAMPLE = Path(__file__).parent / "sample.ipynb"
CHAPTER = Path("notebooks/chapter.ipynb")


def loaded(path):
    """Return a file of the project as a module."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def script():
    """Return what executes and compares chapters, as a module."""
    return loaded(ROOT / "docs" / "chapters.py")


def copy_of_project(folder):
    """Copy what is read beside the chapters."""
    for name in ["Makefile", "conftest.py", "pyproject.toml"]:
        shutil.copy(ROOT / name, folder)
    shutil.copytree(ROOT / "docs", folder / "docs")
    (folder / "notebooks").mkdir()
    shutil.copy(ROOT / "notebooks" / "nbconvert_config.py", folder / "notebooks")
    return folder


@pytest.fixture
def chapters(script, tmp_path, monkeypatch):
    """Return the script in a copy of the project, where a chapter fits and reads a benchmark."""
    monkeypatch.chdir(copy_of_project(tmp_path))
    monkeypatch.delenv("FORCE", raising=False)  # as .ci/run sets it
    shutil.copytree(ROOT / "src", "src")
    Path("benchmarks").mkdir()
    Path("benchmarks/table.json").write_text("[]")
    cells = ["import digits_lr as dl", "dl.fit(model, X, y), dl.plot_curves, dl.accuracy"]
    cells += ["json.loads(Path('../benchmarks/table.json').read_text())"]
    cells = [nbformat.v4.new_code_cell(source, outputs=[]) for source in cells]
    cells.append(nbformat.v4.new_markdown_cell("Prose"))
    nbformat.write(nbformat.v4.new_notebook(cells=cells), CHAPTER)
    package = SimpleNamespace(origin="src/digits_lr/__init__.py")
    monkeypatch.setattr(script, "find_spec", {"digits_lr": package}.get)
    script.PASSED.mkdir(parents=True)
    return script


def more(text):
    """Return a file's text with something more at its end, which is Python too."""
    return text + "\nmore = True\n"


@pytest.mark.parametrize(
    ("path", "change", "stays"),
    [
        (CHAPTER, lambda text: text.replace("Prose", "Verse"), True),
        ("src/digits_lr/scores.py", lambda text: text.replace('"""', '"""More. ', 1), True),
        ("src/digits_lr/scores.py", lambda text: text + "# More.\n", True),
        ("src/digits_lr/features.py", more, True),  # which the chapter does not use
        ("src/digits_lr/__init__.py", more, False),
        ("src/digits_lr/scores.py", more, False),
        ("src/digits_lr/figures/_grid.py", more, False),  # by plot_curves
        ("src/digits_lr/fitting/_child.py", more, False),  # by a string in what fit uses
        (CHAPTER, lambda text: text.replace("null", "1", 1), False),
        ("benchmarks/table.json", more, False),
        ("Makefile", more, False),
    ],
)
def test_a_chapter_passed_until_what_its_outputs_come_from_changes(path, change, stays, chapters):
    path = Path(path)
    text = path.read_text()
    chapters.stamp("executed", CHAPTER).touch()
    path.write_text(change(text))

    assert chapters.left("executed", [CHAPTER]) == [CHAPTER] * (not stays)
    path.write_text(text)  # as git brings it back
    assert chapters.left("executed", [CHAPTER]) == []


def test_another_machine_or_purpose_is_a_change(chapters, monkeypatch):
    chapters.stamp("compared", CHAPTER).touch()

    assert chapters.left("executed", [CHAPTER]) == [CHAPTER]
    with monkeypatch.context() as patch:
        patch.setattr(chapters, "threadpool_info", list)
        assert chapters.left("compared", [CHAPTER]) == [CHAPTER]
    assert chapters.left("compared", [CHAPTER]) == []
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Prescott")
    assert chapters.left("compared", [CHAPTER]) == [CHAPTER]


def test_what_is_left_out_is_named_with_what_runs_it(chapters, capsys, monkeypatch):
    other = Path(shutil.copy(CHAPTER, "notebooks/longer.ipynb"))
    chapters.stamp("compared", CHAPTER).touch()

    assert chapters.left("compared", [CHAPTER, other]) == [other]
    assert capsys.readouterr().out == (
        f"{CHAPTER} is as it was when compared. All the same: make test FORCE=1\n"
    )
    monkeypatch.setenv("FORCE", "1")
    assert chapters.left("compared", [CHAPTER, other]) == [other, CHAPTER]


@pytest.mark.parametrize(
    ("outcomes", "meanwhile", "passed"),
    [
        (["passed"] * 3, False, True),
        (["passed"] * 3, True, False),
        (["passed"] * 2, False, False),  # interrupted
        (["passed", "failed", "passed"], False, False),
        (["passed", "passed", "skipped"], False, False),
    ],
)
def test_a_chapter_has_passed_when_all_cells_have_and_nothing_changed_meanwhile(
    outcomes, meanwhile, passed, chapters
):
    comparison = chapters.Comparison([CHAPTER])
    if meanwhile:
        Path("src/digits_lr/scores.py").write_text("")
    for number, outcome in enumerate(outcomes):
        name = f"{CHAPTER}::Cell {number}"
        for when in ["setup", "call"]:
            report = pytest.TestReport(name, ("", 0, ""), {}, outcome, None, when)
            comparison.pytest_runtest_logreport(report)

    assert len([*chapters.PASSED.iterdir()]) == passed
    assert (chapters.left("compared", [CHAPTER]) == []) is passed


def encoded(pixels, **options):
    """Return pixels as a stored notebook has them: a PNG in base64."""
    packed = io.BytesIO()
    Image.fromarray(pixels).save(packed, format="png", **options)
    return base64.b64encode(packed.getvalue()).decode()


@cache
def drawn(title="Accuracy 0.9556"):
    """Return the pixels of a figure."""
    figure = Figure(figsize=(6, 3), dpi=150)
    figure.suptitle(title)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return np.asarray(Image.open(buffer))


def changed(levels, pixels):
    """Return the figure with its first `pixels` pixels darker by `levels`."""
    image = drawn().copy()
    image[..., :3].reshape(-1, 3)[:pixels] -= np.uint8(levels)
    return image


def brighter(output, levels):
    """Return the pixels of a picture, one of them brighter by `levels`."""
    png = base64.b64decode(output.data["image/png"])
    pixels = np.asarray(Image.open(io.BytesIO(png)).convert("RGBA")).copy()
    pixels[6, 5, 0] += levels
    return pixels


@pytest.mark.parametrize(
    ("new", "equal"),
    [
        (lambda: drawn(), True),
        (lambda: changed(levels=4, pixels=59), True),  # as measured: 0.02 % of 900 x 450 pixels
        (lambda: changed(levels=8, pixels=405), True),
        (lambda: changed(levels=8, pixels=406), False),
        (lambda: changed(levels=9, pixels=1), False),
        (lambda: drawn(title="Accuracy 0.9557"), False),
        (lambda: drawn()[1:], False),
    ],
)
def test_picture_equals_what_nobody_tells_from_it(new, equal, tmp_path):
    Picture = loaded(ROOT / "conftest.py").Picture
    cell = SimpleNamespace(
        config=SimpleNamespace(rootpath=tmp_path),
        path=Path("chapter.ipynb"),
        cell_num=3,
        user_properties=[],
    )

    stored = Picture(encoded(drawn()), cell)

    # Other bytes for the same pixels, as another zlib has them.
    assert (stored == Picture(encoded(new(), compress_level=1))) is equal
    assert bool(cell.user_properties) is (equal and bool((new() != drawn()).any()))


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    """Return a folder where nbval ran once over two chapters, and what it said."""
    folder = copy_of_project(tmp_path_factory.mktemp("compared"))
    for digit, levels in [(7, 8), (8, 9)]:
        notebook = nbformat.read(SAMPLE, as_version=4)
        notebook.cells[2].outputs[0].text = f"{digit}\n"
        (output,) = notebook.cells[-1].outputs
        output.data["image/png"] = encoded(brighter(output, levels))
        nbformat.write(notebook, folder / f"notebooks/by{levels}.ipynb")
    done = subprocess.run(
        [
            *[sys.executable, "docs/chapters.py", "compared", "--nbval", "--nbval-current-env"],
            *["--numprocesses=1", "--dist=loadscope", "--color=no", "--junit-xml=cases.xml"],
            *["notebooks/by8.ipynb", "notebooks/by9.ipynb"],
        ],
        capture_output=True,
        text=True,
        cwd=folder,
    )
    assert "2 failed, 4 passed" in done.stdout, done.stdout + done.stderr
    return folder, done.stdout


def test_nbval_rejects_one_wrong_digit_and_the_chapter_that_passed_is_noted(compared):
    folder, said = compared
    (passed,) = (folder / "build" / "passed").iterdir()

    assert "FAILED notebooks/by9.ipynb::Cell 1" in said
    assert passed.name.startswith("by8-compared-")


def test_the_benchmark_of_processors_names_what_nbval_found(compared, monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    from bench_processors import found_in

    cases = ElementTree.parse(compared[0] / "cases.xml").findall(".//testcase")
    by8, by9 = (
        found_in(SAMPLE, [c for c in cases if name in c.get("classname")])
        for name in ["by8", "by9"]
    )

    assert (by8["failed"], by9) == ([], {"failed": ["print", "figure"], "pictures": []})
    (line,) = by8["pictures"]
    assert line.startswith("`figure`: pictures differ by at most 8 of 255 levels in 1")


@pytest.mark.parametrize("levels", [8, 9])
def test_nbval_shows_both_pictures_when_they_differ(levels, compared):
    folder, said = compared
    paths = sorted(folder.glob(f"build/pictures/by{levels}*"))
    difference, new, stored = (np.asarray(Image.open(path)) for path in paths)

    assert (f"FAILED notebooks/by{levels}.ipynb::Cell 2" in said) is (levels == 9)
    assert f"differ by at most {levels} of 255 levels in 1 of 40,000 pixels" in said
    assert [path.stem for path in paths] == [
        f"by{levels}-cell-2-{name}" for name in ("difference", "new", "stored")
    ]
    assert all(str(path.relative_to(folder)) in said for path in paths)
    assert np.argwhere(difference == 0).tolist() == [[6, 5]]
    assert stored[6, 5, 0] - new[6, 5, 0] == levels


def test_executing_keeps_all_but_new_texts_and_pictures_that_nbval_would_not_pass(tmp_path):
    path = copy_of_project(tmp_path) / CHAPTER
    notebook = nbformat.read(SAMPLE, as_version=4)
    cell = notebook.cells[-1]
    (output,) = cell.outputs
    near, far = deepcopy(output), deepcopy(output)
    near.data["image/png"] = encoded(brighter(output, 8))
    far.data["image/png"] = encoded(brighter(output, 9))
    cell.source = f"{cell.source}\nprint(7)\n{cell.source}"
    # The last one is of a figure that the cell no longer draws.
    cell.outputs = [near, nbformat.v4.new_output("stream", text="6\n"), far, near]
    nbformat.write(notebook, path)

    done = subprocess.run(
        [sys.executable, "docs/chapters.py", "executed", "1", CHAPTER],
        check=True,
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )

    result = nbformat.read(path, as_version=4)
    new = result.cells[-1].outputs.pop()
    assert (brighter(new, 0) == brighter(output, 0)).all()
    cell.outputs = [near, nbformat.v4.new_output("stream", text="7\n")]
    assert result == notebook
    assert done.stdout == "chapter: A small notebook\n"  # how far it is, one heading a line
    assert len([*tmp_path.glob("build/passed/chapter-executed-*")]) == 1
