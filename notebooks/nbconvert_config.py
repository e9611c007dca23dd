"""How `make notebooks` runs nbconvert: headings for progress, the same bytes again."""

import re
import sys
from pathlib import Path

import zmq

c = get_config()  # noqa: F821 (given by traitlets, which executes this file)


def tell_headings(cell, cell_index):  # noqa: ARG001 (what nbclient gives)
    """Print the headings that the execution has come to."""
    if cell.cell_type == "markdown":
        for heading in re.findall(r"^##? (.+)", cell.source, re.MULTILINE):
            print(f"{Path(sys.argv[-1]).stem}: {heading}", flush=True)


c.ExecutePreprocessor.on_cell_start = tell_headings
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
