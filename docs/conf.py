"""How `make html` builds the site from the stored notebooks, with Sphinx and myst-nb."""

import json
import re
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml
from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont
from sphinx.application import Sphinx
from sphinx.project import Project
from sphinx.writers.html5 import HTML5Translator

sys.path.insert(0, str(Path(__file__).parent))
from stored_outputs import FIGURES, errors, figure, printed

project = "digits_lr"
html_title = "Handwritten digits"
language = "en"
extensions = [
    "myst_nb",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
]
include_patterns = ["docs/*.md", "docs/helpers.rst", "notebooks/*.ipynb", "benchmarks/*.md"]
exclude_patterns = ["build", ".venv", ".git"]

# The outputs are shown as stored.
nb_execution_mode = "off"
myst_enable_extensions = ["dollarmath", "substitution"]
myst_heading_anchors = 3
myst_heading_slug_func = "headings.address"
myst_html_meta = {
    "description": "Handwritten digits, classified with scikit-learn's logistic regression: three"
    " notebooks, and a page on which you draw a digit."
}

autodoc_typehints = "none"  # the docstrings say more
numpydoc_show_class_members = False

# What is printed below a cell is not for copying, nor are the prompts of an example.
copybutton_selector = "div.highlight pre:not(.cell_output pre)"
copybutton_prompt_text = ">>> |[.]{3} "
copybutton_prompt_is_regexp = True

# Follow the reader's system until they choose.
html_context = {"default_mode": "auto"}
html_theme = "pydata_sphinx_theme"
html_theme_options = {
    "header_links_before_dropdown": 6,
    "navigation_with_keys": False,
    "search_bar_text": "Search the chapters",
    "article_header_start": [],
    "secondary_sidebar_items": {"**": ["page-toc"], "try_it": []},
    "article_header_end": ["download"],
    "footer_start": ["licence"],
    "footer_end": [],
}
html_sidebars = {"**": []}
templates_path = ["_templates"]
html_favicon = "_static/favicon.svg"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_js_files = ["site.js"]
html_sourcelink_suffix = ""  # of the chapters' downloads
html_use_index = False
html_scaled_image_link = False
html_math_renderer = "mathml"
# What the site's font for formulas holds.
MATH_BLOCKS = [
    range(0x20, 0x7F),  # ASCII
    range(0x391, 0x3CA),  # Greek
    range(0x2010, 0x2070),  # dashes, dots, primes, bars
    range(0x2100, 0x2300),  # letters such as the real numbers' R, arrows, operators
    range(0x1D400, 0x1D49C),  # bold and italic letters
    range(0x1D6A8, 0x1D756),  # the same in Greek
]
# Search results quote the pages by fetching them, which browsers refuse to a page in a folder.
html_show_search_summary = False

# What index.md shows, by the names that it uses.
myst_substitutions = {
    name: printed(notebook, cell_id, label)
    for name, notebook, cell_id, label in [
        ("digits_train", "01_digits_l2_saga", "scores", "train"),
        ("digits_test", "01_digits_l2_saga", "scores", "test"),
        ("mnist_train", "02_mnist_l1_saga", "scores", "train"),
        ("mnist_test", "02_mnist_l1_saga", "scores", "test"),
        ("ten_train", "02_mnist_l1_saga", "ovr-fit", "train"),
        ("ten_test", "02_mnist_l1_saga", "ovr-fit", "test"),
        ("strokes_test", "03_mnist_features", "left", "three scales"),
    ]
}


def picture(name: str) -> str:
    """Return the directive that shows a figure of this folder as its notebook does."""
    metadata = figure(*FIGURES[name])[1]
    options = "\n".join(f":{key}: {metadata[key]}" for key in ("alt", "width", "height"))
    return f"```{{image}} {name}\n{options}\n```"


myst_substitutions |= {
    "digits_picture": picture("digits_coefficients.png"),
    "mnist_picture": picture("coefficients.png"),
    "ladder_picture": picture("ladder.png"),
    "try_it_picture": "```{image} try_it.png\n:alt: "
    "The page Try it: a 6 moved to the right, which pixels take for a 2 and strokes for a 6\n```",
    "pixels_errors": errors("pixels"),
    "strokes_errors": errors("strokes"),
    "fewest_errors": errors("three scales, pairs"),
}


# This folder's pages stand at the top of the site, and its index.md opens it. Sphinx does not
# promise `path2doc`: where it is no more, move its pages to the top of the checkout.
path2doc = Project.path2doc
Project.path2doc = lambda *args: (path2doc(*args) or "").removeprefix("docs/") or None


