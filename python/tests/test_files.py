"""Songs in, sets out."""

import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
import soundfile
from conftest import content

import unweave


@pytest.mark.parametrize("model_threads", [None, 1])
def test_files_are_those_of_the_command_byte_for_byte(
    song, tmp_path, command, runtime_environment, model_threads
):
    arguments = [] if model_threads is None else ["--threads", str(model_threads)]
    subprocess.run(
        [command, "separate", song, "-o", tmp_path / "command", "--quiet", *arguments],
        check=True,
        env=runtime_environment,
    )
    separator = unweave.Separator(threads=model_threads)
    done = separator.separate_file(song, tmp_path / "package")
    assert content(done.folder) == content(tmp_path / "command" / done.folder.name)


def test_options_choose_the_files(separator, song, tmp_path):
    done = separator.separate_file(
        song,
        tmp_path,
        stems=["vocals", "instrumental"],
        sums=["No Drums=bass+vocals+other"],
        mix=False,
        format="flac",
        bit_depth=16,
        name="Named",
    )
    names = {f"Named ({label}).flac" for label in ["Vocals Stem", "Instrumental", "No Drums"]}
    assert {path.name for path in done.folder.iterdir()} == names | {"Named (Report).json"}
    assert soundfile.info(done.folder / "Named (No Drums).flac").subtype == "PCM_16"
    assert done.is_new and done.folder == tmp_path / "Named"


def test_a_set_that_is_there_is_kept_numbered_or_replaced(separator, song, tmp_path):
    first = separator.separate_file(song, tmp_path)
    kept = separator.separate_file(song, tmp_path, skip_existing=True)
    assert (kept.folder, kept.is_new, kept.report) == (first.folder, False, first.report)
    numbered = separator.separate_file(song, tmp_path)
    assert numbered.folder.name == first.folder.name + " (2)"
    replaced = separator.separate_file(song, tmp_path, overwrite=True)
    assert replaced.folder == first.folder and replaced.is_new
    assert len(list(tmp_path.iterdir())) == 2


def test_a_set_is_proved_and_a_changed_one_is_not(separator, song, tmp_path):
    done = separator.separate_file(song, tmp_path)
    assert unweave.verify(done.folder) == done.report["proof"]
    assert done.report["proof"]["outcome"] == "exact"
    stem = done.folder / next(file["name"] for file in done.report["files"] if file.get("stem") == "bass")
    audio, rate = soundfile.read(stem, dtype="int32")
    audio[1_000] ^= 1 << 8
    soundfile.write(stem, audio, rate, subtype="PCM_24")
    verdict = unweave.verify(done.folder)
    assert verdict["outcome"] == "failed" and verdict["changed_files"] == [stem.name]
    assert verdict["sums"][0]["first_bad_frame"] == 1_000
    stem.unlink()
    with pytest.raises(unweave.VerifyError, match="Bass Stem"):
        unweave.verify(done.folder)


def test_progress_says_how_far_how_fast_and_how_long(separator, song, tmp_path):
    seen = []
    separator.separate_file(song, tmp_path, progress=lambda *now: seen.append(now))
    fractions, speeds, remaining = zip(*seen)
    assert list(fractions) == sorted(fractions) and fractions[-1] == 1
    assert speeds[-1] > 0 and remaining[-1] == 0


def test_bad_input_is_an_exception_that_says_what_to_do(separator, song, tmp_path):
    text = tmp_path / "text.wav"
    text.write_text("no audio")
    nowhere = tmp_path / "a file"
    nowhere.write_text("")
    cases = [
        (lambda: separator.separate_file(tmp_path / "none.wav", tmp_path), unweave.SongError, "check the path"),
        (lambda: separator.separate_file(text, tmp_path), unweave.SongError, "not an audio file"),
        (lambda: separator.separate_file(song, nowhere), unweave.OutputError, "`out`"),
        (lambda: separator.separate_file(song, tmp_path, stems=["guitar"]), ValueError, "drums, bass"),
        (lambda: separator.separate_file(song, tmp_path, sums=["x"]), ValueError, "No Drums="),
        (lambda: separator.separate_file(song, tmp_path, format="ogg"), ValueError, "flac"),
        (lambda: separator.separate_file(song, tmp_path, bit_depth=20), ValueError, "16, 24"),
        (lambda: unweave.Separator("no-such-model"), unweave.ModelError, "known are unweave"),
        (lambda: unweave.Separator(device="abacus"), ValueError, "cpu"),
        (lambda: unweave.Separator(live="slow"), ValueError, "quick"),
        (lambda: unweave.Separator(threads=0), ValueError, "at least 1"),
        (lambda: separator.stream(7), ValueError, "8000"),
    ]
    for call, kind, words in cases:
        with pytest.raises(kind) as refusal:
            call()
        assert words in str(refusal.value)
        assert kind is ValueError or isinstance(refusal.value, unweave.Error)
    assert {path.name for path in tmp_path.iterdir()} == {"text.wav", "a file"}


def test_what_is_there_of_a_song_that_was_cut_off_is_separated_and_the_rest_told(separator, song, tmp_path):
    cut = tmp_path / "cut.wav"
    cut.write_bytes(song.read_bytes()[:100_000])
    report = separator.separate_file(cut, tmp_path).report
    assert 0 < report["source"]["num_frames"] < 100_000 / 4
    assert any("cut off" in note for note in report["source"]["notes"])


def test_without_onnx_runtime_the_error_says_how_to_get_it(tmp_path):
    code = """
import unweave, unweave._runtime
unweave._runtime.folders = lambda: []
try:
    unweave.Separator()
except unweave.ModelError as error:
    print(error)
"""
    environment = {**os.environ, "HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path)}
    for name in ["UNWEAVE_ONNXRUNTIME", "ORT_DYLIB_PATH"]:
        environment.pop(name, None)
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert "pip install" in done.stdout, done


def test_ctrl_c_ends_a_song_at_once_and_leaves_nothing(separator, music, tmp_path):
    audio, rate = music
    long = tmp_path / "long.wav"
    soundfile.write(long, np.tile(audio.T, (100, 1)), rate)
    pressed = 0.0

    def press():
        nonlocal pressed
        # Separating has begun when the hidden folder is there.
        while not list(out.iterdir()):
            time.sleep(0.01)
        time.sleep(0.5)
        pressed = time.monotonic()
        signal.raise_signal(signal.SIGINT)

    for call in ["file", "samples"]:
        out = tmp_path / call
        out.mkdir()
        if call == "samples":
            (out / "no hidden folder to wait for").touch()
        pressing = threading.Thread(target=press)
        pressing.start()
        with pytest.raises(KeyboardInterrupt):
            if call == "file":
                separator.separate_file(long, out)
            else:
                separator.separate(np.tile(audio, (1, 100)), rate)
        took = time.monotonic() - pressed
        pressing.join()
        assert took < 5, "ten minutes of music take longer"
        assert call == "samples" or not list(out.iterdir())
    # It works as before.
    stems = separator.separate(audio, rate)
    assert np.abs(stems["drums"]).max() > 0.01


def test_models_are_those_of_the_command(tmp_path, command, monkeypatch):
    monkeypatch.setenv("UNWEAVE_MODELS", str(tmp_path))
    import json

    listed = subprocess.run([command, "models", "list", "--json"], check=True, capture_output=True)
    assert unweave.models() == json.loads(listed.stdout)
    assert unweave.models()[-1] == unweave.Separator().model
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken/model.toml").write_text("id = 1")
    with pytest.warns(UserWarning, match="broken"):
        assert len(unweave.models()) == 1
