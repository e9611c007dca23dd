"""What README.md and the start page show is what the notebooks store."""

import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
STORED = runpy.run_path(ROOT / "docs" / "stored_outputs.py")
figure, printed = STORED["figure"], STORED["printed"]


@pytest.mark.parametrize("name", STORED["FIGURES"])
def test_figures_outside_the_notebooks_are_theirs(name):
    png, metadata = figure(*STORED["FIGURES"][name])

    assert (ROOT / "docs" / name).read_bytes() == png
    assert metadata["alt"]


def test_readme_and_start_page_show_every_figure():
    readme, start = (ROOT / "README.md").read_text(), (ROOT / "docs" / "conf.py").read_text()

    assert [name for name in STORED["FIGURES"] if name not in readme + start] == []


def test_a_printed_value_is_found_by_its_label():
    assert printed("02_mnist_l1_saga", "scores", "train").startswith("0.9")


@pytest.mark.parametrize(
    ("cell_id", "label", "complaint"),
    [
        ("no-such-cell", "train", "02_mnist_l1_saga has no cell 'no-such-cell'"),
        ("scores", "validation", "'scores' of 02_mnist_l1_saga printed 0 lines .* 'validation'"),
        ("choices", "C=0.3", "'choices' of 02_mnist_l1_saga printed 2 lines"),
    ],
)
def test_a_value_that_is_not_there_is_an_error(cell_id, label, complaint):
    with pytest.raises(ValueError, match=complaint):
        printed("02_mnist_l1_saga", cell_id, label)
