"""The notebooks' stored outputs under other processors' kernels, threads and loops.

``make test-processors`` runs nbval over every cell of every chapter, once for each of `ROWS` that
this machine can run: an hour or more. ``ARGS="--rows Haswell Nehalem --chapters 1 3"`` runs a part.
What it finds takes the place of what was found before on such a processor, in ``processors.json``
beside this file, and ``processors.md`` is written from that. It fails when nbval does.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import nbformat
import numpy as np
from bench_fits import ROOT, circumstances, written_by

PACKAGES = ["scikit-learn", "numpy", "scipy", "matplotlib"]
CHAPTERS = {str(int(path.name[:2])): path for path in sorted(ROOT.glob("notebooks/*.ipynb"))}
# NumPy warns when told to leave out what the machine does not have.
FOUND = np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])
BASELINE = {"NPY_DISABLE_CPU_FEATURES": " ".join(FOUND)}
NO_FMA = {"GLIBC_TUNABLES": "glibc.cpu.hwcaps=-FMA,-FMA4,-AVX2"}

# The five kernels of OpenBLAS in NumPy's and SciPy's wheels for x86, and two of those for Arm:
# threads, and what else is set.
ROWS = {
    "Prescott": (1, BASELINE | NO_FMA),  # all of a processor of 2004
    "Nehalem": (2, {}),
    "Sandybridge": (1, BASELINE),
    "Haswell": (2, {}),
    "SkylakeX": (2, {}),
    "ARMV8": (1, {}),
    "NEOVERSEN1": (2, {}),
}

# A processor that cannot run the kernel ends this at a product. The last bit of that power of e
# shows whether the C library multiplies and adds in one step.
PROBE = """
import math
import numpy as np
from scipy.linalg.blas import dgemm, sgemm
from threadpoolctl import threadpool_info

for multiply, dtype in [(dgemm, np.float64), (sgemm, np.float32)]:
    square = np.ones((300, 300), dtype)
    square @ square, multiply(1, square, square)
blas = {f"{one['architecture']}, threads: {one['num_threads']}"
        for one in threadpool_info() if one["internal_api"] == "openblas"}
features = np.show_config(mode="dicts")["SIMD Extensions"].get("found", ["baseline"])
fma = math.exp(3.625) == float.fromhex("0x1.2c32a20e4f855p+5")
print(*sorted(blas), "NumPy " + " ".join(features), "FMA" if fma else "no FMA", sep="; ")
"""


def environment(row: str) -> dict[str, str]:
    """Return the variables under which a process runs what the row asks for."""
    threads, more = ROWS[row]
    n_threads = dict.fromkeys(["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"], str(threads))
    return os.environ | {"OPENBLAS_CORETYPE": row} | n_threads | more


def probe(row: str) -> str | None:
    """Return what a process says that it runs, or None where it cannot run what the row asks for.

    OpenBLAS takes another kernel when it has none of that name, and no more threads than cores.
    """
    done = subprocess.run(
        [sys.executable, "-c", PROBE], env=environment(row), stdout=subprocess.PIPE, text=True
    )
    kernel = {"Prescott": "Katmai"}.get(row, row)
    asked = f"{kernel}, threads: {ROWS[row][0]}; NumPy"
    taken = done.stdout.lower().startswith(asked.lower())
    return done.stdout.strip() if taken and done.returncode == 0 else None


def run_nbval(paths: list[Path], variables: dict[str, str]) -> list[dict]:
    """Return what nbval finds in all cells of each notebook, in a process with these variables."""
    report = ROOT / "build" / "processors.xml"
    report.parent.mkdir(exist_ok=True)
    report.unlink(missing_ok=True)
    # As `make test` does: side by side, those first that take longest.
    command = [sys.executable, "-m", "pytest", "--nbval", "--nbval-current-env", "-q"]
    command += ["--numprocesses=auto", "--dist=loadscope", "--no-loadscope-reorder"]
    command += ["-p", "no:cacheprovider", f"--junit-xml={report}", *reversed(paths)]
    subprocess.run(command, env=variables, cwd=ROOT)
    cases = ElementTree.parse(report).findall(".//testcase")
    return [
        found_in(path, [case for case in cases if case.get("classname").endswith(path.name)])
        for path in paths
    ]


def found_in(path: Path, cases: list[ElementTree.Element]) -> dict:
    """Return the notebook's cells that failed, and by how much pictures differ that passed."""
    cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    if len(cases) != len(cells):
        raise RuntimeError(f"nbval ran {len(cases)} of {len(cells)} cells of {path}")
    found = {"failed": [], "pictures": []}
    for case in cases:
        name = cells[int(case.get("name").removeprefix("Cell "))].id
        if any(case.find(outcome) is not None for outcome in ("failure", "error")):
            found["failed"].append(name)
        for one in case.iterfind(".//property[@name='picture']"):
            found["pictures"].append(f"`{name}`: {one.get('value').partition(';')[0]}")
    return found


