"""Which songs an input names, and what is said of one that names none."""

import pyarrow as pa
import pyarrow.parquet
import pytest

from unweave.catalogue import Problem, Settings, run
from unweave.catalogue.journal import Journal
from unweave.catalogue.songs import songs
from unweave.catalogue.store import Store
from unweave.catalogue.worker import Worker


def named(source, **options):
    return [tuple(song) for song in songs(Settings(input=str(source), output="out", **options))]


def test_a_folder_names_its_songs_and_those_below_in_order(tmp_path):
    for name in ["b.WAV", "a.flac", "cover.jpg", "below/c.mp3", ".hidden.wav", "below/deep/d.m4a"]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    keys = ["a.flac", "b.WAV", "below/c.mp3", "below/deep/d.m4a"]
    assert named(tmp_path) == [(f"{tmp_path}/{key}", key) for key in keys]
    assert named(f"file://{tmp_path}/") == named(tmp_path)


def test_a_list_names_songs_here_and_elsewhere(tmp_path):
    (tmp_path / "list.txt").write_text(
        "# comment\nalbum/ä b.wav\n\n./x.wav\n/music/y.wav\ns3://bucket/z.wav\n", encoding="utf-8"
    )
    assert named(tmp_path / "list.txt") == [
        (f"{tmp_path}/album/ä b.wav", "album/ä b.wav"),
        (f"{tmp_path}/x.wav", "x.wav"),
        ("/music/y.wav", "music/y.wav"),
        ("s3://bucket/z.wav", "bucket/z.wav"),
    ]


def test_a_table_names_songs_in_a_column(tmp_path):
    path = tmp_path / "songs.parquet"
    pyarrow.parquet.write_table(pa.table({"id": [1, 2], "song": ["a.wav", "b/c.wav"]}), path)
    assert [key for _, key in named(path)] == ["a.wav", "b/c.wav"]
    with pytest.raises(Problem, match="no column 'path'; it has id, song: name one with --column"):
        named(path, column="path")
    with pytest.raises(Problem, match="addresses are text"):
        named(path, column="id")


def test_what_names_no_songs_is_refused_with_what_to_do(tmp_path):
    (tmp_path / "outside.txt").write_text("../secret.wav\n")
    (tmp_path / "song.wav").write_bytes(b"RIFF\xff\xfe\xfd")
    (tmp_path / "no.parquet").write_text("no table")
    cases = [
        (tmp_path / "none", "no such folder"),
        (tmp_path / "outside.txt", "whole address"),
        (tmp_path / "song.wav", "a list of one line"),
        (tmp_path / "no.parquet", "no Parquet table"),
        ("nonsense://x", "no such address"),
    ]
    for source, words in cases:
        with pytest.raises(Problem, match=words):
            named(source)


def test_an_output_within_the_input_is_refused(tmp_path):
    for output in [tmp_path, tmp_path / "stems"]:
        with pytest.raises(Problem, match="within the input"):
            run(Settings(input=str(tmp_path), output=str(output)))


def test_a_folder_that_another_machine_does_not_share_is_refused(tmp_path):
    here, there = (str(tmp_path / name) for name in ["here", "there"])
    states = [Journal(Store(folder, {})).begin({"model": "x"}) for folder in (here, there)]
    worker = Worker(Settings(input="in", output=there))
    worker.output = Store(there, {})
    assert "name one that all machines share" in worker.look(states[0])
    assert worker.look(states[1]) is None
