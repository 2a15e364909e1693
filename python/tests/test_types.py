"""What the stubs say is what is there."""

import ast
import inspect
import subprocess
import sys
from pathlib import Path

import unweave

PACKAGE = Path(unweave.__file__).parent
CONFIG = Path(__file__).parents[1] / "pyproject.toml"


def test_stubs_fit_the_compiled_part():
    done = subprocess.run(
        [sys.executable, "-m", "mypy.stubtest", "unweave", "--ignore-missing-stub", "--mypy-config-file", CONFIG],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_package_is_typed_throughout():
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--config-file", CONFIG, PACKAGE], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_users_see_the_types(tmp_path):
    code = tmp_path / "user.py"
    code.write_text(
        "import numpy as np\nimport unweave\n"
        "separator = unweave.Separator(threads=1)\n"
        "stems = separator.separate(np.zeros((2, 10), np.float32), 44_100)\n"
        'reveal_type(stems["bass"])\n'
        'reveal_type(separator.separate_file("a", "b").report["files"][0]["loudness_lufs"])\n'
    )
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", code], capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "numpy.ndarray" in done.stdout and '"float | None"' in done.stdout, done.stdout


def test_docstrings_are_those_of_the_stubs():
    stub = ast.parse((PACKAGE / "_native.pyi").read_text())
    num_compared = 0

    def compare(nodes, owner):
        nonlocal num_compared
        for node in nodes:
            if isinstance(node, ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node):
                there = getattr(owner, node.name)
                assert ast.get_docstring(node).split() == inspect.getdoc(there).split(), node.name
                num_compared += 1
            if isinstance(node, ast.ClassDef):
                compare(node.body, getattr(owner, node.name))

    compare(stub.body, unweave)
    assert num_compared > 20
