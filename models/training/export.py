"""Averaged weights of a run to an ONNX file, its manifest and the golden files; refuses if they disagree.

    python export.py --weights RUNDIR/weights.pt [MORE] [--out ../builtin] [--audio EVALDIR] [--smoke]

Writes `model.onnx`, `model.toml` and `golden/`. Before that the ONNX file, streamed one frame and 64 frames per call,
is compared with PyTorch on the whole signal: largest difference at most 1e-4 from the first to the last frame, on the
golden signal and, where `--audio` has it, on real music.
"""

import argparse
import hashlib
import time
from pathlib import Path

import numpy as np
import onnx
import soundfile
import torch

import stft
from golden import golden_mix
from graph import build
from network import STEMS, Separator, Shape
from streaming import Streaming

TOLERANCE = 1e-4
# Of the logits. Networks are too sure of music they don't know: on a song held out (Caesium), all stems but drums gain by
# softer masks, voices and the rest most (mean 3.2 dB; 3.4 dB with 0.8 and with 0.65; two runs of 3 h).
SOFTENING = 0.75
VERSION = "0.2.0"

# What the weights have heard. Attributions of the CC-BY items are in NOTICE.md as well.
TRAINING_DATA = (
    "Everything is Free by Software-Entwicklungskit, tracks of Hydrogen, Potassium, Rubidium, Caesium, Francium: CC0 1.0",
    "Karoryfer Samples (gogodze phu, frankensnare, growlybass, fashionbass, sneakybass, pastabass, caveman cosmonaut, "
    "meatbass, emilyguitar, shinyguitar, bear sax): CC0 1.0",
    "sfzinstruments (D. Smolken's double bass, body percussion, ganjo): CC0 1.0",
    "FreePats (world percussion, Spanish guitar, upright piano, old piano): CC0 1.0",
    "Sonic Pi one-shots: CC0 1.0",
    "uzu-drumkit by tidalcycles: Unlicense",
    "smpldsnds/drum-machines and oramics/sampled drum machines: public domain",
    "MuldjordKit by Lars Muldjord, drum samples provided by DrumGizmo.org: CC BY 4.0",
    "ErithacusVB by ErithacusProject: CC BY 4.0",
    "Sinsy with the voice NIT SONG070 F001, (c) 2004-2015 Nagoya Institute of Technology: CC BY 3.0",
    "OLPC Berklee Sound Library, voices: CC BY 3.0",
    "SCOTTPOID by Scott, edited: permissive voice bank terms",
    "Hitsuboku Kumi by Cubialpha, edited: permissive voice bank terms",
    "FluidR3 GM soundfont by Frank Wen: MIT",
)


def load(*paths: Path) -> tuple[Separator, dict]:
    """The averaged weights of a run, softened; of several moments of a run, their mean."""
    several = [torch.load(path, weights_only=True, map_location="cpu") for path in paths]
    saved = several[-1]
    saved["averaged"] = {name: sum(s["averaged"][name] for s in several) / len(several) for name in saved["averaged"]}
    net = Separator(Shape(**saved["shape"])).eval()
    net.load_state_dict(saved["averaged"])
    with torch.no_grad():
        for layer in net.head_out:
            layer.weight *= SOFTENING
            layer.bias *= SOFTENING
    return net, saved


@torch.no_grad()
def offline(net: Separator, mix: np.ndarray) -> np.ndarray:
    """The whole signal at once in PyTorch: [2, frames] to [S, 2, frames]."""
    shape = net.shape
    spectra = stft.spectra(torch.from_numpy(mix), shape.n_fft, shape.hop).transpose(0, 1)
    stems, _ = net(spectra[None], net.state())
    return stft.audio(stems[0].permute(1, 2, 0, 3, 4), shape.n_fft, shape.hop, mix.shape[-1]).numpy()


def check(net: Separator, streaming: Streaming, mix: np.ndarray, name: str) -> np.ndarray:
    expected = offline(net, mix)
    for frames_per_call in (1, 64):
        difference = np.abs(streaming.separate(mix, frames_per_call) - expected).max()
        print(f"{name}: {frames_per_call} frames per call, largest difference to PyTorch {difference:.1e}")
        if not difference <= TOLERANCE:
            raise SystemExit(f"the exported graph disagrees with PyTorch by {difference} on {name}")
    leftover = np.abs(expected.sum(0) - mix).max()
    print(f"{name}: stems minus mix at most {leftover:.1e}")
    if not leftover <= TOLERANCE:
        raise SystemExit(f"the stems miss the mix by {leftover} on {name}")
    return expected


