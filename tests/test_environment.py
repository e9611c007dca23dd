"""pyproject.toml, requirements.lock, environment.yml and postBuild agree."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import nbformat
import pytest
import yaml
from jupyter_client import KernelManager
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LOCK_TEXT = (ROOT / "requirements.lock").read_text()
LOCK = dict(re.findall(r"^([a-z0-9-]+)==([^ ]+)", LOCK_TEXT, flags=re.MULTILINE))
CONDA = yaml.safe_load((ROOT / "environment.yml").read_text())

EXTRAS = PROJECT["optional-dependencies"]
REQUIREMENTS = [
    requirement
    for group in [PROJECT["dependencies"], *(EXTRAS[name] for name in EXTRAS if name != "peers")]
    for requirement in map(Requirement, group)
    if requirement.name != PROJECT["name"]
]


@pytest.mark.parametrize("requirement", REQUIREMENTS, ids=str)
def test_requirements_have_a_lower_bound_alone_which_the_lock_meets(requirement):
    assert [bound.operator for bound in requirement.specifier] == [">="]
    assert LOCK[requirement.name] in requirement.specifier


def test_conda_takes_all_but_python_and_pip_from_the_lock():
    python, *others = CONDA["dependencies"]

    assert others == ["pip", {"pip": ["--requirement requirements.lock"]}]
    name, version = python.split("=")
    assert name == "python"
    assert version in SpecifierSet(PROJECT["requires-python"])
    assert CONDA["channels"] == ["conda-forge", "nodefaults"]


def test_package_is_installed_beside_the_lock_by_readme_and_binder():
    command = "python -m pip install --no-deps --no-build-isolation --editable ."

    assert os.access(ROOT / "postBuild", os.X_OK)
    for name in ["postBuild", "README.md"]:
        assert command in " ".join((ROOT / name).read_text().split()), name


@pytest.mark.parametrize("name", ["requirements.lock", "environment.yml", "postBuild"])
def test_no_address_is_named(name):
    assert not re.search(
        r"https?:|file:|--(extra-)?index-url|--find-links| @ ", (ROOT / name).read_text()
    )


def test_kernel_that_the_notebooks_name_is_this_environment():
    names = {
        nbformat.read(path, as_version=4).metadata.kernelspec.name
        for path in (ROOT / "notebooks").glob("*.ipynb")
    }

    assert {KernelManager(kernel_name=name).format_kernel_cmd()[0] for name in names} == {
        sys.executable
    }


@pytest.mark.skipif(shutil.which("git") is None, reason="no git on this machine")
@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not a checkout by git")
def test_no_line_end_is_changed_where_git_would_write_windows_own(tmp_path, monkeypatch):
    config, clone = tmp_path / "gitconfig", tmp_path / "clone"
    config.write_text("[core]\nautocrlf = true\n[safe]\ndirectory = *\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    subprocess.run(["git", "clone", "--quiet", ROOT, clone], check=True)

    listed = subprocess.check_output(["git", "ls-files", "--eol"], cwd=clone, text=True)

    for line in listed.splitlines():
        stored, here, *_ = line.split()
        assert stored.removeprefix("i/") == here.removeprefix("w/") != "crlf", line
