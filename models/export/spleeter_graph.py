"""Spleeter's U-Net as ONNX graphs: for any number of frames, or for the end of a short window.

Weights are prepared once and are the same in both. Where a layer has few positions and many weights
(the deepest encoder layer, the first two of the decoder) it is a product of matrices, one per row of its kernel, so that
a short window multiplies only by the rows that meet it. A transposed convolution of stride 2 puts four convolutions
between one another, by the parity of the row and of the column that they give: even ones see taps 3 and 1 of the kernel,
odd ones taps 4, 2 and 0, and ONNX Runtime computes these faster than its own ConvTranspose.

# Source
Network: `spleeter.model.functions.unet.apply_unet` with the activations of 2stems, LeakyReLU and ReLU.
"""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET, IR_VERSION = 17, 8
BINS, CHANNELS = 1024, 2
WIDTHS = (16, 32, 64, 128, 256, 512)
# Frames of a short window: the U-Net halves them six times.
WINDOW = 64
TAPS = {"even": (3, 1), "odd": (4, 2, 0)}
# Layers that are products of matrices.
DEEP_DOWN, DEEP_UP = (6,), (1, 2)
# Of TensorFlow's batch normalisation as Spleeter uses it.
EPSILON = 1e-3
# Smaller ones stay in 32 bits.
MIN_VALUES = 4096
# Rows of a matrix that have a step in common.
GROUP = 64


