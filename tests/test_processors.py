"""What `make test-processors` runs, and what it stores and says of it."""

import platform
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SAMPLE = Path(__file__).parent / "sample.ipynb"


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


def test_a_notebook_that_nbval_left_early_is_an_error(bench):
    with pytest.raises(RuntimeError, match=r"nbval ran 0 of 3 cells of .*sample"):
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
