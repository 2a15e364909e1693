"""The network written out as an ONNX graph, node by node, with standard operators only.

By hand rather than by PyTorch's exporters: the recurrent layers become GRU nodes over the frames of a call, so that one
graph serves one frame (live) and many (files), and the state goes in and out. `network.py` is the reference.
"""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from network import FEATURES, NEIGHBOURS, SLOW, STEMS, Separator

OPSET = 17


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


def _onnx_gates(weight: np.ndarray) -> np.ndarray:
    """From PyTorch's order reset, update, new to ONNX's update, reset, new."""
    reset, update, new = np.split(weight, 3)
    return np.concatenate([update, reset, new])


def build(net: Separator) -> onnx.ModelProto:
    shape, g = net.shape, Graph()
    d, bands, bins = shape.width, shape.num_bands, shape.bins
    p = {name: value.detach().numpy() for name, value in net.named_parameters()}

    # |L|, |R|, |L+R|/2, compressed: [1, T, 3, F]
    def power(x: str) -> str:
        return g("ReduceSum", g("Mul", x, x), g.ints(-1), keepdims=0)

    def neighbours(x: str) -> str:  # [1, T, 3, F], mean over the bins around each
        pads = [0, NEIGHBOURS, 0, NEIGHBOURS]
        return g("AveragePool", x, kernel_shape=[1, 2 * NEIGHBOURS + 1], pads=pads, count_include_pad=0)

    mid = g("Mul", g("ReduceSum", "mix", g.ints(2), keepdims=1), g.constant(0.5))
    powers = g("Concat", power("mix"), power(mid), axis=2)
    compressed = g("Pow", g("Add", powers, g.constant(1e-8)), g.constant(0.15))

    tokens = []
    for i, (first, width, count) in enumerate(shape.groups):
        x = g.reshape(g.slice(compressed, 3, first, first + width * count), -1, 3, count, width)
        x = g.reshape(g.transpose(x, 2, 0, 1, 3), count, -1, 3 * width)
        level = g("Sqrt", g("ReduceMean", g("Mul", x, x), axes=[-1], keepdims=1))
        x = g("Concat", g("Div", x, level), g("Log", level), axis=2)
        tokens.append(g.linear(x, p[f"split.{i}.weight"], p[f"split.{i}.bias"]))
    x = g.transpose(g("Concat", *tokens, axis=0), 1, 0, 2)  # [T, K, d]

    states = []
    for i in range(shape.layers):
        w = {name.removeprefix(f"blocks.{i}."): v for name, v in p.items() if name.startswith(f"blocks.{i}.")}
        bias = np.concatenate([_onnx_gates(w["gru.b_x"]), _onnx_gates(w["gru.b_h"])])
        everything, last = g(
            "GRU", g.rms_norm(x, w["time_norm.gain"]),
            g.constant(_onnx_gates(w["gru.w_x"])[None]), g.constant(_onnx_gates(w["gru.w_h"])[None]),
            g.constant(bias[None]), "", g.slice("gru_in", 0, i, i + 1),
            outputs=2, hidden_size=d, linear_before_reset=1,
        )
        states.append(last)
        x = g("Add", x, g("Squeeze", everything, g.ints(1)))
        y = g.transpose(g.rms_norm(x, w["band_norm.gain"]), 0, 2, 1)
        y = g.silu(g.linear(y, w["band_in.weight"].T, w["band_in.bias"]))
        x = g("Add", x, g.transpose(g.linear(y, w["band_out.weight"].T, w["band_out.bias"]), 0, 2, 1))
        y = g.silu(g.linear(g.rms_norm(x, w["ff_norm.gain"]), w["ff_in.weight"].T, w["ff_in.bias"]))
        x = g("Add", x, g.linear(y, w["ff_out.weight"].T, w["ff_out.bias"]))
    g("Concat", *states, called="gru_out", axis=0)

    # Local features, [1, T, FEATURES, 2, F]. The slow average over the frames of a call in closed form: frame t is
    # (1 − a)·Σ a^(t−s)·level[s] + a^(t+1)·memory.
    level = g("Mul", g("Log", g("Add", g("Mul", powers, g.constant(1e6)), g.constant(1))), g.constant(0.5))
    frames = g("Squeeze", g("Slice", g("Shape", "mix"), g.ints(1), g.ints(2), g.ints(0)), g.ints(0))
    steps = g("Cast", g("Range", g.constant(0, np.int64), frames, g.constant(1, np.int64)), to=TensorProto.FLOAT)
    apart = g("Sub", g("Unsqueeze", steps, g.ints(1)), g("Unsqueeze", steps, g.ints(0)))
    decay = g("Pow", g.constant(SLOW), g("Max", apart, g.constant(0)))
    decay = g("Trilu", g("Mul", decay, g.constant(1 - SLOW)), upper=0)
    slow = g.reshape(g("MatMul", decay, g.reshape(level, 1, -1, 3 * bins)), 1, -1, 3, bins)
    old = g("Pow", g.constant(SLOW), g("Add", steps, g.constant(1)))
    slow = g("Add", slow, g("Mul", g("Unsqueeze", old, g.ints(0, 2, 3)), g.slice("memory_in", 1, 0, 1)))
    # Everything but the very last frame, moved by one: concatenate, then drop the end.
    last = g("Slice", g("Concat", g.slice("memory_in", 1, 1, 2), level, axis=1), g.ints(0), g.ints(-1), g.ints(1))
    end = np.iinfo(np.int64).max
    g("Concat", g.slice(slow, 1, -1, end), g.slice(level, 1, -1, end), called="memory_out", axis=1)
    sides, centre, slow = g.slice(level, 2, 0, 2), g.slice(level, 2, 2, 3), g.slice(slow, 2, 0, 2)
    left, right = g.slice(sides, 2, 0, 1), g.slice(sides, 2, 1, 2)
    both = g("ReduceMean", sides, axes=[2], keepdims=1)
    in_middle = g("Sub", centre, both)
    features = (
        g("Sub", sides, slow),
        g("Sub", sides, g.slice(last, 2, 0, 2)),
        g("Sub", sides, neighbours(sides)),
        g("Sub", slow, neighbours(slow)),
        g("Concat", in_middle, in_middle, axis=2),
        g("Sub", sides, g("Concat", right, left, axis=2)),
        g("Sub", sides, g("ReduceMean", both, axes=[3], keepdims=1)),
    )
    assert len(features) == FEATURES
    local = g("Mul", g("Concat", *(g("Unsqueeze", f, g.ints(2)) for f in features), axis=2), g.constant(0.5))

    x = g.transpose(g.rms_norm(x, p["head_norm.gain"]), 1, 0, 2)  # [K, T, d]
    masks, band = [], 0
    for i, (first, width, count) in enumerate(shape.groups):
        y = g.linear(g.slice(x, 0, band, band + count), p[f"head.{i}.weight"], p[f"head.{i}.bias"])
        free = g.reshape(g.slice(y, 2, 0, len(STEMS) * 2 * width), count, -1, len(STEMS), 2 * width)
        weights = g.reshape(g.slice(y, 2, len(STEMS) * 2 * width, end), count, -1, len(STEMS), FEATURES)
        here = g.reshape(g.slice(local, 4, first, first + width * count), -1, FEATURES, 2, count, width)
        here = g.reshape(g.transpose(here, 3, 0, 1, 2, 4), count, -1, FEATURES, 2 * width)
        y = g("Softmax", g("Add", free, g("MatMul", weights, here)), axis=2)
        y = g.reshape(y, count, -1, len(STEMS), 2, width)
        masks.append(g.reshape(g.transpose(y, 1, 2, 3, 0, 4), 1, -1, len(STEMS), 2, count * width, 1))
        band += count
    g("Mul", g("Concat", *masks, axis=4), g("Unsqueeze", "mix", g.ints(2)), called="stems")

    def value(name: str, *dimensions):
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, dimensions)

    state, memory = (shape.layers, bands, d), (1, 2, 3, bins)
    graph = helper.make_graph(
        g.nodes, "separator",
        [value("mix", 1, "frames", 2, bins, 2), value("gru_in", *state), value("memory_in", *memory)],
        [value("stems", 1, "frames", len(STEMS), 2, bins, 2), value("gru_out", *state), value("memory_out", *memory)],
        list(g.constants.values()),
    )
    # IR 8 is what goes with opset 17, so that older runtimes load the file.
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    return model
