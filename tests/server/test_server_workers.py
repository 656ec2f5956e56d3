"""Several workers, each a process: one set of limits and jobs, kills, reloads, and the end of it all."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

psutil = pytest.importorskip("psutil")
if sys.platform == "win32":
    pytest.skip("signals of POSIX", allow_module_level=True)

TOKEN = "correct-horse-battery"


class Running:
    """A service in a process of its own."""

    def __init__(self, process, port):
        self.process = process
        self.port = port

    def ask(self, path, body=None, method=None, **headers):
        """Status and body."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", body, named, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def readers(self):
        """The processes that hold models."""
        children = psutil.Process(self.process.pid).children()
        return [child for child in children if "spawn_main" in " ".join(child.cmdline())]

    def metric(self, name):
        """Value of a line of /metrics."""
        found = re.search(rf"^{re.escape(name)} (.*)$", self.ask("/metrics")[1].decode(), re.MULTILINE)
        return 0.0 if found is None else float(found[1])


@contextmanager
def running(*arguments, workers=2):
    """`mien serve` with some options while the block lasts; it must end well."""
    command = [sys.executable, "-m", "mien", "serve", "--port", "0", "--workers", str(workers), *map(str, arguments)]
    environment = {**os.environ, "MIEN_TOKEN": "", "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)
    try:
        found = None
        while found is None:
            line = process.stderr.readline()
            assert line, process.wait()
            found = re.search(r"localhost:(\d+)/", line)
        service = Running(process, int(found[1]))
        until(lambda: _ready(service))
        yield service
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) in (0, -signal.SIGTERM)
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


def _ready(service):
    try:
        return service.ask("/readyz")[0] == 200
    except OSError:
        return False


def until(what, seconds=60):
    """Wait for something to become true."""
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.fixture
def quickly(tiny_model):
    """Options of the golden model."""
    return ["--model", tiny_model, "--detector", "none", "--limit", "requests_per_minute=100000"]


def test_limits_jobs_and_counters_are_one(quickly, grey_png, clip):
    """Whichever worker reads: the same readings, jobs that are found, sums in /metrics, one rate for all; a worker and
    the process of the videos are killed, and nobody is told.
    """
    with running(*quickly) as service, ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: service.ask("/v1/analyze", grey_png), range(40)))
        assert {status for status, _ in answers} == {200}
        assert len({body for _, body in answers}) == 1
        assert service.metric('mien_pictures_total{kind="picture"}') == 40
        assert service.metric('mien_stage_seconds_count{kind="picture",stage="decode"}') == 40
        before = service.readers()
        assert len(before) == 2

        status, body = service.ask("/v1/analyze/video", clip, Content_Type="video/x-msvideo")
        assert status == 202
        job = json.loads(body)["id"]
        until(lambda: json.loads(service.ask(f"/v1/analyze/video/{job}")[1])["state"] == "done")
        assert len(json.loads(service.ask(f"/v1/analyze/video/{job}/timeline")[1])["rows"]) > 0

        for reader in service.readers():
            reader.kill()
        answers = list(pool.map(lambda _: service.ask("/v1/analyze", grey_png), range(20)))
        assert {status for status, _ in answers} == {200}
        until(lambda: service.metric("mien_worker_restarts_total") >= 2)
        assert service.ask(f"/v1/analyze/video/{job}")[0] == 200
        status, body = service.ask("/v1/analyze/video", clip, Content_Type="video/x-msvideo")
        until(lambda: json.loads(service.ask(f"/v1/analyze/video/{json.loads(body)['id']}")[1])["state"] == "done")
        left = service.readers()
    until(lambda: not any(reader.is_running() for reader in left))


def test_the_readers_end_with_the_service(quickly):
    """Also where it is killed: nothing is left behind."""
    with running(*quickly) as service:
        readers = service.readers()
        assert len(readers) == 2
        service.process.kill()
        service.process.wait()
        until(lambda: not any(reader.is_running() and reader.status() != "zombie" for reader in readers))
        service.process.send_signal = lambda _: None
        service.process.wait = lambda *_: 0


def test_a_reload_takes_new_settings(quickly, grey_png, clip, tmp_path):
    """SIGHUP reads the file and the token again: jobs go on, rates go on, an upload that is under way ends well;
    settings that are wrong change nothing; what cannot change is named.
    """
    token, config = tmp_path / "token", tmp_path / "serve.toml"
    token.write_text(TOKEN)
    config.write_text("[limit]\nrequests_per_minute = 100000\nfaces = 3\n")
    options = [*quickly[:4], "--config", config, "--token-file", token]
    right, new = {"Authorization": f"Bearer {TOKEN}"}, {"Authorization": f"Bearer {TOKEN}-2"}
    with running(*options, workers=1) as service:
        _, body = service.ask("/v1/analyze/video", clip, Content_Type="video/x-msvideo", **right)
        job = json.loads(body)["id"]
        assert service.ask("/v1/analyze", grey_png, **right)[0] == 200

        token.write_text(f"{TOKEN}-2")
        config.write_text("[limit]\nrequests_per_minute = 100000\nhead_s = 3\nbody_bytes = 50\n")
        service.process.send_signal(signal.SIGHUP)
        until(lambda: service.ask("/v1/model", **new)[0] == 200)
        assert service.ask("/v1/analyze", grey_png, **right)[0] == 401
        assert service.ask("/v1/analyze", grey_png, **new)[0] == 413
        assert service.ask(f"/v1/analyze/video/{job}", **new)[0] == 200

        config.write_text("workerz = 2\n")
        service.process.send_signal(signal.SIGHUP)
        time.sleep(0.5)
        assert service.ask("/v1/model", **new)[0] == 200
        shown = service.ask("/metrics", **new)[1].decode()
        until(lambda: 'result="refused"' in service.ask("/metrics", **new)[1].decode())
        assert 'mien_reloads_total{result="done"} 1' in shown
        service.process.send_signal(signal.SIGTERM)
        told = service.process.stderr.read()
        assert "with a restart only: head_s" in told
        assert "Did you mean 'workers'" in told
        assert "Traceback" not in told


def test_an_open_request_finishes_with_the_old_service(quick, grey_png):
    """A body that is under way when the service is reloaded is read to its end; the old models go afterwards."""
    import asyncio

    from mien.app.server.reload import Reloading
    from mien.app.server.settings import Limits, Settings

    async def scene():
        application = Reloading(Settings(analyzer=quick), lambda: Settings(analyzer=quick, limits=Limits(faces=2)))
        first = application.service
        await first.start()
        began, go, sent = asyncio.Event(), asyncio.Event(), []

        async def receive():
            began.set()
            await go.wait()
            return {"type": "http.request", "body": grey_png, "more_body": False}

        async def send(message):
            sent.append(message)

        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "scheme": "http",
            "path": "/v1/analyze", "raw_path": b"/v1/analyze", "query_string": b"", "root_path": "",
            "headers": [(b"host", b"localhost")], "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80),
        }  # fmt: skip
        request = asyncio.create_task(application(scope, receive, send))
        await began.wait()
        assert await application.reload()
        assert application.service is not first
        assert first.pool.ready
        go.set()
        await request
        assert sent[0]["status"] == 200
        while first.pool.ready:
            await asyncio.sleep(0.02)
        await application.service.stop()

    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, scene()).result()