def normalisation(a: dict, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Batch normalisation as factor and offset."""
    factor = a[f"{name}.weight"] / np.sqrt(a[f"{name}.running_var"] + EPSILON)
    return factor, a[f"{name}.bias"] - factor * a[f"{name}.running_mean"]


def weights(a: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """What the graphs compute with, from the arrays of a checkpoint of PyTorch."""
    w = {}
    for level in range(1, 7):
        kernel = a[f"down{level}_conv.1.weight"]
        if level in DEEP_DOWN:
            for row in range(5):  # [column · input, output]
                w[f"down{level}.row{row}"] = kernel[:, :, row].transpose(2, 1, 0).reshape(-1, kernel.shape[0])
        else:
            w[f"down{level}.kernel"] = kernel
        w[f"down{level}.bias"] = a[f"down{level}_conv.1.bias"]
        if level < 6:
            w[f"down{level}.factor"], w[f"down{level}.offset"] = normalisation(a, f"down{level}_act.0")
    factor = None
    for level in range(1, 7):
        kernel = a[f"up{level}.0.weight"].copy()
        if factor is not None:
            # Factors of what comes from below are exact in the kernel that follows; offsets are not, at the edges.
            kernel[-len(factor):] *= factor[:, None, None, None]
        if level in DEEP_UP:
            for row in range(5):
                for parity, taps in TAPS.items():  # [column · input, output]
                    taps = kernel[:, :, row, taps].transpose(2, 0, 1)
                    w[f"up{level}.row{row}.{parity}"] = taps.reshape(-1, kernel.shape[1])
        elif level < 6:
            for rows, rows_taps in TAPS.items():
                for columns, columns_taps in TAPS.items():
                    taps = kernel[:, :, rows_taps][:, :, :, columns_taps]
                    w[f"up{level}.{rows}.{columns}"] = taps.transpose(1, 0, 2, 3)
        else:
            w[f"up{level}.kernel"] = kernel
        w[f"up{level}.bias"] = a[f"up{level}.0.bias"]
        factor, offset = normalisation(a, f"up{level}.3")
        w[f"up{level}.offset"] = offset / factor
    w["mask.kernel"], w["mask.bias"] = a["up7.0.weight"] * factor[:, None, None], a["up7.0.bias"]
    return {name: np.ascontiguousarray(value, np.float32) for name, value in w.items()}


class Network:
    """Collects nodes; every method returns the name of its result.

    With `last`, a window has WINDOW frames, and only what so many at its end need is computed.
    """

    def __init__(self, w: dict[str, np.ndarray], last: int | None = None):
        self.w, self.last = dict(w), last
        self.nodes, self.constants, self.used, self.count = [], {}, [], 0

    def __call__(self, operator: str, *inputs: str, called: str | None = None, **attributes) -> str:
        self.count += 1
        result = called or f"t{self.count}"
        self.nodes.append(helper.make_node(operator, list(inputs), [result], **attributes))
        return result

    def weight(self, name: str) -> str:
        if name not in self.used:
            self.used.append(name)
        return name

    def constant(self, values, dtype=np.int64) -> str:
        array = np.array(values, dtype)
        key = (array.shape, array.dtype.str, array.tobytes())
        if key not in self.constants:
            self.constants[key] = numpy_helper.from_array(array, f"c{len(self.constants)}")
        return self.constants[key].name

    def slice(self, x: str, axis: int, first: int, end: int | None = None, step: int = 1) -> str:
        end = np.iinfo(np.int64).max if end is None else end
        return self("Slice", x, *(self.constant([value]) for value in (first, end, axis, step)))

    def reshape(self, x: str, *shape: int) -> str:
        return self("Reshape", x, self.constant(shape))

    def pad(self, x: str, *pads: int) -> str:
        return self("Pad", x, self.constant(pads))

    def per_channel(self, operator: str, x: str, name: str) -> str:
        """Of [1, channel, frame, bin], where a constant of one value per channel needs two more axes."""
        self.w[f"{name}.channels"] = self.w[name].reshape(-1, 1, 1)
        return self(operator, x, self.weight(f"{name}.channels"))

    # Encoder: [1, channel, frame, bin].

    def down(self, x: str, level: int) -> str:
        return self("Conv", x, self.weight(f"down{level}.kernel"), self.weight(f"down{level}.bias"),
                    kernel_shape=[5, 5], strides=[2, 2], pads=[1, 1, 2, 2])

    def activated(self, x: str, level: int) -> str:
        # Normalisation as a convolution by itself: it stays in the order of the others, and takes the activation along.
        name = f"down{level}.factor"
        self.w[f"{name}.kernel"] = self.w[name].reshape(-1, 1, 1, 1)
        x = self("Conv", x, self.weight(f"{name}.kernel"), self.weight(f"down{level}.offset"),
                 kernel_shape=[1, 1], group=WIDTHS[level - 1])
        return self("LeakyRelu", x, alpha=0.2)

    def deep_down(self, x: str, level: int) -> str:
        """[1, frame, bin, channel] there and back."""
        bins, inputs = BINS >> level, WIDTHS[level - 2]
        # Rows of a window meet two of the kernel, and no edge.
        above, below = (1, 3) if self.last is None else (0, 0)
        x = self.pad(x, 0, above, 1, 0, 0, below, 3, 0)
        pairs = self.reshape(x, 1, -1, bins + 2, 2 * inputs)
        columns = [self.slice(pairs, 2, first, first + bins) for first in range(3)]
        columns[2] = self.slice(columns[2], 3, 0, inputs)
        x = self("Concat", *columns, axis=3)
        terms = []
        for row in range(5):
            if self.last is None:
                met = self.slice(x, 1, row, row - 5, 2)
            elif row in (1, 2):
                met = self.slice(x, 1, row - 1, row)
            else:
                continue
            terms.append(self("MatMul", met, self.weight(f"down{level}.row{row}")))
        return self.sum([*terms, self.weight(f"down{level}.bias")])

    def sum(self, terms: list[str]) -> str:
        total = terms[0]
        for term in terms[1:]:
            total = self("Add", total, term)
        return total

    # Decoder.

    def deep_up(self, x: str, level: int, first: int) -> str:
        """[1, frame, bin, channel] there and back, from row `first` of the output on."""
        bins, inputs, outputs = BINS >> (7 - level), WIDTHS[6 - level] * (1 if level == 1 else 2), self.outputs(level)
        padded = self.pad(x, 0, 0, 1, 0, 0, 0, 1, 0)
        left, right = self.slice(padded, 2, 0, bins), self.slice(padded, 2, 2)
        seen = {"even": self("Concat", left, x, axis=3), "odd": self("Concat", left, x, right, axis=3)}

        def product(row: int, begin: int = 0, end: int | None = None) -> str:
            """Both parities of the columns, between one another."""
            met = {p: s if (begin, end) == (0, None) else self.slice(s, 1, begin, end) for p, s in seen.items()}
            both = [self("MatMul", met[p], self.weight(f"up{level}.row{row}.{p}")) for p in TAPS]
            return self.reshape(self("Concat", *both, axis=3), 1, -1, 2 * bins, outputs)

        if self.last is None:
            y = [product(row) for row in range(5)]
            above = {row: self.slice(self.pad(y[row], 0, 1, 0, 0, 0, 0, 0, 0), 1, 0, -1) for row in (3, 4)}
            below = self.slice(self.pad(y[0], 0, 0, 0, 0, 0, 1, 0, 0), 1, 1)
            even, odd = self("Add", y[1], above[3]), self.sum([y[2], above[4], below])
            both = [self.reshape(rows, 1, -1, 1, 2 * bins * outputs) for rows in (even, odd)]
            x = self.reshape(self("Concat", *both, axis=2), 1, -1, 2 * bins, outputs)
        else:
            rows = WINDOW >> (7 - level)
            # Row o of the output is the sum over i of row i by row o + 1 − 2i of the kernel.
            terms = {o: [(o + 1 - 2 * i, i) for i in range(rows) if 0 <= o + 1 - 2 * i < 5] for o in range(first, 2 * rows)}
            products = {}
            for row in range(5):
                met = [i for pairs in terms.values() for kernel_row, i in pairs if kernel_row == row]
                if met:
                    whole = product(row, min(met), max(met) + 1)
                    for i in range(min(met), max(met) + 1):
                        one = len(met) == 1
                        products[row, i] = whole if one else self.slice(whole, 1, i - min(met), i - min(met) + 1)
            sums = [self.sum([products[pair] for pair in pairs]) for pairs in terms.values()]
            x = self("Concat", *sums, axis=1)
        x = self("Relu", self("Add", x, self.weight(f"up{level}.bias")))
        return self("Add", x, self.weight(f"up{level}.offset"))

    def up(self, x: str, level: int, is_cut: bool) -> str:
        """[1, channel, frame, bin] there and back. If cut, the first row is only what the second one sees besides."""
        outputs, bins = self.outputs(level), BINS >> (7 - level)
        rows = []
        for r, row in enumerate(TAPS):
            columns = []
            for c, column in enumerate(TAPS):
                part = self("Conv", x, self.weight(f"up{level}.{row}.{column}"), self.weight(f"up{level}.bias"),
                            kernel_shape=[2 + r, 2 + c], pads=[0 if is_cut else 1, 1, r, c])
                columns.append(self("Unsqueeze", self("Relu", part), self.constant([4])))
            rows.append(self.reshape(self("Concat", *columns, axis=4), 1, outputs, -1, 1, 2 * bins))
        x = self.reshape(self("Concat", *rows, axis=3), 1, outputs, -1, 2 * bins)
        return self.per_channel("Add", x, f"up{level}.offset")

    def last_up(self, x: str, is_cut: bool) -> str:
        x = self("ConvTranspose", x, self.weight("up6.kernel"), self.weight("up6.bias"),
                 kernel_shape=[5, 5], strides=[2, 2], pads=[3 if is_cut else 1, 1, 2, 2])
        return self.per_channel("Add", self("Relu", x), "up6.offset")

    def outputs(self, level: int) -> int:
        return 1 if level == 6 else WIDTHS[5 - level]

    def cuts(self) -> dict[int, tuple[int, int]]:
        """Per level of the decoder: the first row of its input that is needed, and the first of its output then."""
        if self.last is None:
            return {level: (0, 0) for level in range(1, 8)}
        cuts, needed = {}, WINDOW - self.last
        cuts[7] = (max(needed - 3, 0), needed)
        for level in range(6, 2, -1):
            wanted = cuts[level + 1][0] // 2
            cuts[level] = (wanted - 1, 2 * wanted) if wanted > 0 else (0, 0)
        # Rows of products are chosen one by one.
        cuts[2], cuts[1] = (0, cuts[3][0]), (0, 0)
        return cuts

    def model(self, store) -> onnx.ModelProto:
        """`store(name, values)` gives the nodes and tensors that a weight is kept as."""
        cuts, skips = self.cuts(), {}
        x = self("Transpose", "mix", perm=[0, 3, 1, 2])
        for level in range(1, 6):
            skips[level] = self.down(x, level)
            x = self.activated(skips[level], level)
        x = self.deep_down(self("Transpose", x, perm=[0, 2, 3, 1]), 6)
        have = 0
        for level in range(1, 7):
            first, have_then = cuts[level]
            if have < first:
                x = self.slice(x, 2, first - have)
            if level > 1:
                skip = skips[7 - level]
                if level in DEEP_UP:
                    x = self("Concat", self("Transpose", skip, perm=[0, 2, 3, 1]), x, axis=3)
                else:
                    x = self("Concat", self.slice(skip, 2, first) if first > 0 else skip, x, axis=1)
            if level in DEEP_UP:
                x = self.deep_up(x, level, have_then)
                if level + 1 not in DEEP_UP:
                    x = self("Transpose", x, perm=[0, 3, 1, 2])
            elif level < 6:
                x = self.up(x, level, have_then > 0)
            else:
                x = self.last_up(x, have_then > 0)
            have = have_then
        first, have_then = cuts[7]
        if have < first:
            x = self.slice(x, 2, first - have)
        x = self("Conv", x, self.weight("mask.kernel"), self.weight("mask.bias"),
                 kernel_shape=[4, 4], dilations=[2, 2], pads=[3 + first - have_then, 3, 3, 3])
        mask = self("Transpose", self("Sigmoid", x), perm=[0, 2, 3, 1])
        heard = self.slice("mix", 1, have_then) if have_then > 0 else "mix"
        self("Mul", mask, heard, called="estimate")

        def tensor(name: str, frames) -> onnx.ValueInfoProto:
            return helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, frames, BINS, CHANNELS])

        kept = [store(name, self.w[name]) for name in self.used]
        graph = helper.make_graph(
            [node for nodes, _ in kept for node in nodes] + self.nodes, "spleeter",
            [tensor("mix", WINDOW if self.last else "frames")], [tensor("estimate", self.last or "frames")],
            [t for _, tensors in kept for t in tensors] + list(self.constants.values()),
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
        if not any(t.data_location == TensorProto.EXTERNAL for t in graph.initializer):
            onnx.checker.check_model(model)
        return model


def in_32_bits(name: str, values: np.ndarray):
    return [], [numpy_helper.from_array(values, name)]


def small(name: str, values: np.ndarray):
    """Large ones as whole numbers [group, row, column] and a step per group and column: matrices in 8 bits and groups of
    GROUP rows, kernels in 16 bits and a group per output. Cast, product and shape are what ONNX Runtime folds at load; it
    leaves DequantizeLinear where it is. `separation/src/model/onnx/lent.rs` reads these names."""
    if values.size < MIN_VALUES:
        return in_32_bits(name, values)
    is_matrix = values.ndim == 2
    grouped = values.reshape((-1, GROUP, values.shape[1]) if is_matrix else (values.shape[0], -1, 1))
    kind = np.int8 if is_matrix else np.int16
    step = np.abs(grouped).max(1, keepdims=True) / np.float32(np.iinfo(kind).max)
    whole = np.round(grouped / np.maximum(step, np.finfo(np.float32).tiny)).astype(kind)
    kept = {"whole": whole, "step": step, "shape": np.array(values.shape, np.int64)}
    nodes = [
        helper.make_node("Cast", [f"{name}.whole"], [f"{name}.cast"], to=TensorProto.FLOAT),
        helper.make_node("Mul", [f"{name}.cast", f"{name}.step"], [f"{name}.grouped"]),
        helper.make_node("Reshape", [f"{name}.grouped", f"{name}.shape"], [name]),
    ]
    return nodes, [numpy_helper.from_array(value, f"{name}.{part}") for part, value in kept.items()]


def lent(by: str):
    """Those of another graph, which is found by the name of its file, and the weights in it by theirs."""

    def store(name: str, values: np.ndarray):
        tensor = TensorProto(name=name, dims=values.shape, data_type=TensorProto.FLOAT, data_location=TensorProto.EXTERNAL)
        tensor.external_data.add(key="location", value=by)
        return [], [tensor]

    return store
