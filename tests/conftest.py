import json
import os
import shutil
import time
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from digits_lr import StrokeDirections

matplotlib.use("Agg")  # no windows on a desktop


def wait_until(condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module")  # its event loop would be in the way of other modules'
def browser():
    """Return the machine's own Chromium."""
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        reason = "no Chromium on this machine"
        if "DIGITS_LR_BROWSER_REQUIRED" in os.environ:
            pytest.fail(reason)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-background-networking"]
        )
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def published():
    """Return what the page Try it works with: the numbers of two models, and digits."""
    text = (Path(__file__).parents[1] / "docs" / "_static" / "model.js").read_text()
    return json.loads(text[text.index("{") : text.rindex("}") + 1])


@pytest.fixture(scope="session")
def page_models(published):
    """Return the models of the page Try it, as scikit-learn's: of pixels, and of strokes."""
    models = {"pixels": LogisticRegression(C=50, l1_ratio=1), "strokes": LogisticRegression()}
    for name, model in models.items():
        model.classes_ = np.arange(10)
        model.coef_ = np.array(published[name]["coefficients"]) * published[name]["unit"]
        model.intercept_ = np.array(published[name]["intercepts"]) * published[name]["unit"]
    return models


@pytest.fixture(scope="session")
def page_features(published):
    """Return what each model of the page Try it is shown: functions of images, one a row."""
    strokes = StrokeDirections(n_jobs=-1)
    return {
        "pixels": np.asarray,
        "strokes": lambda X: strokes.fit_transform(X) - published["strokes"]["means"],
    }
