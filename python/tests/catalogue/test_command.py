"""`python -m unweave.catalogue`, on this machine alone."""

import re
import signal
import subprocess
import sys
from pathlib import Path

from catalogue.conftest import files_in, sets_in, wait_for

COMMAND = [sys.executable, "-m", "unweave.catalogue", "run"]


def test_an_interrupted_run_leaves_whole_sets_and_the_next_goes_on(settings, make_songs):
    asked = settings()
    keys = make_songs(asked.input, 8, seconds=4)
    arguments = [*COMMAND, "--input", asked.input, "--output", asked.output, "--cpus", "1", "--workers", "1"]
    running = subprocess.Popen(arguments, stderr=subprocess.PIPE, text=True)
    wait_for(lambda: len(sets_in(asked.output)) >= 2)
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=240)
    assert running.returncode == 130 and "the same command goes on" in said, said
    done = sets_in(asked.output)
    assert 2 <= len(done) < 8
    assert len(files_in(asked.output)) == 7 * len(done)
    times = {path: path.stat().st_mtime_ns for key in done for path in (Path(asked.output) / key).iterdir()}
    again = subprocess.run([*arguments, "--price-per-hour", "2"], capture_output=True, text=True)
    assert again.returncode == 0, again.stderr
    # A set whose record was not yet written is found, not made again.
    num_done, num_before = map(int, re.match(r"(\d+) songs done, (\d+) were before", again.stdout).groups())
    assert num_done + num_before == 8 and 0 < num_before <= len(done)
    assert all(path.stat().st_mtime_ns == then for path, then in times.items()), "a set was made twice"
    assert "machine hours and cost " in again.stdout
    assert sets_in(asked.output) == sorted(keys) and len(files_in(asked.output)) == 7 * 8


def test_an_address_where_no_cluster_answers_is_an_error_with_advice(settings, make_songs):
    asked = settings()
    make_songs(asked.input, 1)
    arguments = ["--input", asked.input, "--output", asked.output, "--address", "127.0.0.1:1"]
    done = subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "error: 127.0.0.1:1: no Ray cluster answers there" in done.stderr, done.stderr
    assert not files_in(asked.output)
