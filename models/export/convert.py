"""Checkpoints of four families to ONNX files: `python convert.py openunmix|demucs|roformer|scnet FILE …`.

What to do with them then: ../CONVERTING.md. The network is built by the family's own package, from the shapes in the
checkpoint, the arguments that it holds, or those of the YAML file beside it; the graph is compared with the network on
noise before it is kept.
"""

import argparse
import os
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch

from families import Graph, Outside, masks_graph, masks_sections, scnet_graph, scnet_sections

# Rounding in another order, relative to the largest value.
TOLERANCE = 1e-4


def keep(graph: Graph, path: Path) -> None:
    """Exports a graph, compares it with its network, and keeps it under its name if they agree."""
    import onnxruntime

    partial = path.with_suffix(".partial.onnx")
    graph.export(partial)
    torch.manual_seed(0)
    inputs = [torch.rand_like(example) for example in graph.inputs]
    with torch.no_grad():
        expected = graph.module(*inputs)
    expected = expected if isinstance(expected, tuple) else (expected,)
    feeds = {name: tensor.numpy() for name, tensor in zip(graph.input_names, inputs)}
    actual = onnxruntime.InferenceSession(str(partial), providers=["CPUExecutionProvider"]).run(None, feeds)
    for name, ours, theirs in zip(graph.output_names, actual, expected):
        difference = np.abs(ours - theirs.numpy()).max() / max(theirs.abs().max().item(), 1e-9)
        if not difference < TOLERANCE:
            partial.unlink()
            sys.exit(f"{path}: {name} of the graph is off by {difference:.1e} of its peak; nothing was kept")
        print(f"{path}: {name} agrees to {difference:.1e} of its peak")
    os.replace(partial, path)


def describe(out: Path, name: str, checkpoint: Path, kind: str, rate: int, stems: list[str], sections: str) -> None:
    """Writes a manifest beside the graph; `sections` is what it has of its kind's."""
    (out / f"{name}.toml").write_text(f"""format = 1
id = "{name}"
name = "{name}"
version = "{checkpoint.stem}"
kind = "{kind}"
licence = "see the checkpoint's"
source = "{checkpoint.name}"
training_data = []
sample_rate = {rate}
channels = 2
stems = [{", ".join(f'"{stem}"' for stem in stems)}]
residual = "{"other" if "other" in stems else stems[-1]}"

{sections}
[[file]]
path = "{name}.onnx"
""")


def open_unmix(checkpoint: Path, out: Path) -> None:
    from openunmix.model import OpenUnmix

    try:
        state = torch.load(checkpoint, map_location="cpu", weights_only=True)
        state["lstm.weight_ih_l0"], state["output_mean"], state["input_mean"]
    except Exception as error:
        sys.exit(f"{checkpoint}: no checkpoint of Open-Unmix ({str(error).splitlines()[0]})")
    layers = sum(name.startswith("lstm.weight_ih_l") and not name.endswith("_reverse") for name in state)
    bins, hidden = state["output_mean"].shape[0], state["fc1.weight"].shape[0]
    channels = state["fc3.weight"].shape[0] // bins
    model = OpenUnmix(
        nb_bins=bins, nb_channels=channels, hidden_size=hidden, nb_layers=layers,
        unidirectional="lstm.weight_ih_l0_reverse" not in state, max_bin=state["input_mean"].shape[0],
    )
    # Checkpoints hold buffers of the transform as well, which is outside.
    lacking = model.load_state_dict(state, strict=False).missing_keys
    if lacking:
        sys.exit(f"{checkpoint}: no checkpoint of Open-Unmix, it lacks {', '.join(lacking)}")
    # Scripted: traced, its reshapes would keep the length of the example.
    graph = Graph(torch.jit.script(model.eval()), (torch.rand(1, channels, bins, 20),), ["mix"], ["stem"],
                  {"mix": {3: "frames"}, "stem": {3: "frames"}})
    keep(graph, out / f"{checkpoint.stem.replace('_', '-').split('-')[0]}.onnx")


