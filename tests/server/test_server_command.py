"""`mien serve`, `mien page` and `mien space` on the command line."""

import json
import os
import re
import signal
import subprocess
import sys
import tarfile
import time
import urllib.request
from pathlib import Path

import pytest

from mien.app.server.settings import Settings


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--host", "0.0.0.0"], "MIEN_TOKEN"),
        (["--host", "192.0.2.1", "--public"], "Cannot listen on 192.0.2.1"),
        (["--limit", "face=3"], "Did you mean 'faces'"),
        (["--limit", "faces=many"], "expects a number"),
        (["--limit", "faces=0"], "greater than 0"),
        (["--cors-origin", "example.org"], "https://example.org"),
        (["--detector", "yolo"], "Unknown detector"),
        (["--model", "nothing.onnx"], "There is no model file"),
        (["--cors-origin", "https://example.org/"], "without a path"),
        (["--frame-ancestor", "https://a.example; script-src *"], "An origin looks like"),
        (["--allow-host", "http://faces.example"], "without scheme, port and path"),
        (["--allow-host", "faces.example:8000"], "without scheme, port and path"),
        (["--root-path", "faces"], "starts with a slash"),
        (["--proxy", "router"], "A proxy is an IP address"),
        (["--token-file", "absent"], "Cannot read the token file absent: No such file or directory."),
    ],
)
def test_what_cannot_be_served(command, monkeypatch, arguments, says):
    """One sentence on standard error and a status, nothing is started."""
    monkeypatch.delenv("MIEN_TOKEN", raising=False)

    ended = command("serve", "--detector", "none", *arguments)

    assert ended.code in (1, 2)
    assert says in ended.err
    assert "Traceback" not in ended.err


def test_addresses_of_every_kind():
    """What a proxy, a frame and a browser may be called."""
    Settings(
        hosts=("faces.example.org", "[::1]", "10.0.0.7"), origins=("https://a.example:8443",), root_path="/a/faces",
        frame_ancestors=("https://*.hf.space",), proxies=("*", "10.0.0.0/8", "::1"),
    )  # fmt: skip


def test_a_token_that_could_be_guessed(command, monkeypatch):
    """From the environment, so that it stands in no list of processes."""
    monkeypatch.setenv("MIEN_TOKEN", "1234")

    assert "could be guessed" in command("serve", "--host", "0.0.0.0").err


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_serving_and_stopping(tiny_model):
    """It says where it is, answers, and ends well on SIGTERM, also while a live connection is open."""
    client = pytest.importorskip("websockets.sync.client")
    arguments = ["serve", "--port", "0", "--model", str(tiny_model), "--detector", "none"]
    process = subprocess.Popen(
        [sys.executable, "-m", "mien", *arguments],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "MIEN_TOKEN": ""},
    )
    try:
        line = process.stderr.readline()
        port = int(re.search(r"localhost:(\d+)/", line)[1])
        end = time.monotonic() + 60
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz") as answer:
                    assert json.load(answer) == {"status": "ready"}
                break
            except OSError:
                assert time.monotonic() < end
                time.sleep(0.1)
        with client.connect(f"ws://127.0.0.1:{port}/v1/live", proxy=None) as socket:
            socket.recv(timeout=10)
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=30) in (0, -signal.SIGTERM)
        assert "Traceback" not in process.stderr.read()
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


def test_the_runtime_is_verified(command, store_folder, tmp_path):
    """Another package than the pinned one is refused, and the page keeps saying why it is not there."""
    other = tmp_path / "other.tgz"
    with tarfile.open(other, "w:gz"):
        pass

    assert command("page", "status").code == 1
    assert "expected SHA-512" in command("page", "pull", "--from", other).err
    assert "Cannot read" in command("page", "pull", "--from", tmp_path / "absent.tgz").err
    assert command("page", "status").code == 1
    assert not store_folder.exists() or not list(store_folder.rglob("*.wasm"))


