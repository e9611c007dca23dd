"""How `make notebooks` runs nbconvert: the same bytes on every run."""

c = get_config()  # noqa: F821 (given by traitlets, which executes this file)

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
