"""The model store and its downloads, against a real HTTP server on loopback that misbehaves on demand."""

import hashlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from pathlib import Path

import pytest

from mien.core.errors import ModelError, OptionError, StoreError
from mien.infer import download, registry, store

BODY = bytes(range(256)) * 1000
SHA = hashlib.sha256(BODY).hexdigest()


@dataclass
class Server:
    """What the server does with the next requests, and what it was asked."""

    url: str = ""
    plan: list[str] = field(default_factory=list)
    ranges: list[str | None] = field(default_factory=list)


@pytest.fixture
def server() -> Iterator[Server]:
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.ranges.append(self.headers["Range"])
            action = state.plan.pop(0) if state.plan else "serve"
            if action.isdigit():
                self.send_error(int(action))
                return
            start = int(self.headers["Range"].removeprefix("bytes=").rstrip("-")) if self.headers["Range"] else 0
            if action == "no ranges":
                start = 0
            body = BODY[start:] if action != "wrong" else b"x" * len(BODY)
            self.send_response(206 if start else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: len(body) // 2] if action == "break" else body)

        def log_message(self, *args: object) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=http.serve_forever, daemon=True)
    thread.start()
    state.url = f"http://127.0.0.1:{http.server_address[1]}/file"
    yield state
    http.shutdown()
    http.server_close()
    thread.join()


def _download(server: Server, target: Path, **options) -> None:
    settings = {"sha256": SHA, "size": len(BODY), "timeout_s": 5, "pause_s": 0.01, **options}
    download.download(server.url, target, **settings)


def test_a_file_arrives_whole(server, tmp_path):
    """The bytes are those of the server, progress adds up, and nothing else is left in the folder."""
    seen: list[int] = []
    _download(server, tmp_path / "f", advance=seen.append)

    assert (tmp_path / "f").read_bytes() == BODY
    assert sum(seen) == len(BODY)
    assert [p.name for p in tmp_path.iterdir()] == ["f"]


def test_a_broken_connection_is_continued(server, tmp_path):
    """Half arrives, then a quarter: each try goes on where the last one broke off."""
    server.plan = ["break", "break"]
    _download(server, tmp_path / "f")

    half = len(BODY) // 2
    assert server.ranges == [None, f"bytes={half}-", f"bytes={half + half // 2}-"]
    assert (tmp_path / "f").read_bytes() == BODY


def test_a_later_call_continues_too(server, tmp_path):
    """All tries break off; the part stays and the next call asks for the rest only."""
    server.plan = ["break"] * 4
    with pytest.raises(StoreError, match=r"the connection ended after"):
        _download(server, tmp_path / "f")
    assert not (tmp_path / "f").exists()

    _download(server, tmp_path / "f")

    assert server.ranges[-1] != "bytes=0-"
    assert (tmp_path / "f").read_bytes() == BODY


def test_a_server_without_ranges(server, tmp_path):
    """When the server sends everything again, the part is begun anew."""
    server.plan = ["break", "no ranges"]
    _download(server, tmp_path / "f")

    assert (tmp_path / "f").read_bytes() == BODY


def test_passing_faults_are_retried(server, tmp_path):
    """503 and 429 pass; the file arrives at the third try."""
    server.plan = ["503", "429"]
    _download(server, tmp_path / "f")

    assert len(server.ranges) == 3


def test_lasting_faults_are_said_at_once(server, tmp_path):
    """404 does not pass; one request, one sentence with the remedy for machines without internet."""
    server.plan = ["404"]
    with pytest.raises(StoreError, match=r"answered 404 Not Found.*--from FILE"):
        _download(server, tmp_path / "f")

    assert len(server.ranges) == 1


def test_wrong_bytes_never_get_the_name(server, tmp_path):
    """Bytes with another hash are thrown away each time, and the file does not appear."""
    server.plan = ["wrong"] * 4
    with pytest.raises(StoreError, match="the bytes are not the expected ones"):
        _download(server, tmp_path / "f")

    assert list(tmp_path.iterdir()) == []


def test_nobody_listens(tmp_path):
    """A refused connection is one sentence."""
    with pytest.raises(StoreError, match="Cannot fetch"):
        _download(Server(url="http://127.0.0.1:9/f"), tmp_path / "f")


