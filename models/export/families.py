"""The families' own networks with random weights, as graphs, and what each family's own program makes of a song.

A family here is: a network of the family's reference implementation (or of its shape, where that needs another
framework), the graph that people export of it, the manifest that runs it, and `separate`, the reference program:
whole song in, stems out, with the family's own transform, segments, normalisation and filters in PyTorch.
"""

from __future__ import annotations

import math
import sys
import types
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Callable

import numpy as np
import torch
from torch import nn

# Open-Unmix imports it at the top, for things that are not used here.
sys.modules.setdefault("torchaudio", types.ModuleType("torchaudio"))

# PyTorch's fused attention has no counterpart in ONNX.
torch.backends.mha.set_fastpath_enabled(False)

RATE = 44_100


@dataclass
class Graph:
    """One ONNX file: a module, an example of its inputs, names, and the axes that take any size."""

    module: nn.Module
    inputs: tuple[torch.Tensor, ...]
    input_names: list[str]
    output_names: list[str]
    dynamic: dict = field(default_factory=dict)

    def __post_init__(self) -> None:
        # The exporter puts a module back into the mode it was in, with all inside.
        self.module.eval()

    @torch.no_grad()
    def export(self, path: Path) -> None:
        torch.onnx.export(
            self.module, self.inputs, str(path), dynamo=False, opset_version=17,
            input_names=self.input_names, output_names=self.output_names, dynamic_axes=self.dynamic or None,
        )


@dataclass
class Family:
    name: str
    stems: list[str]
    residual: str
    graphs: dict[str, Graph]
    manifest: str
    """Everything of model.toml from the kind's sections on."""
    kind: str
    separate: Callable[[torch.Tensor], torch.Tensor]
    """Song `[2, frames]` to `[stem, 2, frames]`, for the stems before the residual."""
    seconds: float
    """Length of the excerpt of the song that the fixture is about."""


def loud(module: nn.Module, gain: float = 1.0) -> nn.Module:
    """Weights that make of music something as loud as music, so that an error shows."""
    torch.manual_seed(7)
    with torch.no_grad():
        for name, weights in module.named_parameters():
            if weights.dim() > 1:
                nn.init.orthogonal_(weights, gain)
            elif "bias" in name:
                nn.init.uniform_(weights, -0.05, 0.05)
    return module.eval()


def normalised(separate):
    """What `demucs.separate` does around a model: mean and deviation of the song's mono mix."""
    def around(mix):
        mono = mix.mean(0)
        mean, deviation = mono.mean(), mono.std()
        return separate((mix - mean) / deviation) * deviation + mean
    return around


def demucs_waveform(channels: int = 4, depth: int = 3, seconds: float = 4.0) -> Family:
    """Demucs 3: samples to samples. Every segment is padded to the same length, as HTDemucs does by itself."""
    import demucs.demucs
    from demucs.apply import apply_model
    from demucs.demucs import Demucs
    from demucs.utils import center_trim

    # While a graph is traced, lengths are tensors.
    demucs.demucs.center_trim = lambda x, length: center_trim(x, int(length) if getattr(length, "shape", None) == () else length)

    stems = ["drums", "bass", "vocals", "other"]
    torch.manual_seed(3)
    model = Demucs(stems, channels=channels, depth=depth, lstm_layers=1, dconv_comp=2, resample=False,
                   normalize=False, samplerate=RATE, segment=seconds).eval()
    frames = model.valid_length(int(seconds * RATE))
    model.segment = frames / RATE
    model.valid_length = lambda length: frames
    graph = Graph(model, (torch.randn(1, 2, frames),), ["mix"], ["stems"])

    def separate(mix):
        return apply_model(model, mix[None], shifts=0, split=True, overlap=0.25)[0, :3]

    length = int(RATE * model.segment)
    assert length == frames
    return Family("waveform", stems, "other", {"": graph}, f"""[segment]
frames = {frames}
overlap_frames = {frames - int(0.75 * frames)}
normalise = true

[tensors]
input = {{ name = "mix", shape = [1, 2, {frames}] }}
output = {{ name = "stems", shape = [1, 4, 2, {frames}] }}
""", "waveform", normalised(separate), 10.0)


