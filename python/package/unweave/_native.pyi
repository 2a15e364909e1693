from collections.abc import Callable, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, Literal, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .types import Model, Report, Verdict

__all__ = [
    "Delivery",
    "Error",
    "ModelError",
    "OutputError",
    "Separator",
    "SongError",
    "Stream",
    "VerifyError",
    "__version__",
    "models",
    "verify",
]

__version__: str

class Error(Exception):
    """Whatever Unweave can't do; its text says what to do."""

class SongError(Error):
    """The song can't be read: trying again won't help, another copy of it may."""

class ModelError(Error):
    """The model, ONNX Runtime or the device can't be used, or failed."""

class OutputError(Error):
    """The set can't be written, for want of room or permission. Nothing of it is left."""

class VerifyError(Error):
    """The set can't be read back."""

@final
class Delivery:
    """What `separate_file` gives."""

    @property
    def folder(self) -> Path:
        """Where the set lies."""
    @property
    def report(self) -> Report:
        """The same as the JSON file in it."""
    @property
    def is_new(self) -> bool:
        """Whether it was made now; else it was there already."""

@final
class Separator:
    """A model that takes songs apart, checked, loaded and tried out.

    - `model`: id of a model (see `unweave.models`) or path of its folder; None is the built-in one.
    - `device`: what computes: "auto" (the fastest here), "cpu", "cuda", "tensorrt", "coreml", "directml",
      "openvino" or "xnnpack".
    - `threads`: how many compute; None is as many as help.
    - `live`: "standard", "quick" or "light", to separate as the plug-in does in that mode; None is as well as
      possible.

    May be used from several Python threads at once: each then gets a copy of the model, weights shared.

    Raises `ModelError` if there is no such model, or if it, ONNX Runtime or the device can't be used.
    """

    def __new__(
        cls,
        model: str | PathLike[str] | None = None,
        *,
        device: str = "auto",
        threads: int | None = None,
        live: Literal["standard", "quick", "light"] | None = None,
    ) -> Separator: ...
    def separate(
        self,
        samples: ArrayLike,
        sample_rate: int,
        *,
        progress: Callable[[float], object] | None = None,
    ) -> dict[str, NDArray[np.float32]]:
        """Takes a mix apart in memory.

        `samples` are floats in ±1 of shape (channels, frames), or (frames,) for mono; float32 that lies channel
        by channel is not copied. `sample_rate` is in Hz, from 8,000 to 384,000. Each stem is a float32 array of the
        same shape, aligned with the mix. Added in their order they give the mix within 1 ulp of the largest number
        on the way: what the model leaves over is in the residual stem (`model["residual"]`). NaN and infinity are
        taken as 0.

        `progress` is called with the fraction that is done, 0 to 1. If it raises, or Ctrl-C is pressed, separation
        ends within a moment. Other Python threads run meanwhile; they must not change `samples`.

        Raises `ValueError` for samples it can't take, `ModelError` if the model fails.
        """

    def separate_file(
        self,
        song: str | PathLike[str],
        out: str | PathLike[str],
        *,
        stems: Sequence[str] | None = None,
        sums: Sequence[str] = (),
        only_sums: bool = False,
        mix: bool = True,
        format: Literal["wav", "flac", "mp3"] = "wav",
        bit_depth: Literal[16, 24, "32f"] = 24,
        name: str | None = None,
        skip_existing: bool = False,
        overwrite: bool = False,
        progress: Callable[[float, float, float], object] | None = None,
    ) -> Delivery:
        """Takes a song apart into labelled files that sum to it exactly: the same files as `unweave separate`.

        - `song`: of any kind that the command reads. `out`: the folder in which the set gets a
          folder named after the song, or `name`.
        - `stems`: names of those that are wanted, "instrumental" among them; None is all. `sums`: files that are
          sums of stems, such as "No Drums=bass+vocals+other"; with `only_sums`, nothing else. `mix`: whether to
          write the Full Mix.
        - `format`: "wav", "flac" or "mp3" (320 kbit/s). `bit_depth`: 16, 24 or "32f" (for WAV).
        - `skip_existing`: keep a set that is there, whole and made the same way. `overwrite`: replace the files of
          a set of that name; otherwise the new one gets a number.
        - `progress`: called with the fraction that is done (0 to 1), the speed (seconds of audio per second), and
          the seconds that remain. If it raises, or Ctrl-C is pressed, the job ends within a moment.

        A set appears whole or not at all. Other Python threads run meanwhile.

        Raises `SongError`, `OutputError`, `ModelError`, or `ValueError` for files that can't be chosen so.
        """

    def stream(self, sample_rate: int) -> Stream:
        """A stream that takes blocks of any size and gives stems as they become final. With `live`, its stems and
        timing are the plug-in's.

        Raises `ValueError` for a sample rate (Hz) that isn't possible.
        """
    @property
    def model(self) -> Model:
        """What the model is, as in `unweave.models`."""
    @property
    def stems(self) -> list[str]:
        """Names of the stems, in the order in which they add up."""
    @property
    def runtime(self) -> str:
        """What runs the model, such as "ONNX Runtime 1.23"."""

@final
class Stream:
    """Separates a stereo stream, block by block. Made by `Separator.stream`.

    The first frame out belongs to the first frame in. Stems don't depend on how the mix was cut into blocks, bit
    for bit: frame p of them is out once `p + window_frames` frames are in, and `hop_frames` become final at once.
    After `flush`, as many frames came out as went in.
    """

    def push(self, block: ArrayLike) -> dict[str, NDArray[np.float32]]:
        """Takes any number of frames and gives all stem frames that became final, often none.

        `block` has shape (2, frames), floats in ±1; each stem has shape (2, final frames), float32. NaN and infinity
        are taken as 0 and counted in `non_finite_samples`.

        Raises `ModelError` if inference fails; every further call then fails until `reset`.
        """

    def flush(self) -> dict[str, NDArray[np.float32]]:
        """The tail: all frames that are still to come. Call `reset` before pushing again."""

    def reset(self) -> None:
        """Forgets all audio and any failure: the next frame is the first of a new mix."""
    @property
    def stems(self) -> list[str]:
        """Names of the stems, in the order in which they add up."""
    @property
    def sample_rate(self) -> int:
        """In Hz."""
    @property
    def window_frames(self) -> int:
        """Frames that must be in for the first one to be out."""
    @property
    def hop_frames(self) -> int:
        """Frames that become final at once."""
    @property
    def non_finite_samples(self) -> int:
        """Samples since the last reset that were NaN or infinite and taken as 0."""

def models() -> list[Model]:
    """All models that `Separator` can be given by their id, as `unweave models list --json` prints them.

    The built-in model is the last. A model that can't be read is left out with a `UserWarning` that says what is
    wrong with it.
    """

def verify(folder: str | PathLike[str]) -> Verdict:
    """Reads a set back and says whether it sums, sample by sample.

    Returns what `unweave verify --json` prints as the verdict: `outcome` is "exact", "lossy" (MP3: the differences
    are measured) or "failed"; each of `sums` has the largest and the RMS difference, in integer steps of the files
    (in units of full scale for floats and MP3).

    Raises `VerifyError` if the set can't be read. That it doesn't sum is no exception, but a verdict.
    """
