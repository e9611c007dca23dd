"""No setting of the user's reaches an output of `make notebooks`."""

import os
import shutil
import subprocess
import sys
import venv
import zipfile
from base64 import b64decode
from pathlib import Path

import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pandas as pd
import pytest

import digits_lr as dl

ROOT = Path(__file__).parents[1]

# All kinds of output: a printed number, an array, a table, a figure.
CELLS = [
    """
import numpy as np
import pandas as pd
import digits_lr as dl
""",
    "print(1 / 3)",
    "np.linspace(0, 1, 30) ** 5",
    "pd.DataFrame({'image': [1234567, 2], 'share of the pixels': [1 / 3, 0.5]})",
    "dl.show_figure(dl.plot_confusion([0, 1, 1], [0, 0, 1]), alt='A heatmap.')",
]

MATPLOTLIBRC = """
font.family: serif
savefig.bbox: tight
savefig.dpi: 50
backend: TkAgg
axes.facecolor: black
figure.facecolor: black
text.color: white
lines.linewidth: 5
"""
STARTUP = """
import matplotlib.pyplot as plt, numpy as np, pandas as pd, seaborn as sns
np.set_printoptions(precision=2, suppress=True, linewidth=40)
pd.set_option('display.precision', 1, 'display.max_columns', 1)
sns.set_theme(style='darkgrid', palette='pastel', font_scale=2)
"""
KERNEL_CONFIG = """
c.InlineBackend.figure_formats = ['svg']
c.InteractiveShell.ast_node_interactivity = 'all'
c.PlainTextFormatter.float_precision = '%.1f'
"""
NBCONVERT_CONFIG = "c.TemplateExporter.exclude_output = c.ClearOutputPreprocessor.enabled = True"
KERNEL = '{"argv": ["false"], "display_name": "Mine", "language": "python"}'
# Files in the user's home, and environment variables, where `~` is that home. What a variable
# points to is there beside what is found without one: either alone would change the outputs.
FILES = {
    ".config/matplotlib/matplotlibrc": MATPLOTLIBRC,
    "matplotlibrc": MATPLOTLIBRC,
    ".ipython/profile_default/startup/mine.py": STARTUP,
    ".ipython/profile_default/ipython_kernel_config.py": KERNEL_CONFIG,
    "ipython/profile_default/startup/mine.py": STARTUP,
    ".jupyter/jupyter_nbconvert_config.py": NBCONVERT_CONFIG,
    "a/jupyter_nbconvert_config.py": NBCONVERT_CONFIG,
    "b/jupyter_nbconvert_config.py": NBCONVERT_CONFIG,
    ".local/share/jupyter/kernels/python3/kernel.json": KERNEL,
    "jupyter/kernels/python3/kernel.json": KERNEL,
    "startup.py": STARTUP,
}
VARIABLES = {
    "MATPLOTLIBRC": "~/matplotlibrc",
    "MPLBACKEND": "svg",
    "IPYTHONDIR": "~/ipython",
    "JUPYTER_CONFIG_DIR": "~/a",
    "JUPYTER_CONFIG_PATH": "~/b",
    "JUPYTER_PATH": "~/jupyter",
    "JUPYTER_PREFER_ENV_PATH": "0",
    "LC_ALL": "de_DE.UTF-8",
    "LANGUAGE": "de",
    "TZ": "Pacific/Apia",
    "COLUMNS": "30",
    "PYTHONSTARTUP": "~/startup.py",
    "OMP_NUM_THREADS": "2",
    "OPENBLAS_NUM_THREADS": "3",
}


@pytest.fixture
def checkout(tmp_path_factory):
    """Return a copy of what `make notebooks` reads, with the notebook of above."""
    folder = tmp_path_factory.mktemp("checkout")
    for name in ("notebooks", "docs"):
        shutil.copytree(ROOT / name, folder / name)
    for name in ("Makefile", "conftest.py", "pyproject.toml", "requirements.lock"):
        shutil.copy(ROOT / name, folder)
    (folder / ".venv").symlink_to(sys.prefix)
    cells = [nbformat.v4.new_code_cell(source.strip()) for source in CELLS]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), folder / "notebooks" / "all.ipynb")
    return folder


def expected(monkeypatch):
    """Return the texts and the picture that the cells give by matplotlib's own settings."""
    shown = []
    monkeypatch.setattr("digits_lr.figures.show.display", shown.append)
    with plt.style.context("default"):
        dl.show_figure(dl.plot_confusion([0, 1, 1], [0, 0, 1]), alt="A heatmap.")
    frame = pd.DataFrame({"image": [1234567, 2], "share of the pixels": [1 / 3, 0.5]})
    array = repr(np.linspace(0, 1, 30) ** 5)
    return [f"{1 / 3}\n", array, frame._repr_html_(), repr(frame), shown[0].data]


# All at once: what one of them changes, another does not change back.
def test_no_setting_changes_an_output(checkout, tmp_path, monkeypatch):
    for file, text in FILES.items():
        path = tmp_path / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    env = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    env |= {key: value.replace("~", str(tmp_path)) for key, value in VARIABLES.items()}
    command = ["make", "notebooks", "NOTEBOOKS=notebooks/all.ipynb", "FORCE=1"]
    # Neither the environment nor the data is made anew, and no site.
    command += ["--old-file=.venv/.ready", "--old-file=data", "MAKE=true"]

    done = subprocess.run(
        command, capture_output=True, text=True, cwd=checkout, env=env | {"HOME": str(tmp_path)}
    )

    assert done.returncode == 0, done.stderr
    cells = nbformat.read(checkout / "notebooks" / "all.ipynb", as_version=4).cells
    printed, array, table, figure = (output for cell in cells for output in cell.outputs)
    texts = [printed.text, array.data["text/plain"], *table.data.values()]
    assert [*texts, b64decode(figure.data["image/png"])] == expected(monkeypatch)


def test_packages_go_into_the_environment_wherever_pip_is_told_to_put_them(tmp_path):
    home, folder, elsewhere = (tmp_path / name for name in ["home", "mein Kürs", "elsewhere"])
    settings = {"user": "true", "target": elsewhere, "prefix": elsewhere}
    file = home / ".config" / "pip" / "pip.conf"
    file.parent.mkdir(parents=True)
    file.write_text("\n".join(["[install]", *(f"{key} = {settings[key]}" for key in settings)]))
    variables = {f"PIP_{key.upper()}": str(value) for key, value in settings.items()}
    venv.create(folder / ".venv", with_pip=True)
    with zipfile.ZipFile(folder / "thing-1-py3-none-any.whl", "w") as wheel:
        wheel.writestr("thing.py", "")
        for name, text in {
            "METADATA": "Metadata-Version: 2.1\nName: thing\nVersion: 1",
            "WHEEL": "Wheel-Version: 1.0\nTag: py3-none-any",
            "RECORD": "",
        }.items():
            wheel.writestr(f"thing-1.dist-info/{name}", text)
    recipe = "\nthing:\n\t$(PIP) --no-index --force-reinstall thing-1-py3-none-any.whl\n"
    (folder / "Makefile").write_text((ROOT / "Makefile").read_text() + recipe)

    env = {"PATH": os.environ["PATH"], "HOME": str(home)} | variables
    subprocess.run(["make", "thing"], check=True, cwd=folder, env=env)

    (module,) = tmp_path.rglob("thing.py")
    assert module.is_relative_to(folder / ".venv")
