import base64
import io
import re

import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pandas as pd
import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from matplotlib.colors import same_color
from matplotlib.text import Text
from nbclient import NotebookClient
from PIL import Image

import digits_lr as dl

IMAGES = np.arange(5 * 4).reshape(5, 2, 2)  # a full row
NUMBERS = IMAGES.reshape(5, 4) - 9.5
Y_TRUE, Y_PRED = [7, 2, 1, 0, 4], [6, 3, 7, 1, 9]
WORDS = {"xlabel": "x", "ylabel": "y", "title": "t"}
PLOTS = {
    "samples": lambda: dl.plot_samples(IMAGES, Y_TRUE),
    "coefficients": lambda: dl.plot_coefficients(NUMBERS, (2, 2)),
    "confusion": lambda: dl.plot_confusion(Y_TRUE, Y_PRED),
    "misclassified": lambda: dl.plot_misclassified(IMAGES, Y_TRUE, Y_PRED),
    "none": lambda: dl.plot_misclassified(IMAGES, Y_TRUE, Y_TRUE),
    "evidence": lambda: dl.plot_evidence(IMAGES, NUMBERS, Y_TRUE, Y_PRED),
    "curves": lambda: dl.plot_curves([1, 10], {"a": [1, 2]}, **WORDS),
    "strokes": lambda: dl.plot_strokes(np.ones((1, 4, 2, 2)), IMAGES[:1]),
    "reliability": lambda: dl.plot_reliability(Y_TRUE, Y_PRED, [0.9, 0.8, 0.4, 0.6, 0.7]),
}


@pytest.mark.parametrize("plot", PLOTS.values(), ids=PLOTS)
def test_a_plot_is_pyplot_s_new_current_figure_in_the_user_s_settings(plot):
    before = plt.figure()
    with plt.rc_context({"figure.facecolor": "pink", "font.family": "serif"}):
        axs = np.ravel(plot())
    fig = plt.gcf()
    assert {ax.figure for ax in axs} == {fig} != {before}
    assert plt.title("mine") in [ax.title for ax in axs]
    assert same_color(fig.get_facecolor(), "pink")
    assert {ax.title.get_fontfamily()[0] for ax in axs} == {"serif"}
    dl.show_figure(axs, alt="In words.")
    assert plt.get_fignums() == [before.number]


@pytest.mark.parametrize("plot", PLOTS.values(), ids=PLOTS)
def test_letters_have_9_pixels_on_a_phone(plot):
    fig = np.ravel(plot())[0].figure
    smaller = min(358 / (100 * fig.get_figwidth()), 1)
    points = [text.get_fontsize() for text in fig.findobj(Text) if text.get_text().strip()]
    assert min(points) * 100 / 72 * smaller >= 9


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


@pytest.mark.parametrize(
    "drawn",
    [
        lambda fig: fig,
        lambda fig: fig.add_subplot(),
        lambda fig: fig.subplots(2, 2),
        lambda fig: fig.subfigures(2)[1].subplots(),
    ],
    ids=["figure", "axes", "array", "axes of a subfigure"],
)
def test_picture_carries_its_words_and_a_page_size(drawn):
    shown = drawn(plt.figure(figsize=(3, 2)))
    output = output_of(lambda: dl.show_figure(shown, alt="In words."))
    assert output.data["text/plain"] == "In words."
    assert output.metadata["image/png"] == {"alt": "In words.", "width": 300, "height": 200}
    picture = base64.b64decode(output.data["image/png"])
    image = Image.open(io.BytesIO(picture))
    assert (image.mode, image.size) == ("RGB", (600, 400))  # two stored pixels a page pixel
    assert b"matplotlib" not in picture  # no version
    assert plt.get_fignums() == []


def test_a_user_s_way_of_saving_is_kept():
    fig = plt.figure(figsize=(3, 2))
    fig.text(0, 0, "tight")
    with plt.rc_context({"savefig.bbox": "tight", "savefig.transparent": True}):
        output = output_of(lambda: dl.show_figure(fig, alt="In words."))
    image = Image.open(io.BytesIO(base64.b64decode(output.data["image/png"])))
    assert image.mode == "RGBA"
    assert image.width < 300
    assert output.metadata["image/png"]["width"] == image.width // 2


