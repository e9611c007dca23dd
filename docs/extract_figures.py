"""Write the README's figures from the second notebook's stored outputs."""

import base64
from pathlib import Path

import nbformat

ROOT = Path(__file__).parents[1]
CELLS = {"images": "coefficients.png", "matrix": "confusion.png"}


def figures() -> dict[str, bytes]:
    """Return the PNG that each file of `CELLS` holds, as the notebook stores it."""
    notebook = nbformat.read(ROOT / "notebooks" / "02_mnist_l1_saga.ipynb", as_version=4)
    return {
        CELLS[cell.id]: base64.b64decode(output.data["image/png"])
        for cell in notebook.cells
        if cell.id in CELLS
        for output in cell.outputs
        if "image/png" in output.get("data", {})
    }


if __name__ == "__main__":
    for name, png in figures().items():
        Path(__file__).with_name(name).write_bytes(png)
