"""How `make notebooks` runs nbconvert: headings for progress, the same bytes again."""

import re
import sys
from pathlib import Path

import zmq

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from conftest import Picture

c = get_config()  # noqa: F821 (given by traitlets, which executes this file)


def tell_headings(cell, cell_index):  # noqa: ARG001 (what nbclient gives)
    """Print the headings that the execution has come to."""
    if cell.cell_type == "markdown":
        for heading in re.findall(r"^##? (.+)", cell.source, re.MULTILINE):
            print(f"{Path(sys.argv[-1]).stem}: {heading}", flush=True)


stored = []


def pictures_of(cell):
    """Return the data of the cell's outputs that are pictures."""
    return [out.data for out in cell.outputs if "image/png" in out.get("data", {})]


def remember_pictures(cell, cell_index):  # noqa: ARG001
    """Take the stored pictures of a cell that is about to be executed."""
    stored[:] = pictures_of(cell)


def keep_pictures(cell, cell_index, execute_reply):  # noqa: ARG001
    """Keep each stored picture that nbval would not tell from the new one."""
    # One by one, as the texts between them may still be in pieces.
    for old, new in zip(stored, pictures_of(cell), strict=False):
        if Picture(old["image/png"]) == Picture(new["image/png"]):
            new["image/png"] = old["image/png"]


c.ExecutePreprocessor.on_cell_start = tell_headings
c.ExecutePreprocessor.on_cell_execute = remember_pictures
c.ExecutePreprocessor.on_cell_executed = keep_pictures
if zmq.has("curve"):  # or each kernel would warn that what it says can be overheard
    c.KernelManager.transport_encryption = "auto"

# Stored outputs hold no times, and no metadata that differs between machines.
c.ExecutePreprocessor.record_timing = False
c.ExecutePreprocessor.store_widget_state = False
c.ExecutePreprocessor.kernel_name = "python3"
c.ExecutePreprocessor.timeout = 3600
# Once more after the execution: text that is printed slowly arrives in pieces.
c.Exporter.preprocessors = ["nbconvert.preprocessors.CoalesceStreamsPreprocessor"]
c.ClearMetadataPreprocessor.enabled = True
c.ClearMetadataPreprocessor.preserve_cell_metadata_mask = {"tags"}
c.ClearMetadataPreprocessor.preserve_nb_metadata_mask = {
    "title",
    "kernelspec",
    # What the kernel says of its language, all but the version. In one tuple:
    # of two that start alike nbconvert would keep the last.
    (
        "language_info",
        "codemirror_mode",
        "file_extension",
        "mimetype",
        "name",
        "nbconvert_exporter",
        "pygments_lexer",
    ),
}
