"""Songs and the command, for all tests. `cargo xtask python` runs them."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

import unweave

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "assets/demo/paper-lanterns.flac"


@pytest.fixture(scope="session")
def command():
    """The command `unweave` of the same source."""
    return os.environ["UNWEAVE_COMMAND"]


@pytest.fixture(scope="session")
def runtime_environment():
    """An environment in which the command uses the same ONNX Runtime as the package."""
    from unweave._runtime import folders

    library = next(Path(folders()[0]).glob("libonnxruntime.so.1*"))
    return {**os.environ, "UNWEAVE_ONNXRUNTIME": str(library)}


@pytest.fixture(scope="session")
def separator():
    return unweave.Separator()


@pytest.fixture(scope="session")
def music():
    """Six seconds of the demo song in which all four stems play: (2, frames), and the rate."""
    audio, rate = soundfile.read(DEMO, dtype="float32", start=16 * 44_100, frames=6 * 44_100)
    return np.ascontiguousarray(audio.T), rate


@pytest.fixture(scope="session")
def song(music, tmp_path_factory):
    """The same as a file."""
    audio, rate = music
    path = tmp_path_factory.mktemp("song") / "six seconds.wav"
    soundfile.write(path, audio.T, rate, subtype="PCM_24")
    return path


def content(folder):
    """Every file of a folder, by its name."""
    return {path.name: path.read_bytes() for path in Path(folder).iterdir()}


if sys.platform == "linux":
    # Ray is told at each start that it shall not count its users.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
