"""How a catalogue scales on a cluster of nodes on this machine.

    python catalogue.py nodes --nodes 1 2 3 --songs 12 --seconds 180
    python catalogue.py memory --songs 10 10000

`nodes` gives songs per hour, and the processor seconds that the workers spend on a song beside those of one call of
`Separator.separate_file`; `memory` the most memory that the driver had, with songs as short as can be. Both print JSON.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile

LOOPBACK = "127.0.0.2"
ONE_SONG = """
import resource, sys, unweave
separator = unweave.Separator(threads=1)
before = sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
separator.separate_file(sys.argv[1], sys.argv[2])
print(sum(resource.getrusage(resource.RUSAGE_SELF)[:2]) - before)
"""


def make_songs(folder, number, seconds, rate):
    """The first is a file, all others links to it."""
    generator = np.random.default_rng(1)
    first = Path(folder) / "song 000000.wav"
    samples = generator.normal(size=(max(1, int(seconds * rate)), 2)) * 0.05
    soundfile.write(first, samples, rate, subtype="PCM_16")
    for n in range(1, number):
        os.link(first, Path(folder) / f"song {n:06}.wav")


def processor_seconds_of_workers(folder):
    """So far, of every worker that works in this output."""
    ticks = os.sysconf("SC_CLK_TCK")
    total = 0.0
    for place in Path(folder).glob(".unweave/making/unweave-*"):
        stat = Path(f"/proc/{place.name.split('-')[-2]}/stat").read_text().rpartition(")")[2].split()
        total += (int(stat[11]) + int(stat[12])) / ticks
    return total


def run_once(num_songs, seconds, rate, num_nodes, what):
    """In this process, which is new."""
    import ray
    import ray.cluster_utils

    from unweave.catalogue import Settings, What, driver

    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    node = {"num_cpus": 1, "node_ip_address": LOOPBACK, "object_store_memory": 80 << 20}
    cluster = ray.cluster_utils.Cluster(initialize_head=True, head_node_args={**node, "include_dashboard": False})
    for _ in range(num_nodes - 1):
        cluster.add_node(**node)
    ray.init(address=cluster.address, log_to_driver=False, _node_ip_address=LOOPBACK)
    marks = {}
    with tempfile.TemporaryDirectory() as place:
        songs, out = Path(place) / "in", Path(place) / "out"
        songs.mkdir()
        make_songs(songs, num_songs, seconds, rate)
        take = driver._Run._take

        def taking(self, outcome):
            marks.setdefault("first", (time.monotonic(), processor_seconds_of_workers(out)))
            take(self, outcome)
            if self.num_done == num_songs:
                marks["last"] = (time.monotonic(), processor_seconds_of_workers(out))

        driver._Run._take = taking
        summary = driver.run(Settings(str(songs), str(out), what=What(**what)), is_quiet=True)
    # From the first song done to the last: starting is paid once.
    clock, processor = (last - first for first, last in zip(marks["first"], marks["last"]))
    result = {
        "songs": summary.num_done,
        "songs_per_hour": 3_600 * (num_songs - 1) / clock,
        "processor_seconds_per_song": processor / (num_songs - 1),
        "driver_peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1_024,
        "nodes": num_nodes,
    }
    print(json.dumps(result))
    ray.shutdown()
    cluster.shutdown()


def apart(*arguments):
    """A run in a process of its own: what it prints last."""
    done = subprocess.run(
        [sys.executable, __file__, "once", *map(str, arguments)], stdout=subprocess.PIPE, text=True, check=True
    )
    return json.loads(done.stdout.splitlines()[-1])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    nodes = commands.add_parser("nodes")
    nodes.add_argument("--nodes", type=int, nargs="+", default=[1, 2, 3])
    nodes.add_argument("--songs", type=int, default=12)
    nodes.add_argument("--seconds", type=float, default=180)
    memory = commands.add_parser("memory")
    memory.add_argument("--songs", type=int, nargs="+", default=[10, 10_000])
    once = commands.add_parser("once")
    for name, kind in [("songs", int), ("seconds", float), ("rate", int), ("nodes", int), ("what", json.loads)]:
        once.add_argument(name, type=kind)
    options = parser.parse_args()
    if options.command == "once":
        run_once(options.songs, options.seconds, options.rate, options.nodes, options.what)
    elif options.command == "memory":
        what = json.dumps({"stems": ["vocals"], "mix": False})
        print(json.dumps([apart(songs, 0.02, 44_100, 2, what) for songs in options.songs], indent=2))
    else:
        results = [apart(options.songs, options.seconds, 44_100, number, "{}") for number in options.nodes]
        with tempfile.TemporaryDirectory() as place:
            make_songs(place, 1, options.seconds, 44_100)
            song = Path(place) / "song 000000.wav"
            bare = subprocess.run(
                [sys.executable, "-c", ONE_SONG, song, place], stdout=subprocess.PIPE, text=True, check=True
            )
        print(json.dumps({"one_call_processor_seconds": float(bare.stdout), "runs": results}, indent=2))


if __name__ == "__main__":
    main()
