"""MNIST from the cache, by load_mnist and by fetch_openml: what it costs.

``make bench`` runs it, about 2 minutes; it writes load_mnist.md into ``build/``, and with
``ARGS=--store`` beside itself. Each load is a process of its own. fetch_openml reads its own
cache, laid out here from the verified arrays as OpenML's answers would be. The time is the
processor's, so that other work on the machine does not count; the memory is all of the process,
scikit-learn included (Linux).
"""

import gzip
import hashlib
import json
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from bench_fits import circumstances, written_by
from numpy.typing import NDArray

from digits_lr import load_mnist

CHILD = """
import sys, time
from pathlib import Path
from sklearn.datasets import fetch_openml
from digits_lr.loading.mnist import load_mnist
home = sys.argv[1]
start = time.process_time()
loaded = {call}
print(time.process_time() - start)
# Not getrusage's ru_maxrss: it starts from what the parent had.
print(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0])
"""
HEADER = """\
# What loading MNIST costs

{written_by} Each load reads its own cache. The time is the processor's; the memory is all of the \
process, scikit-learn included.

| from its cache | processor seconds | ratio | peak memory, MiB | ratio |
|---|---|---|---|---|
"""


def main() -> None:
    """Load both ways and write the table."""
    with TemporaryDirectory() as home:
        store_openml(Path(home), *load_mnist())
        rows = []
        for call in [
            "fetch_openml(data_id=554, data_home=home, parser='liac-arff', as_frame=False)",
            "load_mnist('cache')",
        ]:
            child = subprocess.run(
                [sys.executable, "-c", CHILD.format(call=call), home],
                stdout=subprocess.PIPE,
                text=True,
                check=True,
            )
            seconds, kibibytes = map(float, child.stdout.split())
            memory = kibibytes / 1024
            if not rows:
                most_seconds, most_memory = seconds, memory
            name = call.replace(" data_home=home,", "")
            rows.append(
                f"| `{name}` | {seconds:.2f} | 1/{most_seconds / seconds:.0f} "
                f"| {memory:.0f} | 1/{most_memory / memory:.1f} |"
            )
            print(rows[-1], flush=True)
    header = HEADER.format(written_by=written_by(circumstances(["scikit-learn"])))
    table = header + "\n".join(rows) + "\n"
    here = Path(__file__).parent
    folder = here if "--store" in sys.argv else here.with_name("build")
    folder.mkdir(exist_ok=True)
    (folder / "load_mnist.md").write_text(table)


def store_openml(home: Path, images: NDArray, labels: NDArray) -> None:
    """Lay out under `home` what fetch_openml leaves in its cache."""
    pixels = [f"pixel{i}" for i in range(1, 785)]
    lines = ["@RELATION mnist_784", *(f"@ATTRIBUTE {pixel} REAL" for pixel in pixels)]
    lines += ["@ATTRIBUTE class {0,1,2,3,4,5,6,7,8,9}", "@DATA"]
    text = list(map(str, range(256)))
    for image, label in zip(images, labels, strict=True):
        lines.append(",".join([text[grey] for grey in image.tobytes()] + [text[label]]))
    arff = "\n".join(lines).encode()
    feature = {"is_ignore": "false", "is_row_identifier": "false", "number_of_missing_values": "0"}
    features = [
        feature | {"index": str(i), "name": name, "data_type": "numeric", "is_target": "false"}
        for i, name in enumerate(pixels)
    ]
    features.append(
        feature | {"index": "784", "name": "class", "data_type": "nominal", "is_target": "true"}
    )
    description = {
        "id": "554",
        "name": "mnist_784",
        "description": "",
        "format": "ARFF",
        "status": "active",
        "url": "https://api.openml.org/data/v1/download/52667/mnist_784.arff",
        "md5_checksum": hashlib.md5(arff).hexdigest(),
    }
    qualities = [{"name": "NumberOfInstances", "value": str(len(images))}]
    for path, content in {
        "api/v1/json/data/554": {"data_set_description": description},
        "api/v1/json/data/features/554": {"data_features": {"feature": features}},
        "api/v1/json/data/qualities/554": {"data_qualities": {"quality": qualities}},
        "data/v1/download/52667/mnist_784.arff": arff,
    }.items():
        file = home / "openml" / "openml.org" / f"{path}.gz"
        file.parent.mkdir(parents=True, exist_ok=True)
        raw = content if isinstance(content, bytes) else json.dumps(content).encode()
        file.write_bytes(gzip.compress(raw, compresslevel=1))


if __name__ == "__main__":
    main()