@pytest.fixture
def known(server, monkeypatch) -> registry.Entry:
    """YuNet's entry with the address and hash of the test server."""
    entry = replace(registry.ENTRIES["yunet"], url=server.url, sha256=SHA, bytes=len(BODY))
    monkeypatch.setitem(registry.ENTRIES, "yunet", entry)
    return entry


def test_pull_find_verify(known, server, store_folder):
    """Not stored: a sentence with the remedy. After the pull it is found, and pulling again asks nobody."""
    with pytest.raises(StoreError, match="Run `mien models pull yunet`"):
        store.find("yunet")
    with pytest.raises(StoreError, match="Run `mien models pull yunet`"):
        store.verify("yunet")
    path = store.fetch("yunet")
    store.fetch("yunet")

    assert path == store.find("yunet") == store_folder / known.filename
    assert store.verify("yunet") == SHA
    assert len(server.ranges) == 1


def test_a_damaged_file_is_not_used(known, store_folder):
    """A stored file that changed is refused when it is needed."""
    path = store.fetch("yunet")
    path.write_bytes(BODY[:-1] + b"!")

    with pytest.raises(StoreError, match="is not the file that mien knows as yunet"):
        store.find("yunet")
    assert store.problem("yunet") is not None


def test_import_of_a_file_brought_by_hand(known, store_folder, tmp_path):
    """A machine without internet takes the right file and refuses a wrong one."""
    (tmp_path / "right").write_bytes(BODY)
    (tmp_path / "wrong").write_bytes(b"?")

    assert store.import_file("yunet", tmp_path / "right").read_bytes() == BODY
    with pytest.raises(StoreError, match=r"wrong is not face_detection_yunet"):
        store.import_file("yunet", tmp_path / "wrong")
    with pytest.raises(StoreError, match="Cannot read"):
        store.import_file("yunet", tmp_path / "none")


def test_a_store_that_cannot_be_made(known, tmp_path, monkeypatch):
    """A file where the folder should be: the message names MIEN_CACHE."""
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MIEN_CACHE", str(tmp_path / "file" / "store"))
    with pytest.raises(StoreError, match="Set MIEN_CACHE"):
        store.fetch("yunet")


def test_names_of_models(tmp_path):
    """A shipped name, a file, a run's folder; anything else is said to be unknown, or to hold no model."""
    (tmp_path / "run").mkdir()
    with pytest.raises(ModelError, match="holds no model.onnx"):
        store.resolve_model(tmp_path / "run")
    (tmp_path / "run" / "model.onnx").write_bytes(b"x")

    assert store.resolve_model("fer2013").name == "fer2013.onnx"
    assert store.resolve_model(tmp_path / "run") == tmp_path / "run" / "model.onnx"
    assert store.resolve_model("other.onnx") == Path("other.onnx")
    with pytest.raises(OptionError, match=r"Unknown model 'fer2012'. Did you mean 'fer2013'"):
        store.resolve_model("fer2012")
    with pytest.raises(OptionError, match="Unknown model 'yunett'"):
        store.fetch("yunett")


def test_where_the_store_is(monkeypatch):
    """MIEN_CACHE first, then the platform's folder."""
    assert store.cache_folder({"MIEN_CACHE": "/x"}) == Path("/x")
    monkeypatch.setattr("sys.platform", "linux")
    assert store.cache_folder({"XDG_CACHE_HOME": "/c"}) == Path("/c/mien")
    monkeypatch.setattr("sys.platform", "win32")
    assert store.cache_folder({"LOCALAPPDATA": "/l"}) == Path("/l/mien")


@pytest.mark.parametrize("path", sorted(Path(str(resources.files("mien"))).glob("assets/models/*.evaluation.json")))
def test_packaged_figures_are_those_of_the_packaged_file(path):
    """Every evaluation that ships names the file beside it by its hash: no figure is of another file."""
    model = path.with_name(path.name.replace(".evaluation.json", ".onnx"))

    assert json.loads(path.read_text("utf-8"))["model"]["sha256"] == hashlib.sha256(model.read_bytes()).hexdigest()