def in_words(run: dict) -> str:
    """Return a cell of the table."""
    failed = ", ".join(f"`{name}`" for name in run["failed"])
    return "; ".join([f"**failed**: {failed}"] * bool(failed) + run["pictures"]) or "equal"


def as_markdown(runs: list[dict]) -> str:
    """Return the page: what was tried, when and where, and a line for each row and machine."""
    table = {}
    for run in sorted(runs, key=lambda run: [*ROWS].index(run["row"])):
        where = f"{run['processor']}, {run['date']}"
        table.setdefault((run["row"], run["said"], where), {})[run["chapter"]] = in_words(run)
    never = [row for row in ROWS if row not in {run["row"] for run in runs}]
    lines = [
        "# The same outputs on other processors",
        "",
        "nbval ran every cell of a chapter, on all its images, and compared it with its stored "
        "output: each text exactly, pictures as eyes do. Each row is run with OpenBLAS's kernel of "
        "that name. In Prescott's NumPy and the C library too use no more than that processor has; "
        "in the others they may use what this machine has. What they used, a process with the same "
        "variables said: OpenBLAS's kernel (it calls Prescott's Katmai) and threads, the features "
        "that NumPy dispatches to, and whether the C library's powers of e multiply and add in one "
        "step (FMA). `digits_lr.fit` keeps to one BLAS thread all the same.",
        "",
        f"| row | what the process said | on | {' | '.join(f'chapter {n}' for n in CHAPTERS)} |",
        "|---" * (3 + len(CHAPTERS)) + "|",
    ]
    for row, found in table.items():
        lines.append(f"| {' | '.join([*row, *(found.get(n, 'not run') for n in CHAPTERS)])} |")
    if never:
        lines += ["", f"Not run, for want of such a processor or of time: {', '.join(never)}."]
    lines += ["", *dict.fromkeys(f"- {written_by(run, 'make test-processors')}" for run in runs)]
    return "\n".join(lines) + "\n"


def replaced(run: dict) -> tuple[str, str, str]:
    """Return what a later run has to share to take the place of this one."""
    return run["row"], run["processor"], run["chapter"]


def main(arguments: list[str] | None = None) -> bool:
    """Run each row that this machine can run, write both files after each; return if one failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=[*ROWS])
    parser.add_argument("--chapters", nargs="+", choices=CHAPTERS, default=[*CHAPTERS])
    asked = parser.parse_args(arguments)
    store = ROOT / "benchmarks" / "processors.json"
    runs = json.loads(store.read_text()) if store.exists() else []
    failed = False
    for row in asked.rows:
        said = probe(row)
        print(f"{row}: {said or 'not on this machine'}", flush=True)
        if said is None:
            continue
        found = run_nbval([CHAPTERS[chapter] for chapter in asked.chapters], environment(row))
        for chapter, one in zip(asked.chapters, found, strict=True):
            run = {"row": row, "chapter": chapter, "said": said, **one, **circumstances(PACKAGES)}
            runs = [old for old in runs if replaced(old) != replaced(run)] + [run]
            failed |= bool(one["failed"])
        store.write_text(json.dumps(sorted(runs, key=replaced), indent=1) + "\n")
        store.with_suffix(".md").write_text(as_markdown(runs))
    return failed


if __name__ == "__main__":
    sys.exit(main())
