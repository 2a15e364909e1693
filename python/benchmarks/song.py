"""What the package adds to the command's time for a song.

    python song.py --command target/release/unweave --runs 5 song.flac

Runs both in turn, each in a process of its own that loads the model, makes the files of the song and ends. Prints the
median seconds by the clock and of all processors, in JSON. Processor seconds tell on a busy machine, too.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from unweave._runtime import folders

PACKAGE = "import sys, unweave; unweave.Separator().separate_file(sys.argv[1], sys.argv[2])"


def seconds(arguments, environment):
    """By the clock, and of all processors."""
    start = time.monotonic()
    process = subprocess.Popen(arguments, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"failed: {arguments}")
    return time.monotonic() - start, usage.ru_utime + usage.ru_stime


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--command", required=True)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("song")
    options = parser.parse_args()
    # The same library, so that the difference is the package's.
    library = next(Path(folders()[0]).glob("libonnxruntime.so.1*"))
    environment = {**os.environ, "UNWEAVE_ONNXRUNTIME": str(library)}
    times = {"command": [], "package": []}
    with tempfile.TemporaryDirectory() as out:
        ways = {
            "command": [options.command, "separate", options.song, "-o", out, "--quiet"],
            "package": [sys.executable, "-c", PACKAGE, options.song, out],
        }
        for _ in range(options.runs):
            for way, arguments in ways.items():
                times[way].append(seconds(arguments, environment))
    medians = {way: [statistics.median(column) for column in zip(*runs)] for way, runs in times.items()}
    kinds = ["clock_seconds", "processor_seconds"]
    result = {way: dict(zip(kinds, values)) for way, values in medians.items()}
    result["added"] = {
        kind: result["package"][kind] / result["command"][kind] - 1 for kind in kinds
    }
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
