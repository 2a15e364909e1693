"""The network written out as an ONNX graph, node by node, with standard operators only.

By hand rather than by PyTorch's exporters: the recurrent layers become Scan nodes over the frames of a call, so that one
graph serves one frame (live) and many (files), and the state goes in and out. `network.py` is the reference.
"""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from network import FEATURES, LEVEL_GAIN, LEVEL_OFFSET, LEVEL_SCALE, SLOW, STEMS, Separator, Shape

OPSET = 17
END = np.iinfo(np.int64).max


class Graph:
    """Collects nodes; every method returns the name of its result."""

    def __init__(self):
        self.nodes, self.constants, self.names = [], {}, 0

    def name(self) -> str:
        self.names += 1
        return f"t{self.names}"

    def constant(self, value, dtype=np.float32) -> str:
        array = np.ascontiguousarray(value, dtype=dtype)
        array = array.reshape(np.shape(value))  # ascontiguousarray makes scalars one-dimensional
        key = (array.shape, array.dtype.str, array.tobytes())
        if key not in self.constants:
            self.constants[key] = numpy_helper.from_array(array, f"c{len(self.constants)}")
        return self.constants[key].name

    def __call__(self, operator: str, *inputs: str, outputs: int = 1, called: str | None = None, **attributes):
        results = [self.name() for _ in range(outputs)] if called is None else [called]
        self.nodes.append(helper.make_node(operator, list(inputs), results, **attributes))
        return results[0] if outputs == 1 else results

    def ints(self, *values: int) -> str:
        return self.constant(values, np.int64)

    def reshape(self, x: str, *shape: int) -> str:
        return self("Reshape", x, self.ints(*shape))

    def transpose(self, x: str, *order: int) -> str:
        return self("Transpose", x, perm=order)

    def slice(self, x: str, axis: int, first: int, end: int) -> str:
        return self("Slice", x, self.ints(first), self.ints(end), self.ints(axis))

    def linear(self, x: str, weight, bias) -> str:
        return self("Add", self("MatMul", x, self.constant(weight)), self.constant(bias))

    def silu(self, x: str) -> str:
        return self("Mul", x, self("Sigmoid", x))

    def rms_norm(self, x: str, gain) -> str:
        mean = self("ReduceMean", self("Mul", x, x), axes=[-1], keepdims=1)
        scale = self("Sqrt", self("Add", mean, self.constant(1e-5)))
        return self("Mul", self("Div", x, scale), self.constant(gain))


def recurrence() -> onnx.GraphProto:
    """One step of a recurrent layer, what a Scan node does for every frame: h = keep·h + new."""
    nodes = [
        helper.make_node("Mul", ["keep", "h_before"], ["kept"]),
        helper.make_node("Add", ["kept", "new"], ["h"]),
        helper.make_node("Identity", ["h"], ["h_of_frame"]),
    ]

    def values(*names: str):
        return [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in names]

    return helper.make_graph(nodes, "recurrence", values("h_before", "keep", "new"), values("h", "h_of_frame"))


def cells_of(g: Graph, power: str, shape: Shape) -> str:
    """Power per bin [1, T, 3, F] summed over the bins of each cell, [T, 3, cell]."""
    parts, first = [], 0
    for bins, cells, bands in shape.groups:
        count = cells * bands
        x = g.slice(power, 3, first, first + bins * count)
        parts.append(g("ReduceSum", g.reshape(x, -1, 3, count, bins), g.ints(-1), keepdims=0))
        first += bins * count
    # The last cell has the bins that are left above.
    rest = g("ReduceSum", g.reshape(g.slice(power, 3, first, END), -1, 3, shape.bins - first), g.ints(-1))
    all_cells = g("Concat", *parts, axis=2)
    return g("Concat", g.slice(all_cells, 2, 0, -1), g("Add", g.slice(all_cells, 2, -1, END), rest), axis=2)


def local_features(g: Graph, power: str, shape: Shape) -> str:
    """[T, FEATURES, cell], see `Separator.local`; takes `memory_in` and gives `memory_out`."""
    scale = LEVEL_SCALE / np.array(shape.cell_sizes)
    level = g("Mul", g("Log", g("Add", g("Mul", power, g.constant(scale)), g.constant(1))), g.constant(0.5))
    # The slow average over the frames of a call in closed form: frame t is (1 − a)·Σ a^(t−s)·level[s] + a^(t+1)·memory.
    frames = g("Squeeze", g("Slice", g("Shape", level), g.ints(0), g.ints(1), g.ints(0)), g.ints(0))
    steps = g("Cast", g("Range", g.constant(0, np.int64), frames, g.constant(1, np.int64)), to=TensorProto.FLOAT)
    apart = g("Sub", g("Unsqueeze", steps, g.ints(1)), g("Unsqueeze", steps, g.ints(0)))
    decay = g("Pow", g.constant(SLOW), g("Max", apart, g.constant(0)))
    decay = g("Trilu", g("Mul", decay, g.constant(1 - SLOW)), upper=0)
    slow = g.reshape(g("MatMul", decay, g.reshape(level, -1, 3 * shape.num_cells)), -1, 3, shape.num_cells)
    old = g("Pow", g.constant(SLOW), g("Add", steps, g.constant(1)))
    slow = g("Add", slow, g("Mul", g("Unsqueeze", old, g.ints(1, 2)), g.slice("memory_in", 0, 0, 1)))
    # Everything but the very last frame, moved by one: concatenate, then drop the end.
    last = g.slice(g("Concat", g.slice("memory_in", 0, 1, 2), level, axis=0), 0, 0, -1)
    g("Concat", g.slice(slow, 0, -1, END), g.slice(level, 0, -1, END), called="memory_out", axis=0)
    above = (g.slice(g("Sub", level, before), 1, 0, 2) for before in (slow, last))
    return g("Concat", level, *above, axis=1)


