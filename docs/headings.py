"""The addresses of headings."""


def address(title: str) -> str:
    """Return a heading's address as Jupyter makes it, so that contents lists work there too."""
    return title.replace(" ", "-")