@pytest.mark.parametrize("alt", [" ", None])
def test_blank_alternative_text_is_refused(alt):
    with pytest.raises(ValueError, match=f"alt is {alt!r}; wanted kind of figure"):
        dl.show_figure(plt.figure(), alt=alt)


@pytest.mark.parametrize("fig", [None, []])
def test_what_is_no_figure_is_refused(fig):
    with pytest.raises(TypeError, match=rf"fig is {re.escape(repr(fig))}; wanted a Figure, Axes"):
        dl.show_figure(fig, alt="In words.")


CONFUSION = "dl.plot_confusion([0, 1], [0, 0])"
RESULT = "<Axes: title={'center': 'Accuracy 0.5000: 1 of 2 right'}"
PICTURE = "<Figure size 540x460 with 2 Axes>"
# What a cell shows, in order, by the beginning of its text.
CELLS = {
    f"import digits_lr as dl\n{CONFUSION}": [RESULT, PICTURE],
    f"{CONFUSION};": [PICTURE],
    "import matplotlib.pyplot as plt": [],
    f"ax = {CONFUSION}\nplt.title('mine')\nplt.savefig('saved.png')\nprint(ax.get_title())": [
        "mine",
        PICTURE,
    ],
    f"dl.show_figure({CONFUSION}, alt='In words.')": ["In words."],
    # As ipywidgets' `interactive` has it: what a function drew is shown before anything else.
    "from matplotlib_inline.backend_inline import flush_figures": [],
    f"{CONFUSION}\nflush_figures()\nprint('later')": [PICTURE, "later"],
    "print(plt.get_fignums())": ["[]"],
}


def test_a_notebook_shows_each_figure_once_and_where_pyplot_would(tmp_path):
    cells = [nbformat.v4.new_code_cell(source) for source in CELLS]
    notebook = nbformat.v4.new_notebook(cells=cells)
    NotebookClient(notebook, resources={"metadata": {"path": tmp_path}}).execute()
    for cell in cells:
        shown = [out["text"] if "text" in out else out.data["text/plain"] for out in cell.outputs]
        assert len(shown) == len(CELLS[cell.source]), shown
        assert all(map(str.startswith, shown, CELLS[cell.source])), shown
    (output,) = cells[4].outputs
    assert output.metadata["image/png"]["alt"] == "In words."
    with Image.open(tmp_path / "saved.png") as saved:
        assert saved.size == (540, 460)


def test_table_has_a_caption_headings_and_plain_text():
    frame = pd.Series([0.5], index=["x"], name="a<b")
    data = output_of(lambda: dl.show_table(frame, caption="One & all")).data
    assert data["text/plain"] == "One & all\n   a<b\nx  0.5"
    for part in ["<th>a&lt;b</th>", "<th>x</th>", "<td>0.5</td>"]:
        assert part in data["text/html"]
    assert "<caption>One &amp; all</caption>" in data["text/html"]


def test_an_index_that_only_counts_is_left_out():
    data = output_of(lambda: dl.show_table(pd.DataFrame({"a": [5, 6]}), caption="Two")).data
    assert data["text/plain"].split() == ["Two", "a", "5", "6"]
    assert data["text/html"].count("<th") == 2  # of the head: <thead> and <th>
    named = pd.DataFrame({"a": [5, 6]}, index=pd.RangeIndex(2, name="digit"))
    assert "digit" in output_of(lambda: dl.show_table(named, caption="Two")).data["text/html"]


@pytest.mark.parametrize("caption", [" ", None])
def test_a_blank_caption_is_refused(caption):
    with pytest.raises(ValueError, match=f"caption is {caption!r}; wanted what the table shows"):
        dl.show_table(pd.DataFrame(), caption=caption)
