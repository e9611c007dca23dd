"""How `make html` builds the site from the stored notebooks, with Sphinx and myst-nb."""

import json
import sys
from pathlib import Path

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx
from sphinx.project import Project
from sphinx.writers.html5 import HTML5Translator

sys.path.insert(0, str(Path(__file__).parent))
from stored_outputs import FIGURES, figure, printed

project = "digits_lr"
html_title = "Handwritten digits"
language = "en"
extensions = ["myst_nb"]
include_patterns = ["docs/index.md", "notebooks/*.ipynb", "benchmarks/*.md"]
exclude_patterns = ["build", ".venv", ".git"]

# The outputs are shown as stored.
nb_execution_mode = "off"
myst_enable_extensions = ["dollarmath", "substitution"]
myst_heading_anchors = 3
myst_heading_slug_func = "headings.address"

# Follow the reader's system until they choose.
html_context = {"default_mode": "auto"}
html_theme = "pydata_sphinx_theme"
html_theme_options = {
    "header_links_before_dropdown": 2,
    "header_dropdown_text": "Measured",
    "navigation_with_keys": False,
    "search_bar_text": "Search the chapters",
    "article_header_start": [],
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": [],
    "footer_end": [],
}
html_sidebars = {"**": []}
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_use_index = False
html_scaled_image_link = False
html_math_renderer = "mathml"
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
}


# This folder's index.md opens the site: Sphinx takes it for a page at the top.
path2doc = Project.path2doc
Project.path2doc = lambda *args: (path2doc(*args) or "").removeprefix("docs/") or None


def describe_pictures(_app: Sphinx, docname: str, source: list[str]) -> None:
    """Hand the alternative text that a notebook stores to myst-nb, which looks in the cell."""
    if not docname.startswith("notebooks/"):
        return
    notebook = json.loads(source[0])
    for cell in notebook["cells"]:
        for output in cell.get("outputs", []):
            if "image/png" in output.get("data", {}):
                alt = output["metadata"]["image/png"]["alt"]
                cell["metadata"]["mystnb"] = {"image": {"alt": alt}}
    source[0] = json.dumps(notebook)


def visit_formula(translator: HTML5Translator, node: nodes.math | nodes.math_block) -> None:
    """Write a formula as MathML, which browsers show without a script."""
    block = isinstance(node, nodes.math_block)
    mathml = tex2mathml(node.astext(), as_block=block)
    # The space after a function's name, which MathML leaves to the writer: log p, not logp.
    apply = "<mo>&ApplyFunction;</mo>"
    translator.body.append(mathml.replace(apply, apply.replace("<mo", '<mo rspace="0.17em"')))
    raise nodes.SkipNode


def setup(app: Sphinx) -> None:
    """Register the above."""
    app.connect("source-read", describe_pictures)
    app.add_html_math_renderer("mathml", (visit_formula, None), (visit_formula, None))
