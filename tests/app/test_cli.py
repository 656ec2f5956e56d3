"""The command as a whole: help, version, info, the store, the demo, and what an import costs."""

import subprocess
import sys

import pytest

import mien


def test_help_and_version(command):
    """Help names every command; the version is the package's."""
    ended = command("--help")

    assert ended.code == 0
    assert all(word in ended.out for word in ("analyze", "train", "models", "An expression is not an emotion"))
    assert command("--version").out == f"mien {mien.__version__}\n"


def test_an_unknown_command_names_the_nearest(command):
    """A slip of the finger is answered with the right word."""
    ended = command("analize", "x.png")

    assert ended.code == 2
    assert "Did you mean 'analyze'?" in ended.err


def test_every_command_has_help(command):
    """Each command's own module loads and explains itself."""
    from mien.app.cli import _COMMANDS

    for name in _COMMANDS:
        ended = command(name, "--help")
        assert ended.code == 0, name
        assert "Usage: mien" in ended.out


def test_demo(command, tmp_path, monkeypatch, store_folder):
    """The astronaut's face is found and called happy by the shipped model; the picture is where it says."""
    pytest.importorskip("skimage")
    monkeypatch.chdir(tmp_path)
    ended = command("demo")

    assert ended.code == 0
    assert "happy" in ended.out
    assert (tmp_path / "mien-demo.png").stat().st_size > 100_000
    assert str(tmp_path / "mien-demo.png") in ended.err


def test_demo_name_without_a_format(command, tmp_path, store_folder):
    """A name that no picture can have is refused before anything is read."""
    pytest.importorskip("skimage")
    ended = command("demo", "-o", tmp_path / "demo.txt")

    assert (ended.code, ended.out) == (1, "")
    assert "expected a name that ends in .jpg, .png or .webp" in ended.err


def test_info(command, store_folder):
    """It says what would be used."""
    ended = command("info")

    assert ended.code == 0
    for word in ("onnxruntime", "wild-int8 (7 labels", "detector", "threads"):
        assert word in ended.out


def test_models(command, store_folder, yunet_file):
    """The store as a person meets it: not there, brought by hand, verified, damaged."""
    assert "mien models pull yunet" in command("models", "list").out
    pulled = command("models", "pull", "yunet", "--from", yunet_file)
    assert pulled.code == 0
    assert str(store_folder) in pulled.out
    assert "here, verified" in command("models", "list").out
    assert command("models", "path", "yunet").out.strip() == pulled.out.strip()
    assert command("models", "path").out.strip() == str(store_folder)
    assert command("models", "verify").code == 0
    (store_folder / yunet_file.name).write_bytes(b"damaged")
    assert command("models", "verify").code == 1
    assert "damaged" in command("models", "list").out
    unknown = command("models", "pull", "yunett")
    assert (unknown.code, "Did you mean 'yunet'?" in unknown.err) == (2, True)


def _loaded_after(code: str) -> set[str]:
    names = ["numpy", "cv2", "onnxruntime", "PIL", "torch", "rich", "click", "pyarrow", "matplotlib", "skimage"]
    script = f"{code}; import sys; print(*[n for n in {names!r} if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split())


def test_import_loads_nothing():
    """`import mien` costs nothing: no array library, no vision library, no runtime."""
    assert _loaded_after("import mien") == set()


def test_help_loads_nothing_heavy():
    """`mien --help` needs click alone."""
    code = "from mien.app.cli import cli; cli(['--help'], standalone_mode=False)"
    assert _loaded_after(code) == {"click"}


def test_analysis_never_loads_torch(tiny_model):
    """Reading faces needs neither torch nor the packages of training."""
    code = (
        f"import numpy as np, mien; mien.Analyzer({str(tiny_model)!r}, 'mien').analyze(np.zeros((64, 64, 3), np.uint8))"
    )
    assert _loaded_after(code) & {"torch", "matplotlib", "pyarrow", "rich"} == set()
