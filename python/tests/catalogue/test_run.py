"""Runs on three nodes, with everything that goes wrong in real ones."""

import os
import resource
import signal
import threading
from pathlib import Path

import pyarrow.csv
import pyarrow.parquet
import pytest
import soundfile
from catalogue.conftest import files_in, meanwhile, sets_in, wait_for
from conftest import content

import unweave
from unweave.catalogue import Problem, What, run


def table(output):
    """The lines of the table by their folders, which the CSV must hold as well."""
    lines = pyarrow.parquet.read_table(Path(output) / "catalogue.parquet").to_pylist()
    assert pyarrow.csv.read_csv(Path(output) / "catalogue.csv").num_rows == len(lines)
    by_folder = {line["folder"]: line for line in lines}
    assert len(by_folder) == len(lines), "a song is in the table twice"
    return by_folder


def assert_all_are_whole(output, keys):
    """A set for each song, and no file beside them."""
    assert sets_in(output) == sorted(keys)
    # Four stems, the mix, the instrumental, the report.
    assert len(files_in(output)) == 7 * len(keys)
    assert not (Path(output) / ".unweave/making").exists()
    for key in keys:
        assert unweave.verify(Path(output) / key)["outcome"] == "exact"


def worker_pids(output):
    """Of the workers that are ready to work on this output."""
    return [int(folder.name.split("-")[-2]) for folder in Path(output).glob(".unweave/making/unweave-*")]


def test_every_song_becomes_the_set_that_the_command_makes(cluster, settings, make_songs, by_the_command):
    asked = settings()
    keys = make_songs(asked.input, 6)
    summary = run(asked, is_quiet=True)
    assert (summary.num_done, summary.num_before, summary.num_failed) == (6, 0, 0)
    assert_all_are_whole(asked.output, keys)
    expected = by_the_command([Path(asked.input) / key for key in keys])
    for key in keys:
        assert content(Path(asked.output) / key) == expected[Path(key).stem]
    lines = table(asked.output)
    assert set(lines) == set(keys)
    for line in lines.values():
        assert line["status"] == "done" and line["proof"] == "exact" and line["tries"] == 1
        assert line["seconds"] == 1 and line["took_seconds"] > 0 and -60 < line["loudness_lufs"] < 0
        assert line["model_sha256"] == unweave.models()[-1]["sha256"]
        assert line["song"] == f"{asked.input}/{line['folder']}"
    # The next run makes what is new.
    soundfile.write(Path(asked.input) / "new.wav", soundfile.read(Path(asked.input) / keys[0])[0], 44_100)
    times = {path: path.stat().st_mtime_ns for path in Path(asked.output).rglob("*.wav")}
    summary = run(asked, is_quiet=True)
    assert (summary.num_done, summary.num_before) == (1, 6)
    assert_all_are_whole(asked.output, [*keys, "new.wav"])
    assert all(path.stat().st_mtime_ns == then for path, then in times.items()), "a set was made twice"
    assert set(table(asked.output)) == {*keys, "new.wav"}
    # Another one of another kind does not mix with it.
    with pytest.raises(Problem, match="format was 'wav' and now is 'flac'"):
        run(settings(what=What(format="flac")), is_quiet=True)


def test_a_node_that_dies_costs_no_song_and_makes_none_twice(cluster, settings, make_songs):
    asked = settings()
    keys = make_songs(asked.input, 12, seconds=4)

    def lose_a_node():
        wait_for(lambda: len(sets_in(asked.output)) >= 2)
        cluster.lose()

    with meanwhile(lose_a_node):
        summary = run(asked, is_quiet=True)
    assert (summary.num_done, summary.num_failed) == (12, 0)
    assert_all_are_whole(asked.output, keys)
    lines = table(asked.output)
    assert set(lines) == set(keys)
    assert {line["tries"] for line in lines.values()} == {1}, "a lost machine was held against a song"


