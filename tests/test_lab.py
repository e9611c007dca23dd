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
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from playwright.sync_api import expect, sync_playwright

ROOT = Path(__file__).parents[1]
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
FIRST, SECOND = "notebooks/01_digits_l2_saga.ipynb", "notebooks/02_mnist_l1_saga.ipynb"
EXECUTED = re.compile(r"\[\d+\]:")
MINUTE = 60_000  # in milliseconds; a bound for what should never hang, not a measurement
OUR_PLOT = "import digits_lr as dl; dl.plot_samples([[[0, 1], [1, 0]]], [7])"
LONG_FIT = """\
import digits_lr as dl
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
X, y = load_digits(return_X_y=True)
model = LogisticRegression(solver="saga", C=1e6, tol=1e-12, max_iter=10_000_000)
dl.fit(model, X, y)"""


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """Return a copy of what `make lab` needs of the checkout."""
    folder = tmp_path_factory.mktemp("checkout")
    for name in ["notebooks", "benchmarks", ".jupyterlab"]:
        shutil.copytree(ROOT / name, folder / name)
    shutil.copy(ROOT / "Makefile", folder)
    return folder


@pytest.fixture(scope="module")
def lab(checkout, tmp_path_factory):
    """Return the address of a JupyterLab that `make lab` started, with nobody's own settings."""
    if CHROMIUM is None:
        reason = "no Chromium on this machine"
        if "DIGITS_LR_BROWSER_REQUIRED" in os.environ:
            pytest.fail(reason)
        pytest.skip(reason)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    home = tmp_path_factory.mktemp("home")
    server = {"ip": "127.0.0.1", "port": port, "open_browser": False, "allow_root": True}
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
    said = []
    while not said or "is running at" not in said[-1]:
        said.append(server.stderr.readline())
        assert said[-1], "".join(said)  # it ended
    reader = threading.Thread(target=server.stderr.read)
    reader.start()
    yield f"http://127.0.0.1:{port}"
    os.killpg(server.pid, signal.SIGTERM)  # make, JupyterLab; its kernels end with it
    server.wait(60)
    reader.join()
    server.stderr.close()


@pytest.fixture(scope="module")
def browser(lab):  # noqa: ARG001 (which skips without a Chromium)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(browser):
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(MINUTE)
    yield context.new_page()
    context.close()


expect.set_options(timeout=MINUTE)


def opened(page, lab, path):
    """Return the notebook at `path`, opened, with a kernel that is ready."""
    page.goto(f"{lab}/lab/tree/{path}?reset")
    return shown(page, Path(path).name)


def tab(page, name):
    """Return the tab in front, if it has that name."""
    return page.locator("#jp-main-dock-panel .lm-TabBar-tab.lm-mod-current", has_text=name)


def shown(page, name):
    """Return the notebook in the tab of that name, once it is in front and its kernel ready."""
    expect(tab(page, name)).to_be_visible()
    expect(page.get_by_text("Python 3 (ipykernel) | Idle")).to_be_visible()
    return page.locator(".jp-NotebookPanel:visible")


def choose(page, menu, entry):
    """Click an entry of a menu."""
    page.get_by_role("menuitem", name=menu, exact=True).click()
    page.locator(".lm-Menu-item", has_text=entry).first.click()


def written(checkout, name, *sources):
    """Write a notebook of code cells into the checkout and return its path in there."""
    notebook = new_notebook(cells=[new_markdown_cell("# Mine"), *map(new_code_cell, sources)])
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3 (ipykernel)"}
    nbformat.write(notebook, checkout / "notebooks" / f"{name}.ipynb")
    return f"notebooks/{name}.ipynb"


def outputs_of(notebook, number):
    """Return the outputs of the code cell with that number, when it has been executed."""
    cell = notebook.locator(".jp-CodeCell").nth(number)
    expect(cell.locator(".jp-InputPrompt")).to_have_text(EXECUTED)
    return cell.locator(".jp-OutputArea-output")


def test_lab_opens_the_first_notebook_in_the_root(page, lab):
    page.goto(lab)

    notebook = shown(page, Path(FIRST).name)

    assert page.url.endswith(f"/lab/tree/{FIRST}")
    expect(notebook.locator("h1")).to_be_visible()


def test_a_plot_is_shown_once(page, lab, checkout):
    notebook = opened(page, lab, written(checkout, "plots", OUR_PLOT, OUR_PLOT + ";"))

    choose(page, "Run", "Run All Cells")

    for number in range(2):
        expect(outputs_of(notebook, number).locator("img")).to_have_count(1)
    widths = notebook.locator("img").evaluate_all("images => images.map(i => i.naturalWidth)")
    assert min(widths) > 100


def test_stop_button_ends_a_long_fit_and_leaves_no_bar(page, lab, checkout):
    notebook = opened(page, lab, written(checkout, "stopped", LONG_FIT))
    choose(page, "Run", "Run All Cells")
    expect(notebook.locator(".jp-OutputArea-output")).to_contain_text("epoch")

    page.get_by_title("Interrupt the kernel").click()

    expect(outputs_of(notebook, 0)).to_contain_text(["KeyboardInterrupt"])
    assert "of at most" not in notebook.locator(".jp-OutputArea").inner_text()


@pytest.mark.parametrize(("path", "link"), [(FIRST, SECOND), (SECOND, "../benchmarks/results.md")])
def test_links_lead_at_the_first_click_where_they_say(path, link, page, lab):
    notebook = opened(page, lab, path)
    section = notebook.locator("p", has_text="Contents: ").locator("a[href^='#']").last
    heading = notebook.locator("h2", has_text=section.inner_text())
    name = Path(link).name

    section.click()
    expect(heading).to_be_in_viewport()
    notebook.locator(f"a[href*='{name}']").first.click()
    expect(tab(page, name)).to_be_visible()
    expect(page.locator(".jp-Dialog")).to_have_count(0)