def test_a_docker_space_is_whole(command, tmp_path, store_folder):
    """Front matter, an unprivileged user, pinned requirements, the package itself; it serves from its own folder."""
    out = tmp_path / "space"

    ended = command("space", out)

    assert ended.code == 0, ended.err
    readme = (out / "README.md").read_text("utf-8")
    assert readme.startswith("---\n")
    assert "sdk: docker" in readme
    assert "{{" not in readme
    docker = (out / "Dockerfile").read_text("utf-8")
    assert "--uid 1000" in docker
    assert "USER user" in docker
    pins = (out / "requirements.txt").read_text("utf-8").splitlines()
    assert all(re.fullmatch(r"[a-z0-9-]+==[^=]+", pin) for pin in pins)
    assert {"fastapi", "uvicorn", "starlette", "onnxruntime"} <= {pin.partition("==")[0] for pin in pins}
    assert not list(out.rglob("__pycache__"))
    served = subprocess.run(
        [sys.executable, "-c", "import mien, sys; print(mien.__file__); from mien.app.server.app import create_app"],
        cwd=out,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(out), "PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert served.returncode == 0, served.stderr
    assert Path(served.stdout.strip()).is_relative_to(out)
    assert command("space", out).code == 1  # it is not empty any more


def test_a_gradio_space_is_whole(command, tmp_path):
    """Analytics off, its cache deleted; the application is valid Python."""
    out = tmp_path / "space"

    assert command("space", out, "--kind", "gradio").code == 0
    app = (out / "app.py").read_text("utf-8")
    compile(app, "app.py", "exec")
    assert 'os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"' in app
    assert app.index("GRADIO_ANALYTICS_ENABLED") < app.index("import gradio")
    assert "delete_cache=" in app
    from mien.app.spaces import GRADIO_VERSION

    assert f'sdk_version: "{GRADIO_VERSION}"' in (out / "README.md").read_text("utf-8")


_GRADIO = """
import json, socket, sys

foreign = []
connect = socket.socket.connect

def watched(self, address):
    if self.family != socket.AF_UNIX and address[0] not in ("127.0.0.1", "::1", "localhost"):
        foreign.append(str(address))
        raise OSError("no network here")
    return connect(self, address)

socket.socket.connect = watched
import app
from gradio_client import Client, handle_file

_, url, _ = app.demo.launch(prevent_thread_lock=True, quiet=True)
_, table = Client(url, verbose=False).predict(handle_file(sys.argv[1]), api_name="/read")
app.demo.close()
print(json.dumps({"rows": table["data"], "foreign": foreign}))
"""


def test_a_gradio_space_starts(command, tmp_path, hopper_file):
    """The application starts, reads a photograph that came over HTTP, asks no other machine for anything, and stops."""
    pytest.importorskip("gradio", reason='Gradio is not installed: pip install "mien[test]"')
    from mien.infer.analyzer import Analyzer
    from mien.infer.registry import PAGE_MODEL

    out = tmp_path / "space"
    command("space", out, "--kind", "gradio")
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    own = {"TMPDIR": str(temporary), "HOME": str(temporary), "PYTHONDONTWRITEBYTECODE": "1"}

    done = subprocess.run(
        [sys.executable, "-c", _GRADIO, str(hopper_file)],
        cwd=out, env={**os.environ, **own}, capture_output=True, text=True, timeout=240,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.strip().splitlines()[-1])
    assert told["foreign"] == []
    (reading,) = Analyzer(PAGE_MODEL).analyze(hopper_file)
    assert told["rows"] == [[1, reading.caption, pytest.approx(reading.confidence, abs=0.02)]]


def test_a_static_space_needs_the_runtime(command, tmp_path, store_folder):
    """Without it nothing useful could be written; the sentence names the command."""
    assert "mien page pull" in command("space", tmp_path / "space", "--kind", "static").err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--kind", "static", "--detector", "yunet"], "'yunet' is none that browsers can run"),
        (["--kind", "static", "--detector", "absent.onnx"], "'absent.onnx' is none that browsers can run"),
        (["--kind", "docker", "--model", "ferpluss"], "Unknown model 'ferpluss'"),
    ],
)
def test_a_space_is_what_was_asked_for(command, tmp_path, store_folder, arguments, says):
    """A model or detector that the Space would not run is refused, not replaced in silence."""
    ended = command("space", tmp_path / "space", *arguments)

    assert ended.code != 0
    assert says in ended.err
    assert not (tmp_path / "space").exists()
