"""What the dictionaries hold that Unweave gives: the same as the JSON of the command `unweave`."""

from typing import Any, Literal, TypedDict


class Model(TypedDict):
    """A model, as `unweave models list --json` prints it."""

    id: str
    name: str
    version: str
    origin: str
    """Where it was found."""
    folder: str | None
    """Its folder; None for the built-in one."""
    kind: str
    sample_rate: int
    """In Hz; any other is converted."""
    stems: list[str]
    residual: str
    """The stem that gets what the model leaves over."""
    licence: str
    source: str
    training_data: list[str]
    sha256: str


class SumCheck(TypedDict):
    """One sum over all samples."""

    claim: str
    max_difference: float
    """In integer steps of the files; in units of full scale for floats and MP3."""
    rms_difference: float
    first_bad_frame: int | None


class Verdict(TypedDict):
    """Whether a set sums."""

    outcome: Literal["exact", "lossy", "failed"]
    num_frames: int
    sums: list[SumCheck]
    changed_files: list[str]


class _File(TypedDict):
    name: str
    role: Literal["mix", "stem", "sum"]
    peak_dbfs: float | None
    loudness_lufs: float | None
    """Integrated loudness (EBU R 128); None for silence and what is shorter than 0.4 s."""
    samples_sha256: str


class File(_File, total=False):
    """One file of a set."""

    stem: str
    """Of a stem, its name."""
    of: list[str]
    """Of a sum, the names of its stems."""


class Source(TypedDict):
    """The song, as it was read."""

    file_name: str
    sha256: str
    format: str
    sample_rate: int
    num_channels: int
    samples: Any
    num_frames: int
    seconds: float
    channel_groups: list[dict[str, Any]]


class Report(TypedDict):
    """All there is to know about a set; lies beside it as `Track (Report).json`."""

    format: int
    track: str
    source: Source
    model: dict[str, Any]
    file_format: str
    """`wav`, `flac`, `m4a`, `stem`, `mp3`; MP3 of other rates than 320 kbit/s as `mp3 192` or `mp3 V2`."""
    bit_depth: str
    gain: float
    """The one gain of all files; 1 unless something would have clipped."""
    gain_db: float
    files: list[File]
    proof: Verdict
    warnings: list[str]
    unweave_version: str
    runtime: str
