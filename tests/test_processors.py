"""What `make test-processors` reports when a number or a picture drifts."""

import base64
import io
import re
from pathlib import Path

import nbformat
import numpy as np
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output
from PIL import Image

ROOT = Path(__file__).parents[1]


@pytest.fixture
def bench(monkeypatch):
    """Return the script as a module."""
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    import bench_processors

    return bench_processors


def picture(levels):
    """Return the output of a picture of 100 x 100 pixels, the first changed by `levels`."""
    pixels = np.full((100, 100), 100, np.uint8)
    pixels[0, 0] += levels
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="png")
    png = base64.b64encode(buffer.getvalue()).decode()
    return new_output("display_data", data={"image/png": png, "text/plain": "A grey square."})


def text(words):
    """Return the output of a cell that prints."""
    return new_output("stream", text=words)


def test_a_run_reports_what_nbval_and_the_kernel_say(bench, tmp_path):
    cells = [
        new_code_cell(source, id=name, execution_count=1, outputs=[stored])
        for name, source, stored in [
            ("print", "print(os.environ['OMP_NUM_THREADS'], 'threads')", text("7 threads\n")),
            ("same", f"display({dict(picture(0).data)}, raw=True)", picture(8)),
            ("drawn", f"display({dict(picture(0).data)}, raw=True)", picture(9)),
        ]
    ]
    path = tmp_path / "small.ipynb"
    nbformat.write(bench.shorten(new_notebook(cells=cells), None, {}), path)

    (found,) = bench.run_all([path], bench.threads(3))

    # Where a system brings its own BLAS, as macOS does, there is no OpenBLAS to say anything.
    assert re.search("threads: 3|^NumPy", found.pop("kernel"))
    assert found == {
        "failed": ["print", "drawn"],
        "numbers": [("print", "7", "3")],
        "levels": 9,
        "share": 1 / 10_000,
    }


@pytest.mark.parametrize(
    ("stored", "new", "passed", "words"),
    [
        (text("a 7"), text("a 7"), True, "equal"),
        (text("7 saga"), text("7 sag"), False, "**failed**: fit"),
        (text("7 saga"), text("saga"), False, "**failed**: fit"),
        (
            text("[1877] 0.9556"),
            text("[1876] 0.9557"),
            False,
            "**failed**: fit; 1877 → 1876 in fit (0.05%)",
        ),
        (
            text("808 of 10,000, 1.7e-07"),
            text("808 of 11,000, 1.7e-07"),
            False,
            "**failed**: fit; 10,000 → 11,000 in fit (9.09%)",
        ),
        (text("-0."), text("0."), False, "**failed**: fit; -0. → 0. in fit (0.00%)"),
        (picture(0), picture(4), True, "pictures 4 levels, 0.0100%"),
        (picture(0), picture(9), False, "**failed**: fit; pictures 9 levels, 0.0100%"),
    ],
)
def test_what_drifted_is_said(stored, new, passed, words, bench):
    cells = [
        ("load", [text("70,000")], [text("70,000")], True),
        ("fit", [stored], [new], passed),
    ]

    found = bench.drift(cells, bench.picture_guard().Picture) | {"kernel": "Haswell"}
    page = bench.as_markdown({"Zen": [found] * 3})

    assert f"| Zen | Haswell | {words} | {words} | {words} |" in page
    assert f"{3 * passed} of 3 runs passed" in page
    assert ("## Each number" in page) is ("→" in words)


def test_what_is_shortened_fits_the_notebooks(bench):
    for name, (last, changes) in bench.NOTEBOOKS.items():
        whole = nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", as_version=4)
        sources = {cell.id: cell.source for cell in whole.cells if cell.cell_type == "code"}

        probe, *cells = bench.shorten(whole, last, changes).cells

        assert probe.id == "probe"
        assert [cell.id for cell in cells] == list(sources)[: len(cells)]
        assert cells[-1].id == (last or list(sources)[-1])
        assert {cell.id for cell in cells if cell.source != sources[cell.id]} == {*changes}


def test_a_change_that_fits_no_more_is_an_error(bench):
    notebook = new_notebook(cells=[new_code_cell("print(7)", id="print")])

    with pytest.raises(ValueError, match=r"cell 'print' does not hold 'print\(5'"):
        bench.shorten(notebook, None, {"print": ("print(5", "print(6")})
