"""When two pictures are equal; nbval, which leaves them out, compares them by it.

`make notebooks` keeps a stored picture by the same rule (``notebooks/nbconvert_config.py``).
Measured between x86 and 64-bit Arm, at the same versions: text in a figure differed by
at most 4 of 255 levels, in 528 of 2.4 million pixels (0.02 %), and nothing else did.
Allowed is twice that level, which nobody sees, and five times that share of a
picture's pixels, so that a figure of small text passes too. A digit, a bar or a colour
that changes differs by far more.
"""

import base64
import io

import numpy as np
from nbval.plugin import IPyNbCell, IPyNbFile
from PIL import Image

MOST_LEVELS = 8
MOST_PIXELS = 0.001

# How base64 writes a PNG's first bytes.
_PNG_START = base64.b64encode(b"\x89PNG\r\n").decode()


class Picture:
    """A cell's PNG, decoded, as another zlib packs the same pixels in other bytes."""

    def __init__(self, png, cell=None):
        self.pixels = np.asarray(
            Image.open(io.BytesIO(base64.b64decode(png))).convert("RGBA"), dtype=int
        )
        self.cell = cell

    def levels(self, other):
        """Return by how many of 255 levels each pixel differs, in its worst colour."""
        if self.pixels.shape != other.pixels.shape:
            return np.full(self.pixels.shape[:2], 255)
        return np.abs(self.pixels - other.pixels).max(axis=2)

    def __eq__(self, other):
        """Return whether nobody sees a difference; tell nbval's report of one that is there."""
        levels = self.levels(other)
        if levels.max() > MOST_LEVELS or np.mean(levels > 0) > MOST_PIXELS:
            return False
        if levels.any() and self.cell is not None:
            line = "; ".join(difference(self, other))
            self.cell.user_properties.append(("picture", line))
        return True

    __hash__ = None


def difference(stored, new):
    """Write both pictures and where they differ; return how much, and the files."""
    levels = stored.levels(new)
    if stored.pixels.shape == new.pixels.shape:
        how_much = (
            f"pictures differ by at most {levels.max()} of 255 levels "
            f"in {np.sum(levels > 0):,} of {levels.size:,} pixels "
            f"(allowed: {MOST_LEVELS} levels in {MOST_PIXELS:.1%})"
        )
    else:
        sizes = [f"{w}x{h}" for h, w, _ in (stored.pixels.shape, new.pixels.shape)]
        how_much = f"stored picture of {sizes[0]} pixels, new one of {sizes[1]}"

    cell, root = stored.cell, stored.cell.config.rootpath
    folder = root / "build" / "pictures"
    folder.mkdir(parents=True, exist_ok=True)
    where = np.where(levels > 0, 0, 255)  # black where they differ
    lines = [how_much]
    for name, pixels in [
        ("stored", stored.pixels),
        ("new", new.pixels),
        ("difference", where),
    ]:
        path = folder / f"{cell.path.stem}-cell-{cell.cell_num}-{name}.png"
        Image.fromarray(pixels.astype(np.uint8)).save(path)
        lines.append(f"{name}: {path.relative_to(root)}")
    return lines


def pytest_collectstart(collector):
    """Take PNG off the list of what nbval leaves out."""
    if isinstance(collector, IPyNbFile):
        collector.skip_compare = tuple(key for key in collector.skip_compare if key != "image/png")


def pytest_itemcollected(item):
    """Let nbval, which compares what `sanitize` returns, compare pictures."""
    if isinstance(item, IPyNbCell):
        sanitize = item.sanitize
        item.sanitize = lambda value: Picture(value, item) if _is_png(value) else sanitize(value)


def _is_png(value):
    return isinstance(value, str) and value.startswith(_PNG_START)


def pytest_assertrepr_compare(left, right):
    """Report two pictures that differ."""
    if isinstance(left, Picture) and isinstance(right, Picture):
        return difference(left, right)
    return None


def pytest_terminal_summary(terminalreporter):
    """Name the pictures that passed although they differ."""
    for report in terminalreporter.getreports("passed"):
        for name, line in report.user_properties:
            if name == "picture":
                terminalreporter.line(f"{report.nodeid} passed, though {line}")