def readable(html: str) -> str:
    """Return a table of pandas with one row of headings, as an index with a name makes a second."""
    second = r"\s*<tr>\s*<th>([^<]+)</th>(?:\s*<th></th>)+\s*</tr>"
    html = re.sub(rf"<th></th>((?:\s*<th>[^<]*</th>)+\s*</tr>){second}", r"<th>\2</th>\1", html)
    return html.replace("<th></th>", "<td></td>")  # a corner is no heading of anything


def prepare_outputs(_app: Sphinx, docname: str, source: list[str]) -> None:
    """Make a notebook's pictures and tables accessible to who listens to the page."""
    if not docname.startswith("notebooks/"):
        return
    notebook = json.loads(source[0])
    cells = []
    for cell in notebook["cells"]:
        outputs = cell.get("outputs", [])
        cells.append(cell | {"outputs": []} if outputs else cell)
        for output in outputs:
            if "text/html" in output.get("data", {}):
                output["data"]["text/html"] = readable("".join(output["data"]["text/html"]))
            if "image/png" in output.get("data", {}):
                # myst-nb looks for the alternative text in the cell: a picture a cell.
                if "mystnb" in cells[-1]["metadata"]:
                    more = {"id": f"{cell['id']}-{len(cells)}", "outputs": []}
                    cells.append(cell | more | {"metadata": {"tags": ["remove-input"]}})
                image = {"image": {"alt": output["metadata"]["image/png"]["alt"]}}
                cells[-1]["metadata"] = cells[-1]["metadata"] | {"mystnb": image}
            cells[-1]["outputs"].append(output)
    notebook["cells"] = cells
    source[0] = json.dumps(notebook)


def finish_page(
    _app: Sphinx, docname: str, _template: str, context: dict[str, Any], _doctree: object
) -> None:
    """Keep each interval in one line; link each helper that a chapter names to its description."""
    if "body" not in context:  # the page of the search
        return
    in_text = r'[(][\d.,]+ to [\d.,]+[)](?=[^"<>]*<)'
    in_one_line = r'<span class="text-nowrap">\g<0></span>'
    context["body"] = re.sub(in_text, in_one_line, context["body"])
    if docname == "helpers":  # docutils gives references roles that ARIA does not allow there
        context["body"] = re.sub(' role="(doc-biblioentry|list)"', "", context["body"])
    if docname.startswith("notebooks/"):
        in_code = '<span class="n">dl</span><span class="o">[.]</span><span class="n">(\\w+)</span>'
        in_prose = '(?<=<span class="pre">)dl[.](\\w+)'
        link = r'<a class="helper" href="../helpers.html#digits_lr.\1\2">\g<0></a>'
        context["body"] = re.sub(f"{in_code}|{in_prose}", link, context["body"])


def visit_formula(translator: HTML5Translator, node: nodes.math | nodes.math_block) -> None:
    """Write a formula as MathML, which browsers show without a script."""
    block = isinstance(node, nodes.math_block)
    mathml = tex2mathml(node.astext(), as_block=block)
    # The space after a function's name, which MathML leaves to the writer: log p, not logp.
    apply = "<mo>&ApplyFunction;</mo>"
    mathml = mathml.replace(apply, apply.replace("<mo", '<mo rspace="0.17em"'))
    # As in TeX, a bar grows only when asked: the left one of a norm would, its right one not.
    mathml = re.sub("(?=>[|‖]</mo>)", ' stretchy="false"', mathml)
    # The theme gives what scrolls a stop of the tab key, by this class.
    scroll = '<div class="formula pst-scrollable-table-container">{}</div>'
    translator.body.append(scroll.format(mathml) if block else mathml)
    raise nodes.SkipNode


def write_math_font(app: Sphinx, error: Exception | None) -> None:
    """Write the font of the formulas: few systems have one with the measures MathML needs.

    It is STIX Two Math, under the SIL Open Font License, which the font itself names.
    """
    if error is not None:
        return
    font = TTFont(files("ziamath") / "fonts" / "STIXTwoMath-Regular.ttf")
    subsetter = Subsetter(Options(hinting=False, name_IDs=["*"]))
    subsetter.populate(unicodes=[code for block in MATH_BLOCKS for code in block])
    subsetter.subset(font)
    font.flavor = "woff"
    font.save(app.outdir / "_static" / "math.woff")


def setup(app: Sphinx) -> None:
    """Register the above."""
    app.connect("source-read", prepare_outputs)
    app.connect("html-page-context", finish_page)
    app.connect("build-finished", write_math_font)
    app.add_html_math_renderer("mathml", (visit_formula, None), (visit_formula, None))
