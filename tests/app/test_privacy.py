"""Nothing leaves the machine: `analyze`, `demo` and `video` open no socket and write nothing that was not asked for."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

# Runs in the child before anything else: whoever opens a socket or looks up a name ends the process.
GUARD = """
import sys

def hear(event, _arguments):
    if event.startswith(("socket.connect", "socket.getaddrinfo", "socket.gethostby", "socket.sendto", "socket.bind",
                         "urllib.Request", "http.client.connect", "ftplib.", "smtplib.", "webbrowser.open")):
        sys.stderr.write("NETWORK " + event + "\\n")
        sys.stderr.flush()
        __import__("os")._exit(77)

sys.addaudithook(hear)
from mien.app.cli import main
main()
"""


@pytest.fixture
def inputs(tmp_path, hopper_file):
    """A photograph with a face and a clip."""
    from mien.core.types import Frame
    from mien.media.video_writer import VideoSink

    shutil.copy(hopper_file, tmp_path / "a.jpg")
    picture = np.asarray(Image.open(hopper_file).convert("RGB").resize((256, 300)))[..., ::-1]
    sink = VideoSink(tmp_path / "a.mp4", lambda image, _readings: image, 10.0)
    for i in range(5):
        sink.write(Frame(picture, i, i / 10), ())
    sink.close()
    return tmp_path


def _environment(home):
    kept = {
        k: v for k, v in os.environ.items() if not k.startswith(("ORT_", "HF_", "RAY_", "GRADIO_", "XDG_", "MIEN_"))
    }
    return {**kept, "HOME": str(home), "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1"}


COMMANDS = [
    ("analyze", "a.jpg", "-o", "out/a.json", "--format", "json", "--annotate", "out"),
    ("video", "a.mp4", "--timeline", "out/a.csv", "-o", "out/a.mp4", "--report", "out/a.html", "--thumbnails"),
    ("demo",),
]


@pytest.mark.parametrize("line", COMMANDS, ids=lambda line: line[0])
def test_no_connection_and_no_trace(line, inputs):
    """An audit hook of Python hears every socket; the home folder stays empty, so no library keeps an identifier
    there.
    """
    pytest.importorskip("skimage")
    home = inputs / "home"
    for folder in (home, inputs / "out"):
        folder.mkdir()
    before = {p.name for p in inputs.iterdir()}
    ended = subprocess.run(
        [sys.executable, "-c", GUARD, *line], cwd=inputs, capture_output=True, text=True, env=_environment(home)
    )

    assert ended.returncode == 0, ended.stderr
    assert "NETWORK" not in ended.stderr
    assert [p for p in home.rglob("*") if p.is_file() and "matplotlib" not in str(p)] == []
    allowed = {"mien-demo.png"} if line[0] == "demo" else set()
    assert {p.name for p in inputs.iterdir()} - before <= allowed


def test_the_guard_hears_a_connection():
    """The test above would notice: the same hook ends a process that connects."""
    code = (
        GUARD.split("from mien", maxsplit=1)[0] + "import urllib.request; urllib.request.urlopen('http://127.0.0.1:9/')"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    assert ended.returncode == 77
    assert "NETWORK" in ended.stderr


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
@pytest.mark.parametrize("line", COMMANDS[:2], ids=lambda line: line[0])
def test_no_library_connects_past_python(line, inputs, tmp_path):
    """Libraries in C++ open sockets that no hook of Python hears; the system calls show them all."""
    (inputs / "out").mkdir()
    (inputs / "home").mkdir()
    trace = tmp_path / "calls"
    ended = subprocess.run(
        ["strace", "-f", "-qq", "-e", "trace=socket,connect,sendto,sendmsg", "-o", str(trace),
         sys.executable, "-m", "mien", *line],
        cwd=inputs, capture_output=True, text=True, env=_environment(inputs / "home"),
    )  # fmt: skip
    if "ptrace" in ended.stderr or not trace.exists():
        pytest.skip("processes cannot be traced here")

    assert ended.returncode == 0, ended.stderr
    assert [call for call in trace.read_text().splitlines() if "AF_INET" in call] == []


@pytest.mark.skipif(shutil.which("unshare") is None, reason="unshare is not installed")
def test_without_a_network(inputs):
    """In a network namespace of its own, where there is not even a loopback address."""
    (inputs / "home").mkdir()
    line = ["unshare", "-n", sys.executable, "-m", "mien", "analyze", "a.jpg"]
    ended = subprocess.run(line, cwd=inputs, capture_output=True, text=True, env=_environment(inputs / "home"))
    if "unshare" in ended.stderr:
        pytest.skip("no network namespaces here")

    assert ended.returncode == 0, ended.stderr
    assert "1 picture, 1 face." in ended.stderr


# Ends the process with the variable's value at the moment at which the library's module is about to be found.
AT_IMPORT = """
import importlib.abc, os, sys

class Watcher(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name == {library!r}:
            print(os.environ.get({variable!r}), flush=True)
            os._exit(0)

sys.meta_path.insert(0, Watcher())
{code}
"""
LOADED_BY = {
    "onnxruntime": "import mien.infer.session",
    "ray": "from mien.batch.on_ray import _import; _import()",
    "huggingface_hub": "import mien.learn.backbones",
}


@pytest.mark.parametrize("library", LOADED_BY)
def test_libraries_are_told_before_they_are_loaded(library):
    """Whoever loads a library that reports its use switches that off first; a value that is set already stays."""
    from mien.core.telemetry import VARIABLES

    pytest.importorskip(library)
    variable, off = VARIABLES[library]
    code = AT_IMPORT.format(library=library, variable=variable, code=LOADED_BY[library])
    base = _environment(Path.home())
    for environment, expected in ((base, off), ({**base, variable: "own"}, "own")):
        ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
        assert ended.stdout.strip() == expected, ended.stderr


def test_every_library_with_reports_has_such_a_test():
    """The table of the libraries and this file name the same."""
    from mien.core.telemetry import VARIABLES

    assert VARIABLES.keys() == LOADED_BY.keys()


def test_importing_mien_changes_no_variable():
    """The process that imports mien keeps its environment as it is."""
    code = "import os; before = dict(os.environ); import mien; print(dict(os.environ) == before)"

    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "True"
