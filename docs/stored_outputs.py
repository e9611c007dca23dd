"""Read figures and printed values from the notebooks' stored outputs.

Run as a script it writes the figures that README.md and the start page show, into this folder.
"""

import base64
import re
from pathlib import Path

import nbformat

ROOT = Path(__file__).parents[1]
FIGURES = {
    "digits_coefficients.png": ("01_digits_l2_saga", "all"),
    "coefficients.png": ("02_mnist_l1_saga", "coefficients"),
    "ladder.png": ("03_mnist_features", "chart"),
}


def figure(notebook: str, cell_id: str) -> tuple[bytes, dict[str, str | int]]:
    """Return the last PNG that a cell shows, and its metadata: width, height and alt."""
    *_, output = (o for o in _outputs(notebook, cell_id) if "image/png" in o.get("data", {}))
    return base64.b64decode(output.data["image/png"]), output.metadata["image/png"]


def printed(notebook: str, cell_id: str, label: str) -> str:
    """Return what a cell printed on the one line that starts with `label`."""
    text = "".join(output.get("text", "") for output in _outputs(notebook, cell_id))
    values = re.findall(rf"^{re.escape(label)}[ :]+(.+)$", text, flags=re.MULTILINE)
    if len(values) != 1:
        raise ValueError(
            f"cell {cell_id!r} of {notebook} printed {len(values)} lines that start with "
            f"{label!r}; wanted one in:\n{text}"
        )
    return values[0]


def errors(model: str, split: str = "standard") -> str:
    """Return how many test images of a split a model of chapter 3's table gets wrong."""
    tables = [o.data["text/plain"] for o in _outputs("03_mnist_features", "table") if "data" in o]
    (table,) = (text for text in tables if f"{split} split" in text)
    return re.findall(rf"^{model} +[\d,]+ +([\d,]+) ", table, flags=re.MULTILINE)[0]


def _outputs(notebook: str, cell_id: str) -> list[nbformat.NotebookNode]:
    """Return the outputs of the cell with that id."""
    cells = nbformat.read(ROOT / "notebooks" / f"{notebook}.ipynb", as_version=4).cells
    outputs = [cell.outputs for cell in cells if cell.id == cell_id]
    if not outputs:
        raise ValueError(f"{notebook} has no cell {cell_id!r}")
    return outputs[0]


if __name__ == "__main__":
    for name, source in FIGURES.items():
        path, (png, _) = Path(__file__).with_name(name), figure(*source)
        if not path.exists() or path.read_bytes() != png:  # unchanged ones are not touched
            path.write_bytes(png)
