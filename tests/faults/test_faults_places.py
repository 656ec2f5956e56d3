"""Odd names, odd homes, two processes at once."""

import csv
import http.server
import io
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mien.core.lock import locked

TINY = Path(__file__).resolve().parents[1] / "golden" / "tiny.onnx"
QUICK = ("--model", TINY, "--detector", "none")

NAMES = ["gesicht ü.png", "日本語 😀.png", "a'b\"c $HOME %s.png", "-o.png", "a\nb.png", "x" * 200 + ".png"]
if sys.platform != "win32":
    NAMES += ["C:\\Users\\me\\a.png", "a:b*?.png", os.fsdecode(b"caf\xe9.png"), "\x1b[2J.png"]


def picture(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((16, 16, 3), 200, np.uint8)).save(str(path), "png")
    return path


@pytest.mark.parametrize("kind", ["table", "json", "jsonl", "csv"])
def test_names_of_pictures(kind, tmp_path):
    """Whatever pictures are called, they are read, and their names can be told in every format, also to a pipe."""
    folder = tmp_path / "Bilder ö 写真"
    for name in NAMES:
        picture(folder / name)
    line = [sys.executable, "-m", "mien", "analyze", ".", *map(str, QUICK), "--format", kind, "--annotate", "out ö"]
    if kind == "jsonl":
        line += ["-o", "ergebnis ö.jsonl"]
    ended = subprocess.run(line, cwd=folder, capture_output=True, env={**os.environ, "PYTHONIOENCODING": "utf-8"})

    assert ended.returncode == 0, ended.stderr
    text = ((folder / "ergebnis ö.jsonl").read_bytes() if kind == "jsonl" else ended.stdout).decode("utf-8")
    if kind == "table":
        assert "\x1b" not in text
    if kind == "csv":
        assert len(list(csv.DictReader(io.StringIO(text)))) == len(NAMES)
    if kind in {"json", "jsonl"}:
        records = json.loads(text) if kind == "json" else [json.loads(line) for line in text.splitlines()]
        assert sorted(record["source"] for record in records) == sorted(NAMES)
    assert len(list((folder / "out ö").iterdir())) == len(NAMES)


def test_tables_written_on_windows(tmp_path):
    """Backslashes between folders, CR LF at the ends of lines, and a byte-order mark."""
    from mien.data import read

    for name in ("a", "b"):
        picture(tmp_path / "pictures" / "ä" / f"{name}.png")
    table = tmp_path / "list.csv"
    table.write_bytes("\ufeffpath,label\r\npictures\\ä\\a.png,happy\r\npictures\\ä\\b.png,sad\r\n".encode())

    assert read(table).names.tolist() == ["pictures/ä/a.png", "pictures/ä/b.png"]


def test_a_home_that_cannot_be_written(tmp_path):
    """Reading photographs writes nothing at home, so a home that is no folder does not matter."""
    home = tmp_path / "home"
    home.write_text("")
    picture(tmp_path / "a.png")
    kept = {k: v for k, v in os.environ.items() if k not in {"MIEN_CACHE", "XDG_CACHE_HOME"}}
    run = [sys.executable, "-m", "mien"]
    read = subprocess.run([*run, "analyze", "a.png", *map(str, QUICK)], cwd=tmp_path, capture_output=True, text=True,
                          env={**kept, "HOME": str(home)})  # fmt: skip
    (tmp_path / "yunet.onnx").write_bytes(b"not it")
    pull = subprocess.run([*run, "models", "list"], cwd=tmp_path, capture_output=True, text=True,
                          env={**kept, "HOME": str(home)})  # fmt: skip

    assert (read.returncode, read.stderr) == (0, "1 picture, 1 face.\n")
    assert pull.returncode == 0
    assert home.is_file()


def test_no_home_at_all(monkeypatch):
    """Some containers run as a user without a home: the remedy is said."""
    from mien.core.errors import StoreError
    from mien.infer.store import cache_folder

    def homeless():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", homeless)
    monkeypatch.setattr("sys.platform", "linux")
    with pytest.raises(StoreError, match="set MIEN_CACHE"):
        cache_folder({})


BODY = bytes(range(256)) * 4000

FETCH = """
import dataclasses, hashlib, sys
from mien.infer import registry, store
known = dataclasses.replace(registry.ENTRIES["yunet"], url=sys.argv[1], sha256=sys.argv[2], bytes=int(sys.argv[3]))
registry.ENTRIES["yunet"] = known
print(store.fetch("yunet"))
"""


class _Slow(http.server.BaseHTTPRequestHandler):
    """Sends the body in pieces, so that two downloads overlap."""

    asked = 0

    def do_GET(self):
        type(self).asked += 1
        self.send_response(200)
        self.send_header("Content-Length", str(len(BODY)))
        self.end_headers()
        for start in range(0, len(BODY), 1 << 16):
            self.wfile.write(BODY[start : start + (1 << 16)])
            threading.Event().wait(0.02)

    def log_message(self, *_):
        pass


def test_two_processes_share_the_store(tmp_path):
    """Both ask for the same file at once: one fetches it, both find it whole, and nothing else is left."""
    import hashlib

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Slow)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    store = tmp_path / "store"
    line = [sys.executable, "-c", FETCH, f"http://127.0.0.1:{server.server_port}/f", hashlib.sha256(BODY).hexdigest(),
            str(len(BODY))]  # fmt: skip
    try:
        both = [subprocess.Popen(line, env={**os.environ, "MIEN_CACHE": str(store)}) for _ in range(3)]
        codes = [process.wait(timeout=60) for process in both]
    finally:
        server.shutdown()
        server.server_close()

    assert codes == [0, 0, 0]
    assert [path.read_bytes() == BODY for path in store.iterdir()] == [True]
    assert _Slow.asked == 1


def test_a_lock_is_held_by_one(tmp_path):
    """Threads that add to a number one by one lose nothing; the lock's file goes away."""
    count = [0]

    def work():
        for _ in range(30):
            with locked(tmp_path / "lock"):
                before = count[0]
                threading.Event().wait(0.0002)
                count[0] = before + 1

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert count == [120]
    assert list(tmp_path.iterdir()) == []
