"""A Ray cluster of three nodes on this machine, and songs short enough to make many of."""

import os
import subprocess
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import ray
import ray.cluster_utils
import soundfile

from unweave.catalogue import Settings

# All traffic stays on this machine. Ray takes 127.0.0.1 for the machine's outer address.
LOOPBACK = "127.0.0.2"
NODE = {"num_cpus": 1, "node_ip_address": LOOPBACK, "object_store_memory": 80 << 20}


class Cluster:
    """Nodes of one processor."""

    def __init__(self):
        os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
        self.cluster = ray.cluster_utils.Cluster()
        self.add(include_dashboard=False)
        self.nodes = []
        ray.init(address=self.cluster.address, log_to_driver=False, _node_ip_address=LOOPBACK)

    def fill(self):
        """Makes it three nodes, the head one of them."""
        while len(self.nodes) < 2:
            self.nodes.append(self.add())

    def add(self, **options):
        """On a busy machine a node may take longer than Ray waits for it."""
        for attempt in range(5):
            try:
                return self.cluster.add_node(**NODE, **options)
            except Exception as error:
                if "timed out during startup" not in str(error) or attempt == 4:
                    raise

    def lose(self):
        """Takes a node away as a power cut does."""
        self.cluster.remove_node(self.nodes.pop(), allow_graceful=False)

    def close(self):
        ray.shutdown()
        self.cluster.shutdown()


@pytest.fixture(scope="session")
def only_cluster():
    cluster = Cluster()
    yield cluster
    cluster.close()


@pytest.fixture
def cluster(only_cluster):
    """Three nodes on this machine."""
    only_cluster.fill()
    return only_cluster


@pytest.fixture(scope="session")
def tones():
    """A song of so many seconds, another for each number: (frames, 2), 44.1 kHz."""

    def make(number, seconds):
        time_s = np.arange(int(44_100 * seconds)) / 44_100
        generator = np.random.default_rng(number)
        chord = sum(np.sin(2 * np.pi * hertz * time_s) for hertz in generator.uniform(60, 2_000, 5)) / 12
        beats = generator.normal(size=(len(time_s), 2)) * np.exp(-(time_s % 0.5) * 20)[:, None] / 6
        return (chord[:, None] + beats).astype(np.float32)

    return make


@pytest.fixture
def make_songs(tones):
    """Writes songs into a folder, three of them in a folder of their own, and gives their keys."""

    def make(folder, number, seconds=1.0):
        keys = [f"{'album/' if n < 3 else ''}song {n}.wav" for n in range(number)]
        for n, key in enumerate(keys):
            path = Path(folder) / key
            path.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(path, tones(n, seconds), 44_100, subtype="PCM_16")
        return keys

    return make


@pytest.fixture
def settings(tmp_path):
    """From one folder to another."""

    def make(**options):
        return Settings(input=str(tmp_path / "in"), output=str(tmp_path / "out"), **options)

    return make


@pytest.fixture
def by_the_command(command, runtime_environment, tmp_path):
    """The files that `unweave separate` makes of songs, by the song's name and their own."""

    def make(songs):
        out = tmp_path / "by the command"
        subprocess.run(
            [command, "separate", *songs, "-o", out, "--quiet", "--threads", "1"],
            check=True,
            env=runtime_environment,
            stdout=subprocess.DEVNULL,
        )
        return {folder.name: {path.name: path.read_bytes() for path in folder.iterdir()} for folder in out.iterdir()}

    return make


def files_in(output):
    """All files that are not the run's own, relative to the output. May be asked while workers come and go."""
    files = []
    for folder, folders, names in os.walk(output):
        folders[:] = [name for name in folders if name != ".unweave"]
        files += [os.path.relpath(os.path.join(folder, name), output) for name in names]
    return sorted(file for file in files if not file.startswith("catalogue."))


def sets_in(output):
    """The folder of every report."""
    return sorted(os.path.dirname(file) for file in files_in(output) if file.endswith(" (Report).json"))


def meanwhile(work):
    """Runs `work` beside the test, which fails if it does."""

    class Thread(threading.Thread):
        error = None

        def run(self):
            try:
                work()
            except BaseException as error:
                self.error = error

        def __enter__(self):
            self.start()
            return self

        def __exit__(self, *_):
            self.join()
            if self.error:
                raise self.error

    return Thread()


def wait_for(condition, timeout_s=240):
    """What a condition gives once it gives something."""
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.02)
    raise TimeoutError(f"waited {timeout_s} s for {condition}")
