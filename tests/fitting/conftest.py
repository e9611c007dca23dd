import sys

import pytest

import digits_lr as dl

LOGISTIC = sys.modules[dl.fit.__module__]


@pytest.fixture
def in_child(monkeypatch):
    """Someone watches, and nothing may be fitted here instead."""
    monkeypatch.setattr(LOGISTIC, "watched", lambda: True)
    monkeypatch.setattr(LOGISTIC, "fit_here", None)


@pytest.fixture(params=["here", "in child"])
def either_way(request):
    if request.param == "in child":
        request.getfixturevalue("in_child")


@pytest.fixture
def fits_here(monkeypatch):
    """Someone watches; give the models that are fitted here nevertheless."""
    monkeypatch.setattr(LOGISTIC, "watched", lambda: True)
    models, fit_here = [], LOGISTIC.fit_here

    def fit_and_note(model, *args):
        models.append(model)
        fit_here(model, *args)

    monkeypatch.setattr(LOGISTIC, "fit_here", fit_and_note)
    return models
