"""What README.md, the start page and the page Try it show is what the notebooks store."""

import runpy
from pathlib import Path

import numpy as np
import pytest

import digits_lr as dl

ROOT = Path(__file__).parents[1]
STORED = runpy.run_path(ROOT / "docs" / "stored_outputs.py")
figure, printed = STORED["figure"], STORED["printed"]
MODEL = runpy.run_path(ROOT / "docs" / "store_model.py")


@pytest.mark.parametrize("name", STORED["FIGURES"])
def test_figures_outside_the_notebooks_are_theirs(name):
    png, metadata = figure(*STORED["FIGURES"][name])

    assert (ROOT / "docs" / name).read_bytes() == png
    assert metadata["alt"]


def test_readme_and_start_page_show_every_figure():
    readme, start = (ROOT / "README.md").read_text(), (ROOT / "docs" / "conf.py").read_text()

    assert [name for name in STORED["FIGURES"] if name not in readme + start] == []


def test_the_model_of_the_page_has_the_coefficients_that_chapter_2_printed(page_models):
    text = "".join(
        o.get("text", "") for o in STORED["_outputs"]("02_mnist_l1_saga", "coefficients")
    )
    with np.printoptions(precision=2, suppress=True):
        rows = str(1000 * page_models["pixels"].coef_[1].reshape(28, 28)[11:17, 9:19])

    assert f"columns 9 to 18:\n{rows}\n" in text


@pytest.mark.network
def test_the_page_has_its_models_and_digits_from_the_script(page_models, published):
    means = np.array(published["strokes"]["means"])

    assert MODEL["script"](page_models, means) == MODEL["PUBLISHED"].read_text()
    assert MODEL["PUBLISHED"].stat().st_size < 110_000


@pytest.mark.network
def test_the_model_of_the_page_gives_what_chapter_2_printed(page_models):
    model = page_models["pixels"]
    X_train, X_test, y_train, y_test = MODEL["split"]()
    said = model.predict(X_test)
    chapter = "02_mnist_l1_saga"

    assert f"{model.score(X_train, y_train):.5f}" == printed(chapter, "scores", "train")
    assert str(dl.accuracy(y_test, said)) == printed(chapter, "scores", "test")
    assert str(said[:9]) == printed(chapter, "scores", "predicted")


@pytest.mark.network
def test_the_strokes_of_the_page_make_as_many_errors_as_in_chapter_3(page_models, page_features):
    _, X_test, _, y_test = MODEL["split"]()
    said = page_models["strokes"].predict(page_features["strokes"](X_test))
    strokes = STORED["errors"]("strokes", "chapter 2's")
    pixels = printed("02_mnist_l1_saga", "scores", "test").split(", ")[1].split()[0]
    page = " ".join((ROOT / "docs" / "try_it.md").read_text().split())

    assert str((said != y_test).sum()) == strokes
    assert f"the pixels make {pixels} errors and the strokes {strokes}." in page
