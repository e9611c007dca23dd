import base64
import io
import subprocess
import sys

import matplotlib.pyplot as plt
import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from PIL import Image

from digits_lr import show_figure


def draw():
    fig, ax = plt.subplots(figsize=(3, 2))
    ax.plot([0, 1])
    return fig


def shown():
    """Return what show_figure sends to a notebook."""
    fig = draw()
    InteractiveShell.instance()
    try:
        with capture_output() as captured:
            show_figure(fig, alt="Line from 0 to 1.")
        (output,) = captured.outputs
        return output
    finally:
        InteractiveShell.clear_instance()


def test_picture_carries_its_words_and_a_page_size():
    output = shown()

    assert output.data["text/plain"] == "Line from 0 to 1."
    assert output.metadata["image/png"] == {"alt": "Line from 0 to 1.", "width": 300, "height": 200}
    picture = Image.open(io.BytesIO(base64.b64decode(output.data["image/png"])))
    assert picture.size == (600, 400)  # two stored pixels a page pixel


def test_same_bytes_each_time_and_no_version_inside():
    first, again = shown().data["image/png"], shown().data["image/png"]

    assert first == again
    assert b"matplotlib" not in base64.b64decode(first)


def test_figure_is_closed():
    shown()

    assert plt.get_fignums() == []


def test_outside_a_notebook_the_words_are_printed(capsys):
    show_figure(draw(), alt="Line from 0 to 1.")

    assert capsys.readouterr().out == "Line from 0 to 1.\n"


def test_blank_alternative_text_is_refused():
    fig = plt.figure()

    for alt in [" ", None]:
        with pytest.raises(ValueError, match=f"alt is {alt!r}; wanted kind of figure"):
            show_figure(fig, alt=alt)


def test_importing_the_package_is_light():
    code = "import sys, digits_lr; print({'matplotlib', 'seaborn', 'pandas'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "set()"


def test_every_public_name_exists():
    import digits_lr

    assert all(callable(getattr(digits_lr, name)) for name in digits_lr.__all__)
