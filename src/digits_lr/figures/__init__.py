"""Numbers as figures, and figures as outputs of a notebook."""