def demucs(checkpoint: Path, out: Path, name: str, seconds: float | None) -> None:
    from demucs.htdemucs import HTDemucs
    from demucs.states import load_model

    try:
        model = load_model(checkpoint).eval()
    except Exception as error:
        sys.exit(f"{checkpoint}: no checkpoint of Demucs ({type(error).__name__}: {str(error).splitlines()[0]})")
    if not isinstance(model, HTDemucs):
        sys.exit(f"{checkpoint}: this is a {type(model).__name__}; only HTDemucs is converted")
    if seconds is not None:
        model.segment, model.use_train_segment = Fraction(seconds).limit_denominator(1000), False
    frames = int(model.segment * model.samplerate)
    mix = torch.rand(1, 2, frames) - 0.5
    graph = Graph(Outside(model), (mix, model._magnitude(model._spec(mix))), ["input", "x"], ["output", "add_67"])
    keep(graph, out / f"{name}.onnx")
    stems, bins, hops = model.sources, model.nfft // 2, -(-frames // model.hop_length)
    describe(out, name, checkpoint, "hybrid", model.samplerate, stems, f"""[segment]
frames = {frames}
overlap_frames = {frames - int(0.75 * frames)}
normalise = true

[stft]
n_fft = {model.nfft}
hop = {model.hop_length}
bins = {bins}
window = "hann"
frames = "between"
normalised = true

[tensors]
input = {{ name = "input", shape = [1, 2, {frames}] }}
input_spectrum = {{ name = "x", shape = [1, 4, {bins}, {hops}] }}
output = {{ name = "add_67", shape = [1, {len(stems)}, 2, {frames}] }}
output_spectrum = {{ name = "output", shape = [1, {len(stems)}, 4, {bins}, {hops}] }}
""")


def settings(config: Path) -> dict:
    """The YAML file that comes with a checkpoint of RoFormer or SCNet; its lists are tuples, as the networks want them."""
    import yaml

    class Loader(yaml.SafeLoader):
        pass

    def tupled(loader, node):
        return tuple(loader.construct_sequence(node, deep=True))

    for tag in ("tag:yaml.org,2002:python/tuple", "tag:yaml.org,2002:seq"):
        Loader.add_constructor(tag, tupled)
    try:
        values = yaml.load(config.read_text(), Loader)
        values["model"], values["audio"]["chunk_size"], values["training"]["instruments"]
    except Exception as error:
        sys.exit(f"{config}: not the settings of a network ({type(error).__name__}: {str(error).splitlines()[0]})")
    return values


def spectral(family: str, checkpoint: Path, config: Path, out: Path, name: str) -> None:
    """RoFormers and SCNets, as the program Music-Source-Separation-Training saves them."""
    values = settings(config)
    try:
        state = torch.load(checkpoint, map_location="cpu", weights_only=True)
        for key in ("best_state", "state_dict", "state"):
            state = state.get(key, state)
        state = {name.removeprefix("module."): weights for name, weights in state.items()}
        options = dict(values["model"])
        if family == "roformer":
            from msst.models.bs_roformer import BSRoformer, MelBandRoformer

            lacking = {"linear_transformer_depth", "skip_connection", "use_pope"}
            if any(options.get(option) for option in lacking) or not options.get("stereo"):
                sys.exit(f"{config}: only networks in stereo without {', '.join(sorted(lacking))} are converted")
            # PyTorch's fused attention has no counterpart in ONNX.
            options["flash_attn"] = False
            model = (MelBandRoformer if "num_bands" in options else BSRoformer)(**options)
        else:
            from msst.models.scnet import scnet, scnet_masked

            model = (scnet_masked if "mask_layer.0.weight" in state else scnet).SCNet(**options)
        model.eval().load_state_dict(state)
    except Exception as error:
        sys.exit(f"{checkpoint}: not of the network that {config} describes ({str(error).splitlines()[0]})")
    frames, rate = values["audio"]["chunk_size"], values["audio"].get("sample_rate", 44_100)
    if family == "scnet":
        stems = list(model.sources)
        graph, silence = scnet_graph(model, frames)
        sections = scnet_sections(model, frames, bool(values.get("inference", {}).get("normalize")), graph, silence)
    else:
        stems, target = list(values["training"]["instruments"]), values["training"].get("target_instrument")
        if target:
            others = [stem for stem in stems if stem != target]
            stems = [target, others[0] if len(others) == 1 else "rest"]
        graph = masks_graph(model, frames)
        sections = masks_sections(model, frames, graph)
    keep(graph, out / f"{name}.onnx")
    describe(out, name, checkpoint, "spectrum", rate, stems, sections)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("family", choices=["openunmix", "demucs", "roformer", "scnet"])
    parser.add_argument("checkpoint", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, default=Path())
    parser.add_argument("--name", help="of the model, but for openunmix; unless given, the family's")
    parser.add_argument("--config", type=Path, help="the YAML file that comes with a checkpoint of roformer or scnet")
    parser.add_argument("--seconds", type=float, help="length of a segment, for demucs; unless given, that of the training")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    if args.family != "openunmix" and len(args.checkpoint) > 1:
        sys.exit(f"{args.family} takes one checkpoint at a time")
    if args.family in ("roformer", "scnet") and args.config is None:
        sys.exit(f"{args.family} needs the YAML file that comes with the checkpoint: --config FILE")
    for checkpoint in args.checkpoint:
        if args.family == "openunmix":
            open_unmix(checkpoint, args.out)
        elif args.family == "demucs":
            demucs(checkpoint, args.out, args.name or "htdemucs", args.seconds)
        else:
            spectral(args.family, checkpoint, args.config, args.out, args.name or args.family)


if __name__ == "__main__":
    main()
