"""`make lab` in a real browser: what a person does in JupyterLab on this project."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook
from playwright.sync_api import expect

from tests.conftest import wait_until

ROOT = Path(__file__).parents[1]
FIRST, SECOND = "notebooks/01_digits_l2_saga.ipynb", "notebooks/02_mnist_l1_saga.ipynb"
MINUTE = 60_000  # in milliseconds; a bound for what should never hang, not a measurement
LONG_FIT = """\
import digits_lr as dl
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
X, y = load_digits(return_X_y=True)
model = LogisticRegression(solver="saga", C=1e6, tol=1e-12, max_iter=10_000_000)
dl.fit(model, X, y)"""


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """Return a copy of what `make lab` needs of the checkout, and a notebook with a long fit."""
    folder = tmp_path_factory.mktemp("checkout")
    for name in ["notebooks", "benchmarks", ".jupyterlab"]:
        shutil.copytree(ROOT / name, folder / name)
    shutil.copy(ROOT / "Makefile", folder)
    notebook = new_notebook(cells=[new_code_cell(LONG_FIT)])
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3 (ipykernel)"}
    nbformat.write(notebook, folder / "notebooks" / "long.ipynb")
    return folder


def listens(port):
    with socket.socket() as knocking:
        return knocking.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="module")
def lab(browser, checkout, tmp_path_factory):  # noqa: ARG001 (it skips without a Chromium)
    """Return the address of a JupyterLab that `make lab` started, with nobody's own settings."""
    home = tmp_path_factory.mktemp("home")
    server = {"ip": "127.0.0.1", "open_browser": False, "allow_root": True}
    config = {"ServerApp": server, "IdentityProvider": {"token": ""}}
    (home / "jupyter_server_config.json").write_text(json.dumps(config))
    mine = ("JUPYTER", "MAKE", "MFLAGS", "MPL")
    env = {key: value for key, value in os.environ.items() if not key.startswith(mine)}
    env |= dict.fromkeys(["JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "IPYTHONDIR"], str(home))
    # The environment and the data are this machine's already.
    done, bin_folder = ["-o", "data", "-o", ".venv/.ready"], Path(sys.executable).parent
    server = subprocess.Popen(
        ["make", *done, f"BIN={bin_folder}", "lab"],
        cwd=checkout,
        env=env,
        start_new_session=True,
        stderr=subprocess.PIPE,
        text=True,
    )
    said = [""]
    while not (address := re.search(r"http://127\.0\.0\.1:(\d+)", said[-1])):
        said.append(server.stderr.readline())
        assert said[-1], "".join(said)  # it ended
    reader = threading.Thread(target=server.stderr.read)
    reader.start()
    # It says where it will listen, before it does.
    wait_until(lambda: server.poll() is not None or listens(int(address[1])))
    assert server.poll() is None
    yield address[0]
    os.killpg(server.pid, signal.SIGTERM)  # make, JupyterLab; its kernels end with it
    server.wait(60)
    reader.join()
    server.stderr.close()


@pytest.fixture(scope="module")  # JupyterLab's files are loaded once
def page(browser):
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(MINUTE)
    yield context.new_page()
    context.close()


expect.set_options(timeout=MINUTE)


def tab(page, path):
    """Return the tab in front, if it is that of the file."""
    name = Path(path).name
    return page.locator("#jp-main-dock-panel .lm-TabBar-tab.lm-mod-current", has_text=name)


def shown(page, path):
    """Return the notebook in front, once it is that at `path` and its kernel is ready."""
    expect(tab(page, path)).to_be_visible()
    expect(page.get_by_text("Python 3 (ipykernel) | Idle")).to_be_visible()
    return page.locator(".jp-NotebookPanel:visible")


def test_lab_opens_the_first_notebook_whose_links_lead_where_they_say(page, lab):
    page.goto(lab)
    notebook = shown(page, FIRST)
    assert page.url.endswith(f"/lab/tree/{FIRST}")
    section = notebook.locator("p", has_text="Contents: ").locator("a[href^='#']").last
    heading = notebook.locator("h2", has_text=section.inner_text())
    section.click()
    expect(heading).to_be_in_viewport()

    notebook.locator(f"a[href*='{Path(SECOND).name}']").first.click()
    shown(page, SECOND).locator("a[href*='results.md']").first.click()
    expect(tab(page, "results.md")).to_be_visible()
    expect(page.locator(".jp-Dialog")).to_have_count(0)


def test_stop_button_ends_a_long_fit_and_leaves_no_bar(page, lab):
    page.goto(f"{lab}/lab/tree/notebooks/long.ipynb?reset")
    notebook = shown(page, "long.ipynb")
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.locator(".lm-Menu-item", has_text="Run All Cells").first.click()
    expect(notebook.locator(".jp-OutputArea-output")).to_contain_text("epoch")

    page.get_by_title("Interrupt the kernel").click()

    expect(notebook.locator(".jp-InputPrompt").first).to_have_text(re.compile(r"\[\d+\]:"))
    expect(notebook.locator(".jp-OutputArea-output")).to_contain_text(["KeyboardInterrupt"])
    assert "of at most" not in notebook.locator(".jp-OutputArea").inner_text()
