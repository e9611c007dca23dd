"""What `make test-processors` runs, and what it stores and says of it."""

import base64
import io
import json
import platform
import shutil
import sys
from pathlib import Path

import nbformat
import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).parents[1]
SAMPLE = Path(__file__).parent / "notebooks_pass_and_fail" / "sample-pass.ipynb"


@pytest.fixture
def bench(monkeypatch):
    """Return the script as a module."""
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    import bench_processors

    return bench_processors


def run(**changes):
    """Return what is stored of a chapter that was run."""
    found = {"row": "Haswell", "chapter": "1", "said": "Haswell; FMA", "failed": [], "pictures": []}
    here = {"date": "2026-11-27", "cores": 2, "processor": "EPYC", "versions": {"Python": "3.11"}}
    return found | here | changes


@pytest.mark.skipif(
    (sys.platform, platform.machine()) != ("linux", "x86_64"), reason="a row for x86"
)
def test_a_process_runs_what_the_row_asks_for(bench):
    assert bench.probe("Prescott").startswith("Katmai, threads: 1; NumPy baseline; ")


@pytest.mark.parametrize("row", [{"No such kernel": (1, {})}, {"Prescott": (1000, {})}])
def test_a_row_that_this_machine_cannot_run_is_none(row, bench, monkeypatch):
    monkeypatch.setattr(bench, "ROWS", row)

    assert bench.probe(*row) is None


def test_what_nbval_finds_replaces_what_this_processor_had_found(bench, tmp_path, monkeypatch):
    notebook = nbformat.read(SAMPLE, as_version=4)
    _, imports, printed, figure = notebook.cells
    imports.outputs = printed.outputs
    printed.source = "import os\nprint(os.environ['OPENBLAS_CORETYPE'])"
    printed.outputs = [nbformat.v4.new_output("stream", text="Haswell\n")]
    data = figure.outputs[0].data
    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(data["image/png"])))).copy()
    pixels[6, 5, 0] += 8
    Image.fromarray(pixels).save(png := io.BytesIO(), format="png")
    data["image/png"] = base64.b64encode(png.getvalue()).decode()
    nbformat.write(notebook, tmp_path / "01.ipynb")
    shutil.copy(ROOT / "conftest.py", tmp_path)

    here = bench.circumstances([])["processor"]
    kept = [run(processor="Xeon"), run(processor=here, chapter="2"), run(row="SkylakeX")]
    store = tmp_path / "benchmarks" / "processors.json"
    store.parent.mkdir()
    store.write_text(json.dumps([*kept, run(processor=here)]))

    monkeypatch.setattr(bench, "ROOT", tmp_path)
    monkeypatch.setattr(bench, "CHAPTERS", {"1": tmp_path / "01.ipynb", "2": None})
    monkeypatch.setattr(bench, "probe", {"Haswell": "Haswell, threads: 2"}.get)
    failed = bench.main(["--rows", "Haswell", "SkylakeX", "--chapters", "1"])

    assert failed
    runs = json.loads(store.read_text())
    (new,) = [one for one in runs if one not in kept]
    assert len(runs) == 4
    assert (new["said"], new["failed"]) == ("Haswell, threads: 2", ["imports"])
    assert new["pictures"][0].startswith(
        "`figure`: pictures differ by at most 8 of 255 levels in 1"
    )
    assert "| **failed**: `imports`; `figure`: pic" in store.with_suffix(".md").read_text()


def test_a_notebook_that_nbval_left_early_is_an_error(bench):
    with pytest.raises(RuntimeError, match=r"nbval ran 0 of 3 cells of .*sample-pass"):
        bench.found_in(SAMPLE, [])


def test_the_page_has_a_line_for_each_row_and_machine(bench):
    page = bench.as_markdown(
        [
            run(),
            run(chapter="3", failed=["fit", "table"]),
            run(processor="Xeon", pictures=["`few`: pictures differ"]),
            run(row="Nehalem", date="2026-11-28"),
        ]
    )

    assert page.index("| Nehalem | Haswell; FMA | EPYC, 2026-11-28 |") < page.index("| Haswell |")
    assert "| EPYC, 2026-11-27 | equal | not run | **failed**: `fit`, `table` |" in page
    assert "| Xeon, 2026-11-27 | `few`: pictures differ | not run | not run |" in page
    assert ": Prescott, Sandybridge, SkylakeX, ARMV8, NEOVERSEN1." in page
    assert page.count("(EPYC), Python 3.11.") == 2  # once a day
