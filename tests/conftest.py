import json
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

matplotlib.use("Agg")  # no windows on a desktop


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="session")
def published():
    """Return what the page Try it works with: coefficients, intercepts, their unit and digits."""
    text = (Path(__file__).parents[1] / "docs" / "_static" / "model.js").read_text()
    return json.loads(text[text.index("{") : text.rindex("}") + 1])


@pytest.fixture(scope="session")
def page_model(published):
    """Return the model of the page Try it, as scikit-learn's."""
    model = LogisticRegression(C=50, l1_ratio=1)
    model.classes_ = np.arange(10)
    model.coef_ = np.array(published["coefficients"]) * published["unit"]
    model.intercept_ = np.array(published["intercepts"]) * published["unit"]
    return model


# The sample notebooks are wrong on purpose; test_notebooks.py runs them.
collect_ignore_glob = ["notebooks_pass_and_fail/*"]