def test_songs_that_can_not_be_read_or_kill_their_worker_are_listed_and_stop_nobody(
    cluster, settings, make_songs, tones
):
    asked = settings()
    keys = make_songs(asked.input, 8)
    (Path(asked.input) / "broken.mp3").write_text("no song")
    killer = Path(asked.input) / "killer.wav"
    soundfile.write(killer, tones(99, 120), 44_100)
    is_over = threading.Event()

    def who_reads_the_killer():
        """As a decoder that takes all memory would be ended by the system."""
        for descriptor in Path("/proc").glob("[0-9]*/fd/*"):
            try:
                if os.readlink(descriptor) == str(killer):
                    return int(descriptor.parts[2])
            except OSError:
                pass
        return None

    def kill():
        while not is_over.wait(0.02):
            if pid := who_reads_the_killer():
                os.kill(pid, signal.SIGKILL)

    with meanwhile(kill):
        try:
            summary = run(asked, is_quiet=True)
        finally:
            is_over.set()
    assert (summary.num_done, summary.num_failed) == (8, 2)
    assert_all_are_whole(asked.output, keys)
    lines = table(asked.output)
    assert set(lines) == {*keys, "broken.mp3", "killer.wav"}
    for key, reason in [("broken.mp3", "not an audio file"), ("killer.wav", "its worker died")]:
        assert (lines[key]["status"], lines[key]["tries"]) == ("failed", 3)
        assert reason in lines[key]["reason"]
    # What was separated beside the killer is tried alone, and does well.
    assert all(lines[key]["tries"] <= 2 for key in keys)
    # A later run leaves them, unless it is asked.
    assert run(asked, is_quiet=True).num_before == 10
    make_songs(asked.input, 1)
    os.replace(Path(asked.input) / "album/song 0.wav", Path(asked.input) / "broken.mp3")
    killer.unlink()
    summary = run(settings(retry_failed=True), is_quiet=True)
    assert (summary.num_done, summary.num_failed) == (1, 0)
    assert table(asked.output)["broken.mp3"]["status"] == "done"


def test_a_full_output_stops_the_run_and_the_next_goes_on(cluster, settings, make_songs):
    asked = settings()
    keys = make_songs(asked.input, 9, seconds=2)

    def fill():
        """From now on the system refuses these workers any file beyond 100 kB, as a full disk does."""
        wait_for(lambda: sets_in(asked.output))
        for pid in worker_pids(asked.output):
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (100_000, 100_000))

    with meanwhile(fill), pytest.raises(Problem, match="make room"):
        run(asked, is_quiet=True)
    done = sets_in(asked.output)
    assert 0 < len(done) < 9
    assert len(files_in(asked.output)) == 7 * len(done), "a set is there in part"
    summary = run(asked, is_quiet=True)
    assert (summary.num_done + summary.num_before, summary.num_failed) == (9, 0)
    assert_all_are_whole(asked.output, keys)
    assert {line["status"] for line in table(asked.output).values()} == {"done"}


def test_machines_with_another_version_are_refused(cluster, settings, make_songs, monkeypatch):
    asked = settings()
    make_songs(asked.input, 1)
    version = unweave.__version__
    monkeypatch.setattr(unweave, "__version__", "9.9.9")
    with pytest.raises(Problem, match=f"has version {version} of unweave, the driver has 9.9.9"):
        run(asked, is_quiet=True)
    assert not sets_in(asked.output)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"what": What(model="no-such-model")}, "no-such-model"),
        ({"what": What(stems=("guitar",))}, "drums, bass, vocals, other"),
        ({"device": "abacus"}, "cpu, cuda"),
    ],
)
def test_what_no_song_can_become_stops_the_run_at_once(cluster, settings, make_songs, options, words):
    asked = settings(**options)
    make_songs(asked.input, 2)
    with pytest.raises(Problem, match=words):
        run(asked, is_quiet=True)
    assert not files_in(asked.output)
