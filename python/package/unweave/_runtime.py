"""Where ONNX Runtime lies: in the package `onnxruntime`, which this one depends on."""

import importlib.util
import os


def folders() -> list[str]:
    """The folders of the `onnxruntime` package that may hold its shared library; it is not imported."""
    spec = importlib.util.find_spec("onnxruntime")
    places = (spec and spec.submodule_search_locations) or []
    return [os.path.join(place, "capi") for place in places]
