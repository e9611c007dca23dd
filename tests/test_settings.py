"""No setting of the user's reaches an output of `make notebooks`."""

import os
import shutil
import subprocess
import sys
import venv
import zipfile
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
dl.show_figure(dl.plot_confusion(y, model.predict(X / 16)), alt='A heatmap.')
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


@pytest.fixture(scope="module")
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


def outputs(checkout, home, variables):
    """Return what the cells give by `make notebooks` with nothing else in the environment."""
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    command = ["make", "notebooks", "NOTEBOOKS=notebooks/all.ipynb", "FORCE=1"]
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


# All at once: what one of them changes, another does not change back.
def test_no_setting_changes_an_output(checkout, tmp_path_factory):
    home = tmp_path_factory.mktemp("set-up")
    for file, text in FILES.items():
        path = home / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    plain = outputs(checkout, tmp_path_factory.mktemp("home"), {})
    variables = {key: value.replace("~", str(home)) for key, value in VARIABLES.items()}
    changed = outputs(checkout, home, variables)

    assert [len(cell) for cell in plain] == [0, 1, 1, 1, 1, 1]
    assert plain[1][0].output_type == "stream"
    for (output,), kind in zip(plain[3:], ["text/html", "image/png", "image/png"], strict=True):
        assert kind in output.data
    assert changed == plain


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

    for chosen in ({}, variables):  # by pip's file, and by variables too
        subprocess.run(
            ["make", "thing"],
            check=True,
            cwd=folder,
            env={"PATH": os.environ["PATH"], "HOME": str(home)} | chosen,
        )
        (module,) = tmp_path.rglob("thing.py")
        assert module.is_relative_to(folder / ".venv")
        module.unlink()