def mean_by_axis(x, dim, keepdim):
    for axis in sorted(dim, reverse=True):
        # Of rows of at most a few thousand values.
        length = x.shape[axis]
        if length > 10_000:
            rows = next(n for n in range(math.isqrt(int(length)), 0, -1) if int(length) % n == 0)
            x = x.unflatten(axis, (rows, -1)).mean(axis + 1)
        x = x.mean(axis, keepdim=True)
    return x


def std_by_axis(x, dim, keepdim):
    """ONNX Runtime adds millions of squares up one by one in f32, which costs four digits; axis by axis it does not."""
    count = 1
    for axis in dim:
        count = count * x.shape[axis]
    return (mean_by_axis((x - mean_by_axis(x, dim, keepdim)) ** 2, dim, keepdim) * (count / (count - 1))).sqrt()


SCORES = 336 * 8 * 2_688
"""Values of attention matrices that are there at a time: 29 MB."""


def attention_in_rows(query, key, value, *_, **__):
    """Softmax(q kᵀ / √d) v, some rows at a time. All 2,688 × 2,688 of HTDemucs' eight heads, twice, would be half a
    gigabyte; RoFormers have a matrix of 801 × 801 per head and band, and would take nine."""
    keys = (key * query.shape[-1] ** -0.5).transpose(-2, -1)
    batch, heads, length = int(keys.shape[0]), int(keys.shape[1]), int(keys.shape[3])
    # No more than there are: the exporter would take the number at its word.
    count = min(int(query.shape[-2]), max(1, SCORES // (batch * heads * length)))
    return torch.cat([torch.softmax(rows @ keys, -1) @ value for rows in query.split(count, dim=-2)], -2)


class Outside(nn.Module):
    """HTDemucs with its transform outside: the model's own forward, its four steps around spectra replaced, its mean
    and deviation over a whole segment taken axis by axis, its attention in rows."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, mix, spectra):
        model, kept = self.model, []
        def keep(_, masks):
            kept.append(masks)
            return masks
        steps = {"_spec": lambda x: x, "_magnitude": lambda z: spectra, "_mask": keep,
                 "_ispec": lambda z, length=None: torch.zeros(())}
        for name, step in steps.items():
            setattr(model, name, step)
        whole = torch.Tensor.mean, torch.Tensor.std
        def by_axis(staged, plain):
            def reduce(x, dim=None, keepdim=False, **kwargs):
                tuples = isinstance(dim, tuple)
                return staged(x, dim, keepdim) if tuples else plain(x, *([] if dim is None else [dim]), keepdim, **kwargs)
            return reduce
        torch.Tensor.mean, torch.Tensor.std = by_axis(mean_by_axis, whole[0]), by_axis(std_by_axis, whole[1])
        attention = nn.functional.scaled_dot_product_attention
        nn.functional.scaled_dot_product_attention = attention_in_rows
        try:
            waves = model(mix)
        finally:
            torch.Tensor.mean, torch.Tensor.std = whole
            nn.functional.scaled_dot_product_attention = attention
            for name in steps:
                delattr(model, name)
        return kept[0], waves


def htdemucs(channels: int = 4, depth: int = 4, layers: int = 1, heads: int = 1, bottom: int = 0,
             compress: int = 2, growth: int = 1, seconds: Fraction = Fraction(39, 5)) -> Family:
    """HTDemucs, by default at its training segment."""
    from demucs.apply import apply_model
    from demucs.htdemucs import HTDemucs

    stems = ["drums", "bass", "other", "vocals"]
    torch.manual_seed(4)
    model = HTDemucs(stems, channels=channels, growth=growth, depth=depth, t_layers=layers, t_heads=heads, bottom_channels=bottom,
                     dconv_comp=compress, segment=seconds, samplerate=RATE).eval()
    frames = int(model.segment * RATE)
    shown = -(-frames // model.hop_length)
    mix = torch.randn(1, 2, frames)
    graph = Graph(Outside(model), (mix, model._magnitude(model._spec(mix))), ["input", "x"], ["output", "add_67"])

    def separate(mix):
        out = apply_model(model, mix[None], shifts=0, split=True, overlap=0.25)[0]
        return out[[0, 1, 3]]

    return Family("hybrid", stems, "other", {"": graph}, f"""[segment]
frames = {frames}
overlap_frames = {frames - int(0.75 * frames)}
normalise = true

[stft]
n_fft = 4096
hop = 1024
bins = 2048
window = "hann"
frames = "between"
normalised = true

[tensors]
input = {{ name = "input", shape = [1, 2, {frames}] }}
input_spectrum = {{ name = "x", shape = [1, 4, 2048, {shown}] }}
output = {{ name = "add_67", shape = [1, 4, 2, {frames}] }}
output_spectrum = {{ name = "output", shape = [1, 4, 4, 2048, {shown}] }}
""", "hybrid", normalised(separate), 14.0)


def mdx_net(width: int = 4, n_fft: int = 6144, dim_f: int = 3072, dim_t: int = 256, blocks: int = 1) -> Family:
    """MDX-Net: spectra to spectra of one stem. The network has the family's tensors, not its size: blocks of
    convolutions in time and frequency and of layers along frequency."""
    hop, compensate = 1024, 1.035

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.near = nn.Conv2d(width, width, 3, padding=1)
            self.far = nn.Conv2d(width, width, (17, 1), padding=(8, 0))

        def forward(self, x):
            x = x + torch.relu(self.near(x))
            return x + torch.relu(self.far(x))

    network = loud(nn.Sequential(nn.Conv2d(4, width, 1), *[Block() for _ in range(blocks)], nn.Conv2d(width, 4, 1)))
    window = torch.hann_window(n_fft)
    chunk, trim = hop * (dim_t - 1), n_fft // 2

    def estimate(waves):
        z = torch.stft(waves, n_fft, hop, window=window, center=True, return_complex=True)
        x = torch.view_as_real(z).permute(0, 3, 1, 2).reshape(1, 4, n_fft // 2 + 1, dim_t)[:, :, :dim_f]
        y = torch.nn.functional.pad(network(x), (0, 0, 0, n_fft // 2 + 1 - dim_f))
        y = y.reshape(2, 2, n_fft // 2 + 1, dim_t).permute(0, 2, 3, 1).contiguous()
        return torch.istft(torch.view_as_complex(y), n_fft, hop, window=window, center=True)

    def separate(mix):
        step, frames = chunk - 2 * trim, mix.shape[1]
        padded = torch.nn.functional.pad(mix, (trim, trim + step - frames % step))
        parts = [estimate(padded[:, start:start + chunk])[:, trim:-trim]
                 for start in range(0, padded.shape[1] - 2 * trim, step)]
        return compensate * torch.cat(parts, 1)[None, :, :frames]

    graph = Graph(network, (torch.randn(1, 4, dim_f, dim_t),), ["input"], ["output"])
    return Family("mdx", ["vocals", "instrumental"], "instrumental", {"vocals": graph}, f"""[segment]
frames = {chunk}
overlap_frames = 0
trim_frames = {trim}
normalise = false

[stft]
n_fft = {n_fft}
hop = {hop}
bins = {dim_f}
window = "hann"
frames = "centred"
normalised = false

[estimate]
gives = "spectrum"

[tensors]
input = {{ name = "input", shape = [1, 4, {dim_f}, {dim_t}], axes = ["channel", "part", "bin", "frame"] }}
output = {{ name = "output", shape = [1, 4, {dim_f}, {dim_t}], axes = ["channel", "part", "bin", "frame"] }}
""", "spectrum", separate, 12.0)


class Masks(nn.Module):
    """BS-RoFormer or Mel-Band RoFormer between its transforms: spectra with merged bin and channel to masks of the same
    shape, attention in rows. The bands of the latter overlap: a bin has the mean of their masks."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, spectra):
        attends = [module.attend for module in self.model.modules() if hasattr(module, "attend")]
        for attend in attends:
            attend.forward = attention_in_rows
        try:
            return self.masks(spectra)
        finally:
            for attend in attends:
                del attend.forward

    def masks(self, spectra):
        model = self.model
        batch, rows, frames, _ = spectra.shape
        bins = getattr(model, "freq_indices", None)
        x = spectra if bins is None else spectra[:, bins]
        x = model.band_split(x.permute(0, 2, 1, 3).reshape(batch, frames, -1))
        for over_time, over_bands in model.layers:
            bands, width = x.shape[2:]
            x = over_time(x.transpose(1, 2).reshape(-1, frames, width))
            x = x.reshape(batch, bands, frames, width).transpose(1, 2)
            x = over_bands(x.reshape(-1, bands, width)).reshape(batch, frames, bands, width)
        x = model.final_norm(x) if bins is None else x
        stems = len(model.mask_estimators)
        masks = torch.stack([estimator(x) for estimator in model.mask_estimators], 1)
        masks = masks.reshape(batch, stems, frames, -1, 2).transpose(2, 3)
        if bins is not None:
            to = bins[None, None, :, None, None].expand_as(masks)
            bands = model.num_bands_per_freq.repeat_interleave(model.audio_channels)
            masks = torch.zeros(batch, stems, rows, frames, 2).scatter_add(2, to, masks) / bands[:, None, None]
        if getattr(model, "zero_dc", False):
            masks = torch.cat([torch.zeros_like(masks[:, :, :model.audio_channels]), masks[:, :, model.audio_channels:]], 2)
        return masks


def masks_graph(model, frames: int) -> Graph:
    """The graph of a RoFormer for segments of so many frames."""
    kwargs = model.stft_kwargs
    rows = (kwargs["n_fft"] // 2 + 1) * model.audio_channels
    shown = frames // kwargs["hop_length"] + 1
    return Graph(Masks(model), (torch.randn(1, rows, shown, 2),), ["stft_repr"], ["masks"])


def masks_sections(model, frames: int, graph: Graph) -> str:
    """Everything of model.toml from the kind's sections on."""
    kwargs, (_, rows, shown, _) = model.stft_kwargs, graph.inputs[0].shape
    return f"""[segment]
frames = {frames}
overlap_frames = {frames // 2}
normalise = false

[stft]
n_fft = {kwargs["n_fft"]}
hop = {kwargs["hop_length"]}
window = "hann"
frames = "centred"
normalised = {str(kwargs["normalized"]).lower()}

[estimate]
gives = "mask"

[tensors]
input = {{ name = "stft_repr", shape = [1, {rows}, {shown}, 2], axes = ["bin", "channel", "frame", "part"] }}
output = {{ name = "masks", shape = [1, {len(model.mask_estimators)}, {rows}, {shown}, 2], axes = ["stem", "bin", "channel", "frame", "part"] }}
"""


def in_halves(model, stems: list[str], seconds: int) -> Callable[[torch.Tensor], torch.Tensor]:
    """A network that takes chunks, its chunks overlapping by half and put together as Demucs does it."""
    from demucs.apply import apply_model

    class Whole(nn.Module):
        sources, samplerate, segment = stems, RATE, seconds

        def valid_length(self, length):
            return seconds * RATE

        def forward(self, mix):
            return model(mix).reshape(1, len(stems), 2, -1)

    whole = Whole()
    return lambda mix: apply_model(whole, mix[None], shifts=0, split=True, overlap=0.5)[0]


def bs_roformer(dim: int = 4, depth: int = 1, heads: int = 1, dim_head: int = 4, estimator_depth: int = 1,
                seconds: int = 8, bands=(25, *[50] * 20)) -> Family:
    """BS-RoFormer: complex masks."""
    from bs_roformer.bs_roformer import BSRoformer

    torch.manual_seed(5)
    model = BSRoformer(dim=dim, depth=depth, heads=heads, dim_head=dim_head, stereo=True, num_stems=1,
                       time_transformer_depth=1, freq_transformer_depth=1, mask_estimator_depth=estimator_depth,
                       flash_attn=False, stft_hop_length=441, freqs_per_bands=bands).eval()
    frames = seconds * RATE
    graph = masks_graph(model, frames)
    return Family("roformer", ["vocals", "other"], "other", {"": graph}, masks_sections(model, frames, graph),
                  "spectrum", in_halves(model, ["vocals"], seconds), 13.0)


def transform_by_matrix(conversion, frames: int):
    """SCNet's orthonormal Fourier transform along time, and its inverse, as a product: exporters lack it."""
    angle = 2 * math.pi / frames * (torch.arange(frames)[:, None] * torch.arange(frames // 2 + 1) % frames)
    cosine, sine = torch.cos(angle) / math.sqrt(frames), -torch.sin(angle) / math.sqrt(frames)
    if not conversion.inverse:
        return lambda x: torch.cat([x @ cosine, x @ sine], 1)
    # All bins but the outer ones stand for their mirror image, too.
    twice = torch.full((frames // 2 + 1, 1), 2.0)
    twice[0], twice[-1] = 1, 1
    real, imaginary = twice * cosine.T, twice * sine.T
    return lambda x: x[:, :x.shape[1] // 2] @ real + x[:, x.shape[1] // 2:] @ imaginary


class Between(nn.Module):
    """SCNet between its transforms: spectra to spectra, or to masks if it is a masked one."""

    def __init__(self, model, frames: int):
        super().__init__()
        self.model = model
        self.conversions = [transform_by_matrix(conversion, frames) for conversion in model.separation_net.feature_conversion]

    def forward(self, x):
        model, kept = self.model, []
        is_masked = hasattr(model, "mask_layer")
        if is_masked:
            x = x + model.pos_embed_f
        for layer in model.encoder:
            x, *of_layer = layer(x)
            kept.append(of_layer)
        for paths, conversion in zip(model.separation_net.dp_modules, self.conversions):
            x = conversion(paths(x))
        for fuse, widen in model.decoder:
            skip, lengths, whole_lengths = kept.pop()
            x = widen(fuse(x, skip), lengths, whole_lengths)
        return model.mask_layer(x) if is_masked else x


def scnet_graph(model, frames: int) -> tuple[Graph, int]:
    """The graph for segments of so many frames, and the silence that the network puts after each: whole hops, and an
    even number of spectra."""
    hop = model.hop_length
    silence = hop - frames % hop
    if (frames + silence) // hop % 2 == 0:
        silence += hop
    shown = (frames + silence) // hop + 1
    bins = model.stft_config["n_fft"] // 2 + 1
    return Graph(Between(model, shown), (torch.randn(1, 4, bins, shown),), ["spectra"], ["stems"]), silence


def scnet_sections(model, frames: int, normalise: bool, graph: Graph, silence: int) -> str:
    """Everything of model.toml from the kind's sections on."""
    (_, channels, bins, shown), is_masked = graph.inputs[0].shape, hasattr(model, "mask_layer")
    return f"""[segment]
frames = {frames}
overlap_frames = {frames // 2}
normalise = {str(normalise).lower()}

[stft]
n_fft = {model.stft_config["n_fft"]}
hop = {model.hop_length}
window = "{"hann" if is_masked else "rectangular"}"
frames = "centred"
silence_frames = {silence}
normalised = {str(model.stft_config["normalized"]).lower()}

[estimate]
gives = "{"mask" if is_masked else "spectrum"}"

[tensors]
input = {{ name = "spectra", shape = [1, {channels}, {bins}, {shown}], axes = ["channel", "part", "bin", "frame"] }}
output = {{ name = "stems", shape = [1, {channels * len(model.sources)}, {bins}, {shown}], axes = ["stem", "channel", "part", "bin", "frame"] }}
"""


def scnet(masked: bool = False, dims=(4, 4, 4, 4), depths=(1, 1, 1), layers: int = 2, seconds: int = 3) -> Family:
    """SCNet: spectra of all stems, or complex masks in its masked kind. The authors put chunks together as Demucs does,
    around the song's mean and deviation (`scnet/inference.py`); the program that has the masked kind does not
    normalise."""
    from msst.models.scnet import scnet, scnet_masked

    model = loud((scnet_masked if masked else scnet).SCNet(dims=dims, conv_depths=depths, num_dplayer=layers))
    frames, chunks = seconds * RATE, in_halves(model, model.sources, seconds)

    def separate(mix):
        return chunks(mix)[[0, 1, 3]]

    graph, silence = scnet_graph(model, frames)
    return Family("scnet-masked" if masked else "scnet", model.sources, "other", {"": graph},
                  scnet_sections(model, frames, not masked, graph, silence), "spectrum",
                  separate if masked else normalised(separate), 7.0)


def open_unmix(hidden: int = 4, layers: int = 1, stems=("vocals", "drums"), seconds: int = 60) -> Family:
    """Open-Unmix: magnitudes, one network per stem, and one step of expectation maximisation."""
    from openunmix.model import OpenUnmix, Separator

    targets = {}
    for seed, stem in enumerate(stems):
        torch.manual_seed(seed)
        targets[stem] = OpenUnmix(nb_bins=2049, nb_channels=2, hidden_size=hidden, nb_layers=layers, max_bin=1487)
    model = Separator(targets, niter=1, residual=False, wiener_win_len=300).eval()

    def separate(mix):
        return model(mix[None])[0]

    graphs = {
        # Scripted: traced, its reshapes would keep the length of the example.
        stem: Graph(torch.jit.script(target.eval()), (torch.rand(1, 2, 2049, 20),), ["mix"], ["stem"],
                    {"mix": {3: "frames"}, "stem": {3: "frames"}})
        for stem, target in targets.items()
    }
    return Family("openunmix", [*stems, "rest"], "rest", graphs, f"""[segment]
frames = {seconds * RATE}
overlap_frames = {seconds * RATE // 12}
normalise = false

[stft]
n_fft = 4096
hop = 1024
window = "hann"
frames = "centred"
normalised = false

[filter]
type = "wiener"
iterations = 1
frames = 300
residual = false

[tensors]
input = {{ name = "mix", shape = [1, 2, 2049, -1], axes = ["channel", "bin", "frame"] }}
output = {{ name = "stem", shape = [1, 2, 2049, -1], axes = ["channel", "bin", "frame"] }}
""", "magnitude", separate, 8.0)


def spleeter(width: int = 4, frames: int = 128, depth: int = 2, above: str = "average") -> Family:
    """Spleeter: magnitudes, one U-Net per stem, ratio of energies. The package needs TensorFlow: the network is of
    its shape, and transform, blocks and masks are its formulas (`spleeter/model/__init__.py`)."""
    n_fft, hop, bins = 4096, 1024, 1024

    class UNet(nn.Module):
        def __init__(self, seed):
            super().__init__()
            torch.manual_seed(seed)
            widths = [2, *[width << level for level in range(depth)]]
            self.down = nn.ModuleList(nn.Conv2d(a, b, 5, 2, 2) for a, b in zip(widths, widths[1:]))
            self.up = nn.ModuleList(nn.ConvTranspose2d(b, a, 5, 2, 2, 1) for a, b in zip(widths, widths[1:]))
            self.last = nn.Conv2d(2, 2, 4, padding=3, dilation=2)

        def forward(self, magnitudes):
            # Loud bins are some hundreds; trained networks have their batch normalisation for it.
            x, skips = 0.01 * magnitudes.permute(0, 3, 1, 2), []
            for down in self.down:
                skips.append(x)
                x = nn.functional.leaky_relu(down(x), 0.2)
            for up in reversed(self.up):
                x = torch.relu(up(x)) + skips.pop()
            return (torch.sigmoid(self.last(x)).permute(0, 2, 3, 1)) * magnitudes

    nets = {stem: UNet(seed).eval() for seed, stem in enumerate(("vocals", "accompaniment"))}
    window = torch.hann_window(n_fft)

    def separate(mix):
        length = mix.shape[1]
        # Silence of one frame in front; whole frames behind.
        count = -(-(length + n_fft) // hop)
        padded = torch.nn.functional.pad(mix, (n_fft, count * hop + n_fft - length))
        z = torch.stft(padded, n_fft, hop, window=window, center=False, return_complex=True)[:, :, :count]
        blocks = -(-count // frames)
        z = torch.nn.functional.pad(z, (0, blocks * frames - count))
        x = z.abs()[:, :bins].permute(2, 1, 0).reshape(blocks, frames, bins, 2)
        energies = {stem: net(x) ** 2 for stem, net in nets.items()}
        share = (energies["vocals"] + 1e-10 / 2) / (sum(energies.values()) + 1e-10)
        rest = share.mean(2, keepdim=True) if above == "average" else torch.zeros_like(share[:, :, :1])
        share = torch.cat([share, rest.expand(-1, -1, n_fft // 2 + 1 - bins, -1)], 2)
        stem = z * share.reshape(blocks * frames, -1, 2).permute(2, 1, 0)
        out = torch.zeros(2, (blocks * frames - 1) * hop + n_fft)
        for frame, part in enumerate((torch.fft.irfft(stem, dim=1) * window[:, None]).unbind(2)):
            out[:, frame * hop:frame * hop + n_fft] += part
        return (out * 2 / 3)[None, :, n_fft:n_fft + length]

    example = torch.rand(1, frames, bins, 2)
    graphs = {stem: Graph(net, (example,), ["x"], ["y"]) for stem, net in nets.items()}
    axes = 'axes = ["frame", "bin", "channel"]'
    return Family("spleeter", list(nets), "accompaniment", graphs, f"""[segment]
frames = {(frames - 1) * hop + n_fft}
overlap_frames = {n_fft - hop}
normalise = false

[stft]
n_fft = {n_fft}
hop = {hop}
bins = {bins}
window = "hann"
frames = "whole"
normalised = false

[filter]
type = "ratio"
power = 2
above = "{above}"

[tensors]
input = {{ name = "x", shape = [1, {frames}, {bins}, 2], {axes} }}
output = {{ name = "y", shape = [1, {frames}, {bins}, 2], {axes} }}
""", "magnitude", separate, 8.0)


FAMILIES = {
    "waveform": demucs_waveform,
    "hybrid": htdemucs,
    "mdx": mdx_net,
    "roformer": bs_roformer,
    "scnet": scnet,
    "scnet-masked": lambda: scnet(masked=True),
    "openunmix": open_unmix,
    "spleeter": spleeter,
}


def manifest(family: Family, files: dict[str, str], licence: str) -> str:
    """The text of model.toml; `files` are checksums by path, in the order of the graphs."""
    quoted = ", ".join(f'"{stem}"' for stem in family.stems)
    head = f"""format = 1
id = "tiny-{family.name}"
name = "Random weights, {family.name}"
version = "1"
kind = "{family.kind}"
licence = "{licence}"
source = "models/export/references.py"
training_data = []
sample_rate = {RATE}
channels = 2
stems = [{quoted}]
residual = "{family.residual}"

{family.manifest}"""
    for stem, (path, digest) in zip(family.graphs, files.items()):
        head += f'\n[[file]]\npath = "{path}"\nsha256 = "{digest}"\n'
        if stem:
            head += f'stem = "{stem}"\n'
            if family.name == "mdx":
                head += "gain = 1.035\n"
    return head


def export(family: Family, folder: Path, licence: str = "MIT OR Apache-2.0") -> None:
    """Writes graphs and manifest of a family into a folder."""
    import hashlib

    folder.mkdir(parents=True, exist_ok=True)
    files = {}
    for stem, graph in family.graphs.items():
        path = folder / f"{stem or 'model'}.onnx"
        graph.export(path)
        files[path.name] = hashlib.sha256(path.read_bytes()).hexdigest()
    (folder / "model.toml").write_text(manifest(family, files, licence))


def song(path: Path) -> torch.Tensor:
    import soundfile

    audio, rate = soundfile.read(path, dtype="float32", always_2d=True)
    assert rate == RATE, f"{path}: {rate} Hz"
    return torch.from_numpy(np.ascontiguousarray(audio.T))
