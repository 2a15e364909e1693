"""How a catalogue scales on a cluster of nodes on this machine.

    python catalogue.py nodes --nodes 1 2 3 --songs 12 --seconds 180
    python catalogue.py memory --songs 10 10000

`nodes` gives songs per hour, and the processor seconds that the workers spend on a song beside those of one call of
`Separator.separate_file`; `memory` the most memory that the driver had, with workers that answer at once, since it
never sees what they do. Both print JSON.
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
RATE = 44_100
ONE_SONG = """
import resource, sys, unweave
separator = unweave.Separator(threads=1)
before = sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
separator.separate_file(sys.argv[1], sys.argv[2])
print(sum(resource.getrusage(resource.RUSAGE_SELF)[:2]) - before)
"""


def make_songs(folder, number, seconds):
    """The first is a file, all others links to it."""
    generator = np.random.default_rng(1)
    first = Path(folder) / "song 000000.wav"
    samples = generator.normal(size=(int(seconds * RATE), 2)) * 0.05
    soundfile.write(first, samples, RATE, subtype="PCM_16")
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


def start_cluster(num_nodes):
    """In this process, which is new."""
    import ray
    import ray.cluster_utils

    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    node = {"num_cpus": 1, "node_ip_address": LOOPBACK, "object_store_memory": 80 << 20}
    cluster = ray.cluster_utils.Cluster(initialize_head=True, head_node_args={**node, "include_dashboard": False})
    for _ in range(num_nodes - 1):
        cluster.add_node(**node)
    ray.init(address=cluster.address, log_to_driver=False, _node_ip_address=LOOPBACK)
    return cluster


def run_nodes(num_songs, seconds, num_nodes):
    import ray

    from unweave.catalogue import Settings, driver

    cluster = start_cluster(num_nodes)
    marks = {}
    with tempfile.TemporaryDirectory() as place:
        songs, out = Path(place) / "in", Path(place) / "out"
        songs.mkdir()
        make_songs(songs, num_songs, seconds)
        take = driver._Run._take

        def taking(self, outcome):
            marks.setdefault("first", (time.monotonic(), processor_seconds_of_workers(out)))
            take(self, outcome)
            if self.num_done == num_songs:
                marks["last"] = (time.monotonic(), processor_seconds_of_workers(out))

        driver._Run._take = taking
        summary = driver.run(Settings(str(songs), str(out)), is_quiet=True)
    # From the first song done to the last: starting is paid once.
    clock, processor = (last - first for first, last in zip(marks["first"], marks["last"]))
    result = {
        "songs": summary.num_done,
        "songs_per_hour": 3_600 * (num_songs - 1) / clock,
        "processor_seconds_per_song": processor / (num_songs - 1),
        "nodes": num_nodes,
    }
    print(json.dumps(result))
    ray.shutdown()
    cluster.shutdown()


def run_memory(num_songs):
    import ray

    from unweave.catalogue import Settings, driver, pool, worker

    class AtOnce(worker.Worker):
        def make(self, song):
            return {
                "song": song.address,
                "status": "done",
                "seconds": 1.0,
                "took_seconds": 1.0,
                "model_sha256": 64 * "0",
                "loudness_lufs": -14.0,
                "proof": "exact",
                "folder": song.key,
            }

    pool.Worker = AtOnce
    cluster = start_cluster(1)
    with tempfile.TemporaryDirectory() as place:
        songs = Path(place) / "in"
        songs.mkdir()
        for n in range(num_songs):
            (songs / f"song {n:07}.wav").touch()
        summary = driver.run(Settings(str(songs), str(Path(place) / "out")), is_quiet=True)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1_024
    print(json.dumps({"songs": summary.num_done, "driver_peak_mb": peak}))
    ray.shutdown()
    cluster.shutdown()


def apart(*arguments):
    """A run in a process of its own: what it prints last."""
    done = subprocess.run(
        [sys.executable, __file__, *map(str, arguments)], stdout=subprocess.PIPE, text=True, check=True
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
    for name, kind in [("songs", int), ("seconds", float), ("nodes", int)]:
        once.add_argument(name, type=kind)
    commands.add_parser("once-memory").add_argument("songs", type=int)
    options = parser.parse_args()
    if options.command == "once":
        run_nodes(options.songs, options.seconds, options.nodes)
    elif options.command == "once-memory":
        run_memory(options.songs)
    elif options.command == "memory":
        print(json.dumps([apart("once-memory", songs) for songs in options.songs], indent=2))
    else:
        results = [apart("once", options.songs, options.seconds, number) for number in options.nodes]
        with tempfile.TemporaryDirectory() as place:
            make_songs(place, 1, options.seconds)
            song = Path(place) / "song 000000.wav"
            bare = subprocess.run(
                [sys.executable, "-c", ONE_SONG, song, place], stdout=subprocess.PIPE, text=True, check=True
            )
        print(json.dumps({"one_call_processor_seconds": float(bare.stdout), "runs": results}, indent=2))


if __name__ == "__main__":
    main()
