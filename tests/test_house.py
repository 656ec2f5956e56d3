"""The house as a whole: everything but `learn` imports with torch blocked, and the import contract names real rooms."""

import json
import pkgutil
import subprocess
import sys
from pathlib import Path, PurePosixPath

import mien

_BLOCK = """
import importlib, sys
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"torch", "torchvision", "timm", "lightning", "onnx"}:
            raise ImportError(f"{name} is blocked")
sys.meta_path.insert(0, Block())
for name in sys.argv[1:]:
    importlib.import_module(name)
"""


def test_everything_but_learn_imports_without_torch():
    """The base install has no torch: only the training room and its two commands may ask for it, when they run."""
    modules = [m.name for m in pkgutil.walk_packages(mien.__path__, "mien.")]
    outside = [
        name
        for name in modules
        if not name.startswith("mien.learn.") and name != "mien.__main__" and ".hook-" not in name
    ]

    done = subprocess.run([sys.executable, "-c", _BLOCK, *outside], capture_output=True, text=True)

    assert len(outside) > 30
    assert done.returncode == 0, done.stderr


def test_packaged_evaluations_name_no_folder_of_a_machine():
    """The files that ship are read by strangers: their data set is named relative to the project."""
    files = sorted((Path(mien.__file__).parent / "assets" / "models").glob("*.evaluation.json"))

    assert len(files) >= 4
    for file in files:
        source = json.loads(file.read_text("utf-8"))["data"]["source"]
        assert not PurePosixPath(source).is_absolute(), f"{file.name}: {source}"
