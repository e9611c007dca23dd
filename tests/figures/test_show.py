import base64
import io
import subprocess
import sys

import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pandas as pd
import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from jupyter_client.manager import start_new_kernel
from nbclient import NotebookClient
from PIL import Image

import digits_lr as dl

IMAGES = np.arange(3 * 4).reshape(3, 2, 2)
NUMBERS = IMAGES.reshape(3, 4) - 5.5
Y_TRUE, Y_PRED = [7, 2, 1], [7, 3, 7]
PLOTS = {
    "samples": lambda: dl.plot_samples(IMAGES, Y_TRUE),
    "coefficients": lambda: dl.plot_coefficients(NUMBERS, (2, 2)),
    "confusion": lambda: dl.plot_confusion(Y_TRUE, Y_PRED).figure,
    "by class": lambda: dl.plot_confusion(Y_TRUE, Y_PRED, by_class=True).figure,
    "misclassified": lambda: dl.plot_misclassified(IMAGES, Y_TRUE, Y_PRED),
    "none": lambda: dl.plot_misclassified(IMAGES, Y_TRUE, Y_TRUE),
    "evidence": lambda: dl.plot_evidence(IMAGES, NUMBERS, Y_TRUE, Y_PRED),
    "curves": lambda: (
        dl.plot_curves(
            [1, 10], {"a": [1, 2], "b": [(1, 0, 2)] * 2}, xlabel="x", ylabel="y", title="t"
        ).figure
    ),
    "strokes": lambda: dl.plot_strokes(np.ones((1, 4, 2, 2)), IMAGES[:1]),
    "reliability": lambda: dl.plot_reliability(Y_TRUE, Y_PRED, [0.9, 0.8, 0.4]),
}


def shown(fig):
    """What show_figure sends to a notebook."""
    return output_of(lambda: dl.show_figure(fig, alt="In words."))


def output_of(show):
    """The one output that `show` sends to a notebook."""
    InteractiveShell.instance()
    try:
        with capture_output() as captured:
            show()
        (output,) = captured.outputs
        return output
    finally:
        InteractiveShell.clear_instance()


def test_picture_carries_its_words_and_a_page_size():
    output = shown(plt.figure(figsize=(3, 2)))
    assert output.data["text/plain"] == "In words."
    assert output.metadata["image/png"] == {"alt": "In words.", "width": 300, "height": 200}
    picture = base64.b64decode(output.data["image/png"])
    assert Image.open(io.BytesIO(picture)).size == (600, 400)  # two stored pixels a page pixel
    assert b"matplotlib" not in picture  # no version
    assert plt.get_fignums() == []


def test_table_has_a_caption_headings_and_plain_text():
    frame = pd.DataFrame({"a<b": [0.5]}, index=["x"])
    data = output_of(lambda: dl.show_table(frame, caption="One & all")).data
    assert data["text/plain"] == "One & all\n   a<b\nx  0.5"
    for part in ["<th>a&lt;b</th>", "<th>x</th>", "<td>0.5</td>"]:
        assert part in data["text/html"]
    assert "<caption>One &amp; all</caption>" in data["text/html"]


@pytest.mark.parametrize("caption", [" ", None])
def test_a_blank_caption_is_refused(caption):
    with pytest.raises(ValueError, match=f"caption is {caption!r}; wanted what the table shows"):
        dl.show_table(pd.DataFrame(), caption=caption)


@pytest.mark.parametrize("plot", PLOTS.values(), ids=PLOTS)
def test_a_user_s_settings_change_no_picture_and_pyplot_knows_none(plot):
    usual = shown(plot()).data["image/png"]
    settings = {
        "axes.prop_cycle": plt.cycler(color=["pink"]),
        "figure.constrained_layout.h_pad": 0.5,
        "figure.dpi": 50,
        "font.family": "serif",
        "font.sans-serif": ["DejaVu Serif"],
        "image.cmap": "hot",
        "savefig.bbox": "tight",
        "savefig.dpi": 50,
    }
    with plt.style.context("dark_background"), plt.rc_context(settings):
        made = plot()
        assert shown(made).data["image/png"] == usual
        assert plt.rcParams["savefig.dpi"] == 50
    assert plt.get_fignums() == []


