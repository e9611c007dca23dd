"""No setting of the user's reaches an output of `make notebooks`."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parents[1]

# All kinds of output: printed numbers, an array, a table, a figure, a heatmap.
CELLS = [
    """
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

import digits_lr as dl
""",
    "print(np.linspace(0, 1, 30) ** 5, 1 / 3)",
    """
X, y = load_digits(return_X_y=True)
model = LogisticRegression(C=0.1, max_iter=1000).fit(X / 16, y)
model.coef_[0].reshape(8, 8).round(2)
""",
    "pd.DataFrame({'image': [1234567, 2], 'share of the pixels': [1 / 3, 0.5]})",
    """
fig, ax = plt.subplots(figsize=(4, 3))
ax.plot([0, 1, 4, 9], label='squares')
ax.set(title='Squares', xlabel='number')
ax.legend()
dl.show_figure(fig, alt='A curve.')
""",
    """
fig, ax = plt.subplots(figsize=(5, 4))
dl.plot_confusion(y, model.predict(X / 16), ax=ax)
dl.show_figure(fig, alt='A heatmap.')
""",
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
SETTINGS = {
    "matplotlib": (
        {".config/matplotlib/matplotlibrc": MATPLOTLIBRC, "mine": MATPLOTLIBRC},
        {"MATPLOTLIBRC": "~/mine", "MPLBACKEND": "svg"},
    ),
    "IPython": (
        {
            ".ipython/profile_default/startup/mine.py": STARTUP,
            ".ipython/profile_default/ipython_kernel_config.py": KERNEL_CONFIG,
            "mine/profile_default/startup/mine.py": STARTUP,
        },
        {"IPYTHONDIR": "~/mine"},
    ),
    "Jupyter": (
        {
            ".jupyter/jupyter_nbconvert_config.py": NBCONVERT_CONFIG,
            "a/jupyter_nbconvert_config.py": NBCONVERT_CONFIG,
            "b/jupyter_nbconvert_config.py": NBCONVERT_CONFIG,
            ".local/share/jupyter/kernels/python3/kernel.json": KERNEL,
            "mine/kernels/python3/kernel.json": KERNEL,
        },
        {
            "JUPYTER_CONFIG_DIR": "~/a",
            "JUPYTER_CONFIG_PATH": "~/b",
            "JUPYTER_PATH": "~/mine",
            "JUPYTER_PREFER_ENV_PATH": "0",
        },
    ),
    "place": (
        {},
        {"LC_ALL": "de_DE.UTF-8", "LANGUAGE": "de", "TZ": "Pacific/Apia", "COLUMNS": "30"},
    ),
    "Python and threads": (
        {"mine.py": STARTUP},
        {"LC_ALL": "C", "PYTHONSTARTUP": "~/mine.py"}
        | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "3"},
    ),
}


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """Return a copy of what `make notebooks` reads, with the notebook of above."""
    folder = tmp_path_factory.mktemp("checkout")
    for name in ("notebooks", "docs"):
        shutil.copytree(ROOT / name, folder / name)
    for name in ("Makefile", "pyproject.toml", "requirements.lock"):
        shutil.copy(ROOT / name, folder)
    (folder / ".venv").symlink_to(sys.prefix)
    cells = [nbformat.v4.new_code_cell(source.strip()) for source in CELLS]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), folder / "notebooks" / "all.ipynb")
    return folder


def outputs(checkout, home, variables):
    """Return what the cells give by `make notebooks` with nothing else in the environment."""
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    command = ["make", "notebooks", "NOTEBOOKS=notebooks/all.ipynb"]
    # Neither the environment nor the data is made anew, and no site.
    command += ["--old-file=.venv/.ready", "--old-file=data", "MAKE=true"]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        cwd=checkout,
        env=kept | {"HOME": str(home)} | variables,
    )
    assert done.returncode == 0, done.stderr
    cells = nbformat.read(checkout / "notebooks" / "all.ipynb", as_version=4).cells
    return [cell.outputs for cell in cells]


@pytest.fixture(scope="module")
def plain(checkout, tmp_path_factory):
    """Return the outputs for a user who has set up nothing."""
    cells = outputs(checkout, tmp_path_factory.mktemp("home"), {})
    assert [len(cell) for cell in cells] == [0, 1, 1, 1, 1, 1]
    assert cells[1][0].output_type == "stream"
    for (output,), kind in zip(cells[3:], ["text/html", "image/png", "image/png"], strict=True):
        assert kind in output.data
    return cells


@pytest.mark.parametrize("name", SETTINGS)
def test_no_setting_changes_an_output(name, checkout, plain, tmp_path):
    files, variables = SETTINGS[name]
    for file, text in files.items():
        path = tmp_path / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    home = str(tmp_path)
    changed = outputs(
        checkout, home, {key: value.replace("~", home) for key, value in variables.items()}
    )

    assert changed == plain
