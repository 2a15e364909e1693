"""`python -m unweave.catalogue`: see `python -m unweave.catalogue run --help`."""

import argparse
import json
import signal
import sys
from typing import Any

from .driver import run
from .settings import Problem, Settings, What

INTERRUPTED = 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m unweave.catalogue", description="Stems of a whole catalogue, on one machine or many."
    )
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser(
        "run",
        help="separate all songs that are not done, and write the table",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = command.add_argument
    add("--input", required=True, help="folder, text file with an address per line, or Parquet table")
    add("--output", required=True, help="folder; local, or an address such as s3://bucket/stems")
    add("--column", default=Settings.column, help="the table's column of addresses")
    add("--storage-options", type=json.loads, default={}, help="JSON that fsspec is given for the stores")
    add("--address", help="of a Ray cluster, or auto; without, this machine alone")
    add("--workers", type=int, help="how many; without, as many as there is room for")
    add("--cpus", type=float, default=Settings.cpus, help="processors per worker")
    add("--gpus", type=float, default=Settings.gpus, help="GPUs per worker, may be a share")
    add("--device", help="what computes; without, cpu, or the fastest with --gpus")
    add("--tries", type=int, default=Settings.tries, help="how often a song may fail")
    add("--retry-failed", action="store_true", help="try songs again that are listed as failed")
    add("--patience", type=float, default=Settings.patience_s, help="seconds that a store may fail")
    add("--price-per-hour", type=float, help="of one machine, to say what 1,000 songs cost")
    add("--quiet", action="store_true", help="no bar")
    made = command.add_argument_group("what is made, as `unweave separate` takes it")
    made.add_argument("--model")
    made.add_argument("--stems", type=lambda text: tuple(text.split(",")))
    made.add_argument("--sum", action="append", default=[], dest="sums")
    made.add_argument("--only-sums", action="store_true")
    made.add_argument("--no-mix", action="store_true")
    made.add_argument("--format", choices=["wav", "flac", "mp3"], default="wav")
    made.add_argument("--bit-depth", choices=["16", "24", "32f"], default="24")
    return parser


def _settings(options: argparse.Namespace) -> Settings:
    what = What(
        model=options.model,
        stems=options.stems,
        sums=tuple(options.sums),
        only_sums=options.only_sums,
        mix=not options.no_mix,
        format=options.format,
        bit_depth=options.bit_depth,
    )
    names = ["input", "output", "column", "storage_options", "address", "workers", "cpus", "gpus", "device", "tries"]
    names += ["retry_failed", "price_per_hour"]
    return Settings(what=what, patience_s=options.patience, **{name: getattr(options, name) for name in names})


def _interrupt(*_: Any) -> None:
    raise KeyboardInterrupt


def main() -> int:
    """Runs, and gives the exit code: 0 if all songs are done, 1 if some failed or the run could not go on, 130 after
    Ctrl-C."""
    options = _parser().parse_args()
    # Whoever ends a job sends this first.
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        summary = run(_settings(options), is_quiet=options.quiet)
    except Problem as problem:
        print(f"error: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; what is done stays done, and the same command goes on", file=sys.stderr)
        return INTERRUPTED
    print(summary)
    return 1 if summary.num_failed else 0


if __name__ == "__main__":
    sys.exit(main())
