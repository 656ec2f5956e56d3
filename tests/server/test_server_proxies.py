"""Behind nginx and Caddy, with the files of `deploy/`: connections are kept, WebSockets open, events come at once."""

import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

if sys.platform == "win32":
    pytest.skip("nginx and Caddy as Debian has them", allow_module_level=True)

DEPLOY = Path(__file__).parents[2] / "deploy"


def _free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def _nginx(folder, port, upstream):
    site = (DEPLOY / "nginx.conf").read_text("utf-8")
    site = site.replace("listen 80;", f"listen 127.0.0.1:{port};").replace("127.0.0.1:8000", f"127.0.0.1:{upstream}")
    temporary = "".join(
        f"{kind}_temp_path {folder}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;" if os.geteuid() == 0 else ""
    text = f"{user}pid {folder}/pid;error_log stderr;daemon off;worker_processes 1;events {{}}\n"
    (folder / "conf").write_text(text + f"http {{ access_log off;\n{temporary}{site} }}")
    return ["nginx", "-p", str(folder), "-c", str(folder / "conf")], {}


def _caddy(folder, port, upstream):
    names = {"MIEN_HOST": f"http://127.0.0.1:{port}", "MIEN_UPSTREAM": f"127.0.0.1:{upstream}", "HOME": str(folder)}
    return ["caddy", "run", "--config", str(DEPLOY / "Caddyfile"), "--adapter", "caddyfile"], names


@contextmanager
def _running(command, environment, port, log):
    with log.open("wb") as file:
        process = subprocess.Popen(command, env={**os.environ, **environment}, stdout=file, stderr=file)
    try:
        end = time.monotonic() + 30
        while True:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < end, log.read_text()
                time.sleep(0.05)
        yield
    finally:
        process.terminate()
        try:
            process.wait(30)
        finally:
            process.kill()
            process.wait()


@pytest.fixture(params=["nginx", "caddy"])
def behind(request, serve, tmp_path, monkeypatch):
    """Port of a proxy, path of the service behind it, and the service, whose videos do not end by themselves."""
    if shutil.which(request.param) is None:
        pytest.skip(f"{request.param} is not installed (Debian has a package of this name)")
    from mien.app.server.work.jobs import Jobs

    def slow(self, job, upload):
        job.state = "reading"
        while not job.stop.is_set():
            time.sleep(0.01)

    monkeypatch.setattr(Jobs, "_read", slow)
    path = "/faces" if request.param == "nginx" else ""
    service, port = serve(root_path=path), _free_port()
    make = {"nginx": _nginx, "caddy": _caddy}[request.param]
    command, environment = make(tmp_path, port, service.port)
    with _running(command, environment, port, tmp_path / "log"):
        yield port, path, service


def test_behind_a_proxy(behind, grey_png, clip):
    """One connection carries many requests, and so do few to the service; the page's own origin is let in; the
    answers name the path; a WebSocket greets; an event comes while the video is still being read.
    """
    client = pytest.importorskip("websockets.sync.client")
    port, path, service = behind
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    own = {"Origin": f"http://127.0.0.1:{port}", "Content-Type": "image/png"}
    link.connect()
    first = link.sock
    for _ in range(20):
        link.request("POST", f"{path}/v1/analyze", grey_png, own)
        answer = link.getresponse()
        assert (answer.status, json.loads(answer.read())["error"]) == (200, None)
        assert link.sock is first
    assert len(service.app.state.service.connections) <= 2

    link.request("GET", f"{path}/static/app.css", headers={"Accept-Encoding": "gzip"})
    answer = link.getresponse()
    tag = answer.headers["ETag"]
    assert answer.headers["Content-Encoding"] == "gzip"
    answer.read()
    link.request("GET", f"{path}/static/app.css", headers={"Accept-Encoding": "gzip", "If-None-Match": tag})
    answer = link.getresponse()
    assert (answer.status, answer.read()) == (304, b"")

    with client.connect(f"ws://127.0.0.1:{port}{path}/v1/live", subprotocols=["mien.v1"], proxy=None) as live:
        assert json.loads(live.recv(timeout=20))["type"] == "hello"

    link.request("POST", f"{path}/v1/analyze/video", clip, {**own, "Content-Type": "video/x-msvideo"})
    answer = link.getresponse()
    job = json.loads(answer.read())["id"]
    assert answer.headers["Location"] == f"{path}/v1/analyze/video/{job}"
    link.request("GET", f"{path}/v1/analyze/video/{job}/events")
    events = link.getresponse()
    assert events.readline().startswith(b"id: 0")  # at once, not when the video has ended
    assert service.app.state.service.jobs.get(job).open
    service.ask("DELETE", f"/v1/analyze/video/{job}")
    events.close()
    link.close()