def test_on_axes_of_one_s_own_the_settings_are_one_s_own():
    with plt.rc_context({"axes.titlesize": 31, "font.family": "serif"}):
        ax = plt.figure().subplots()
        dl.plot_confusion(Y_TRUE, Y_PRED, ax=ax)
    assert ax.title.get_fontfamily() == ["serif"]
    assert ax.title.get_fontsize() == 31


SAMPLES = "dl.plot_samples([[[0, 1], [1, 0]]] * 2, [7, 1])"
ITS_TITLES = "label 7; label 1"
CONFUSION = "dl.plot_confusion([0, 1], [0, 0])"
CELLS = {
    SAMPLES: [ITS_TITLES],
    SAMPLES + ";": [ITS_TITLES],
    "fig = " + SAMPLES: [ITS_TITLES],
    "fig = " + SAMPLES + "\nfig": [ITS_TITLES],
    "display(" + SAMPLES + ")": [ITS_TITLES],
    SAMPLES + "\n" + SAMPLES: [ITS_TITLES] * 2,
    f"dl.show_figure({SAMPLES}, alt='mine')": ["mine"],
    f"dl.show_figure({CONFUSION}.figure, alt='mine')": ["mine"],
    CONFUSION: ["Accuracy 0.5000: 1 of 2 right"],
    f"ax = {CONFUSION}\nax.set_title('mine')": ["mine"],
    f"{SAMPLES}\n1 / 0": [ITS_TITLES],
    "assert 'NotebookFigure' not in str(get_ipython().events.callbacks)": [],  # all forgotten
}


@pytest.fixture(scope="module", params=["inline", "agg", "no pyplot"])
def kernel(request):
    manager, client = start_new_kernel()
    setup = {
        "inline": "%matplotlib inline\n%config InlineBackend.figure_formats = ['svg']",
        "agg": "import matplotlib.pyplot as plt\nplt.switch_backend('agg')",
        "no pyplot": "",
    }[request.param]
    client.execute_interactive("import digits_lr as dl\n" + setup, output_hook=lambda _: None)
    yield client
    client.stop_channels()
    manager.shutdown_kernel(now=True)


@pytest.mark.parametrize("cell", CELLS, ids=repr)
def test_a_live_notebook_shows_each_figure_once(kernel, cell):
    pictures = []

    def receive(message):
        content = message["content"]
        data = content.get("data", {})
        if {"image/png", "image/svg+xml"} & set(data):
            pictures.append((data["text/plain"], content["metadata"].get("image/png")))
        assert message["msg_type"] not in ["stream", "error"] or "1 / 0" in cell, content

    for _ in range(2):  # nothing is left over for the next cell
        pictures.clear()
        kernel.execute_interactive(cell, output_hook=receive, timeout=60)
        assert [words for words, _ in pictures] == CELLS[cell]
        if cell.startswith(SAMPLES):
            assert pictures[0][1] == {"alt": ITS_TITLES, "width": 320, "height": 190}


def test_an_executed_notebook_stores_each_figure_once():
    code = ["import digits_lr as dl", *(cell for cell in CELLS if "1 / 0" not in cell)]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in code])
    NotebookClient(notebook).execute()
    for cell in notebook.cells[1:]:
        stored = [output.data for output in cell.outputs if "image/png" in output.get("data", {})]
        assert [data["text/plain"] for data in stored] == CELLS[cell.source]


def test_a_script_prints_the_words_once_and_leaves_nothing_open():
    code = f"""
import digits_lr as dl
{CONFUSION}
dl.show_figure({SAMPLES}, alt="mine")
import matplotlib.pyplot as plt
print(plt.get_fignums())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("mine\n[]\n", "")


@pytest.mark.parametrize("alt", [" ", None])
def test_blank_alternative_text_is_refused(alt):
    with pytest.raises(ValueError, match=f"alt is {alt!r}; wanted kind of figure"):
        dl.show_figure(plt.figure(), alt=alt)


def test_importing_the_package_is_light_and_numbers_need_no_pyplot():
    code = """
import sys, digits_lr
print({"matplotlib", "seaborn", "pandas", "sklearn"} & set(sys.modules))
digits_lr.mcnemar
print("matplotlib" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\nFalse\n"


def test_every_public_name_exists():
    assert all(callable(getattr(dl, name)) for name in dl.__all__)