def build(net: Separator) -> onnx.ModelProto:
    shape, g = net.shape, Graph()
    p = {name: value.detach().numpy() for name, value in net.named_parameters()}

    def per_band(name: str, x: str, besides=0.0) -> str:  # [K, T, inputs] to [K, T, outputs]
        return g.linear(x, p[f"{name}.weight"], (p[f"{name}.bias"] + besides)[:, None])

    # |L|², |R|², |(L+R)/2|²
    mid = g("Mul", g("ReduceSum", "mix", g.ints(2), keepdims=1), g.constant(0.5))
    channels = g("Concat", "mix", mid, axis=2)
    power = g("ReduceSum", g("Mul", channels, channels), g.ints(-1), keepdims=0)
    local = local_features(g, cells_of(g, power, shape), shape)

    features, tokens, first, band = [], [], 0, 0
    for i, (_, cells, bands) in enumerate(shape.groups):
        x = g.reshape(g.slice(local, 2, first, first + cells * bands), -1, FEATURES, bands, cells)
        x = g.transpose(x, 2, 0, 1, 3)  # [K, T, FEATURES, cell]
        mean = g("ReduceMean", g.slice(x, 2, 0, 2), axes=[2, 3], keepdims=1)
        x = g("Concat", g("Sub", g.slice(x, 2, 0, 3), mean), g.slice(x, 2, 3, END), axis=2)
        mean = g("Add", g("Mul", g.reshape(mean, bands, -1, 1), g.constant(LEVEL_GAIN)), g.constant(LEVEL_OFFSET))
        features.append(g("Concat", g.reshape(x, bands, -1, FEATURES * cells), mean, axis=2))
        # As part of the bias: ONNX Runtime 1.23 moves transposes through an Add and then reshapes its constant wrongly
        # where the constant is one that sessions share.
        tokens.append(per_band(f"split.{i}", features[-1], p["embed"][band : band + bands]))
        first += cells * bands
        band += bands
    x = g.transpose(g("Concat", *tokens, axis=0), 1, 0, 2)  # [T, K, d]

    states, step = [], recurrence()
    for i in range(shape.layers):
        w = {name.removeprefix(f"blocks.{i}."): v for name, v in p.items() if name.startswith(f"blocks.{i}.")}
        y = g.linear(g.rms_norm(x, w["time_norm.gain"]), w["time_in.weight"].T, w["time_in.bias"])
        keep, new, out = (g.slice(y, 2, j * shape.inner, (j + 1) * shape.inner) for j in range(3))
        keep = g("Sigmoid", keep)
        new = g("Mul", g("Sub", g.constant(1), keep), new)
        before = g("Squeeze", g.slice("hidden_in", 0, i, i + 1), g.ints(0))
        last, everything = g("Scan", before, keep, new, outputs=2, body=step, num_scan_inputs=2)
        states.append(g("Unsqueeze", last, g.ints(0)))
        y = g.linear(g("Mul", everything, g.silu(out)), w["time_out.weight"].T, w["time_out.bias"])
        x = g("Add", x, y)
        y = g.transpose(g.rms_norm(x, w["band_norm.gain"]), 0, 2, 1)
        y = g.silu(g.linear(y, w["band_in.weight"].T, w["band_in.bias"]))
        x = g("Add", x, g.transpose(g.linear(y, w["band_out.weight"].T, w["band_out.bias"]), 0, 2, 1))
        y = g.silu(g.linear(g.rms_norm(x, w["ff_norm.gain"]), w["ff_in.weight"].T, w["ff_in.bias"]))
        x = g("Add", x, g.linear(y, w["ff_out.weight"].T, w["ff_out.bias"]))
    g("Concat", *states, called="hidden_out", axis=0)

    x = g.transpose(g.rms_norm(x, p["head_norm.gain"]), 1, 0, 2)  # [K, T, d]
    masks, band = [], 0
    for i, (_, cells, bands) in enumerate(shape.groups):
        y = g("Concat", g.slice(x, 0, band, band + bands), features[i], axis=2)
        y = per_band(f"head_out.{i}", g.silu(per_band(f"head_in.{i}", y)))
        y = g("Softmax", g.reshape(y, bands, -1, len(STEMS), 2, cells), axis=2)
        masks.append(g.reshape(g.transpose(y, 1, 2, 3, 0, 4), 1, -1, len(STEMS), 2, cells * bands))
        band += bands
    cell_of_bin = np.repeat(np.arange(shape.num_cells), shape.cell_sizes)
    masks = g("Gather", g("Concat", *masks, axis=4), g.constant(cell_of_bin, np.int64), axis=4)
    g("Mul", g("Unsqueeze", masks, g.ints(-1)), g("Unsqueeze", "mix", g.ints(2)), called="stems")

    def value(name: str, *dimensions):
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, dimensions)

    hidden, memory = (shape.layers, shape.num_bands, shape.inner), (2, 3, shape.num_cells)
    graph = helper.make_graph(
        g.nodes, "separator",
        [value("mix", 1, "frames", 2, shape.bins, 2), value("hidden_in", *hidden), value("memory_in", *memory)],
        [value("stems", 1, "frames", len(STEMS), 2, shape.bins, 2), value("hidden_out", *hidden), value("memory_out", *memory)],
        list(g.constants.values()),
    )
    # IR 8 is what goes with opset 17, so that older runtimes load the file.
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    return model
