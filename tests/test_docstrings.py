"""The examples in the docstrings are so, and every public function has one."""

import doctest
import importlib
import inspect
import pkgutil

import pytest

import digits_lr

NAMES = [m.name for m in pkgutil.walk_packages(digits_lr.__path__, "digits_lr.")]
MODULES = [name for name in NAMES if not name.endswith("__main__")]
NEED_MNIST = {"digits_lr.loading.mnist"}


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=[pytest.mark.network] * (n in NEED_MNIST)) for n in MODULES],
)
def test_examples_give_what_they_show(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0


@pytest.mark.parametrize("name", digits_lr.__all__)
def test_every_public_function_has_an_example(name):
    assert "\nExamples\n-----" in inspect.getdoc(getattr(digits_lr, name))
