import matplotlib
import matplotlib.pyplot as plt
import pytest

matplotlib.use("Agg")  # no windows on a desktop


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


# The sample notebooks are wrong on purpose; test_notebooks.py runs them.
collect_ignore_glob = ["notebooks_pass_and_fail/*"]
