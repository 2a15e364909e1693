"""What is installed with the package."""

from importlib.metadata import files, requires, version
from pathlib import Path

from conftest import ROOT

import unweave


def test_licences_and_the_models_notice_go_where_the_model_goes():
    there = {file.name: file for file in files("unweave")}
    for name, source in [
        ("LICENSE-MIT", "LICENSE-MIT"),
        ("LICENSE-APACHE", "LICENSE-APACHE"),
        ("NOTICE.md", "models/builtin/NOTICE.md"),
    ]:
        assert there[name].read_text() == (ROOT / source).read_text()


def test_onnx_runtime_is_of_the_versions_that_are_accepted():
    (needed,) = [line for line in requires("unweave") if line.startswith("onnxruntime")]
    assert ">=1.23" in needed and "<1.29" in needed
    assert "1.23 to 1.28" in (ROOT / "separation/src/runtime.rs").read_text()
    minor = version("onnxruntime").split(".")[1]
    assert unweave.Separator().runtime == f"ONNX Runtime 1.{minor}"


def test_the_version_is_that_of_the_command_and_nothing_of_ray_is_needed():
    assert unweave.__version__ == version("unweave")
    assert (Path(unweave.__file__).parent / "py.typed").exists()
    assert all("ray" in line.partition(";")[2] for line in requires("unweave") if line.startswith(("ray", "pyarrow")))
