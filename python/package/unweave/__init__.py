"""Songs in, stems out: drums, bass, vocals and other, which sum to the song.

    import soundfile, unweave

    mix, rate = soundfile.read("song.flac", dtype="float32")
    separator = unweave.Separator()
    stems = separator.separate(mix.T, rate)             # {"drums": array (2, frames), ...}
    separator.separate_file("song.flac", "stems")       # the files of `unweave separate`

The words, used everywhere with one meaning each: a *sample* is one value, a *frame* one sample per channel,
a *block* what is handed over at a time, the *mix* the input, a *stem* an output. Audio in arrays has the
shape (channels, frames), in ±1.
"""

from ._native import (
    Delivery,
    Error,
    ModelError,
    OutputError,
    Separator,
    SongError,
    Stream,
    VerifyError,
    __version__,
    models,
    verify,
)

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