def manifest(shape: Shape, digest: str) -> str:
    data = "".join(f'    "{line}",\n' for line in TRAINING_DATA)
    return f'''format = 1
id = "unweave-live"
name = "Unweave built-in"
version = "{VERSION}"
kind = "streaming-spectrum"
licence = "MIT OR Apache-2.0"
source = "models/training"
training_data = [
{data}]
sample_rate = 44100
channels = 2
stems = [{", ".join(f'"{stem}"' for stem in STEMS)}]
residual = "other"

[stft]
n_fft = {shape.n_fft}
hop = {shape.hop}
window = "sqrt-hann"

[latency]
lookahead_hops = 0

[[file]]
path = "model.onnx"
sha256 = "{digest}"

[tensors]
input = {{ name = "mix", shape = [1, -1, 2, {shape.bins}, 2] }}
output = {{ name = "stems", shape = [1, -1, {len(STEMS)}, 2, {shape.bins}, 2] }}

[[state]]
input = "hidden_in"
output = "hidden_out"
shape = [{shape.layers}, {shape.num_bands}, {shape.inner}]

[[state]]
input = "memory_in"
output = "memory_out"
shape = [2, 3, {shape.num_cells}]
'''


def speed(streaming: Streaming, mix: np.ndarray, frames_per_call: int) -> float:
    """Median seconds of compute per second of audio on one thread."""
    spectra = stft.spectra(torch.from_numpy(mix), streaming.n_fft, streaming.hop).transpose(0, 1).numpy()
    states, times = streaming.start(), []
    for first in range(0, len(spectra) - frames_per_call + 1, frames_per_call):
        call = np.ascontiguousarray(spectra[None, first : first + frames_per_call])
        began = time.perf_counter()
        _, states = streaming.call(call, states)
        times.append(time.perf_counter() - began)
    return float(np.median(times)) / (frames_per_call * streaming.hop / 44_100)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    here = Path(__file__).parent
    parser.add_argument("--weights", type=Path, nargs="+", required=True, help="of several files the mean")
    parser.add_argument("--out", type=Path, default=here / "../builtin")
    parser.add_argument("--audio", type=Path, default=here / "../../../shared/data/eval", help="real music to compare on")
    parser.add_argument("--smoke", action="store_true", help="compare on 5 s of real music only")
    args = parser.parse_args()

    net, _ = load(*args.weights)
    args.out.mkdir(parents=True, exist_ok=True)
    temporary = args.out / "model.onnx.tmp"
    temporary.write_bytes(build(net).SerializeToString())
    streaming = Streaming(temporary, net.shape.n_fft, net.shape.hop)
    mix = golden_mix()
    stems = check(net, streaming, mix, "golden signal")
    for path in sorted(args.audio.glob("*/mixture.flac"))[: 1 if args.smoke else None]:
        audio, _ = soundfile.read(path, dtype="float32", frames=5 * 44_100 if args.smoke else -1)
        check(net, streaming, np.ascontiguousarray(audio.T), path.parent.name)

    golden = args.out / "golden"
    golden.mkdir(exist_ok=True)
    mix.tofile(golden / "mix.f32")
    stems[:, :, : mix.shape[-1]].astype(np.float32).tofile(golden / "stems.f32")
    digest = hashlib.sha256(temporary.read_bytes()).hexdigest()
    (args.out / "model.toml").write_text(manifest(net.shape, digest))
    temporary.rename(args.out / "model.onnx")
    size = (args.out / "model.onnx").stat().st_size / 1e6
    nodes = len(onnx.load(args.out / "model.onnx").graph.node)
    print(f"{size:.1f} MB, {nodes} nodes, one thread: RTF {speed(streaming, np.tile(mix, 8), 1):.3f} at one frame per call, "
          f"{speed(streaming, np.tile(mix, 40), 64):.3f} at 64")


if __name__ == "__main__":
    main()
