"""A hub of the tests' own on loopback, which the real huggingface_hub talks to, and models with names of their own."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

COMMIT = "c" * 40
TOKEN = "hf_for_tests"
ODD_LABELS = ('it\'s "fine"', "a|b <i>&", "Größe", "{{version}}")


@dataclass
class Hub:
    """What the server holds: repositories by kind and name, with their files; and what it was asked."""

    address: str = ""
    repos: dict[str, dict[str, bytes]] = field(default_factory=dict)
    made: list[dict[str, Any]] = field(default_factory=list)
    refuse: int = 0


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def hub(self) -> Hub:
        """What the server holds."""
        held: Hub = self.server.hub  # type: ignore[attr-defined]
        return held

    def log_message(self, *_: Any) -> None:
        """Silence."""

    def answer(self, body: Any = b"", status: int = 200, **headers: str) -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        headers.setdefault("Content-Length", str(len(data)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def read(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = []
        while size := int(self.rfile.readline().strip(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def known(self, key: str) -> dict[str, bytes] | None:
        """Files of a repository that this caller may see."""
        if key not in self.hub.repos:
            self.answer({"error": "Repository not found"}, 404, X_Error_Code="RepoNotFound")
            return None
        return self.hub.repos[key]

    def do_POST(self) -> None:
        body = self.read()
        if self.hub.refuse or self.headers.get("Authorization") != f"Bearer {TOKEN}":
            self.answer({"error": "You may not do this"}, self.hub.refuse or 401)
        elif self.path == "/api/repos/create":
            self.create(json.loads(body))
        elif self.path == "/api/validate-yaml":
            self.answer({"errors": [], "warnings": []})
        elif found := re.fullmatch(r"/api/(models|spaces)/([^/]+/[^/]+)/preupload/main", self.path):
            files = json.loads(body)["files"]
            self.answer({"files": [{"path": f["path"], "uploadMode": "regular", "shouldIgnore": False} for f in files]})
        elif found := re.fullmatch(r"/api/(models|spaces)/([^/]+/[^/]+)/commit/main", self.path):
            self.commit(f"{found[1]}/{found[2]}", body)
        else:
            self.answer({"error": self.path}, 404)

    def create(self, asked: dict[str, Any]) -> None:
        self.hub.made.append(asked)
        kind = asked.get("type") or "model"
        name = f"{asked.get('organization') or 'ann'}/{asked['name']}"
        place = f"spaces/{name}" if kind == "space" else name
        taken = f"{kind}s/{name}" in self.hub.repos
        self.hub.repos.setdefault(f"{kind}s/{name}", {})
        self.answer({"url": f"{self.hub.address}/{place}", "name": name, "id": name}, 409 if taken else 200)

    def commit(self, key: str, body: bytes) -> None:
        files = self.hub.repos[key]
        for line in map(json.loads, body.splitlines()):
            if line["key"] == "file":
                files[line["value"]["path"]] = base64.b64decode(line["value"]["content"])
            elif line["key"] == "deletedFile":
                del files[line["value"]["path"]]
        self.answer({"commitUrl": f"{self.hub.address}/{key}/commit/{COMMIT}", "commitOid": COMMIT, "success": True})

    def do_GET(self) -> None:
        if found := re.fullmatch(r"/api/(models|spaces)/([^/]+/[^/?]+)/tree/[^?]+(\?.*)?", self.path):
            files = self.known(f"{found[1]}/{found[2]}")
            if files is not None:
                self.answer([{"type": "file", "path": p, "size": len(d), "oid": "0" * 40} for p, d in files.items()])
        elif found := re.fullmatch(r"/api/(models|spaces)/([^/]+/[^/?]+)(/revision/[^?]+)?(\?.*)?", self.path):
            files = self.known(f"{found[1]}/{found[2]}")
            if files is not None:
                self.answer({"id": found[2], "sha": COMMIT, "siblings": [{"rfilename": p} for p in files]})
        elif found := re.fullmatch(r"/([^/]+/[^/]+)/resolve/[^/]+/(.+)", self.path):
            files = self.known(f"models/{found[1]}")
            if files is not None and found[2] in files:
                data = files[found[2]]
                etag = f'"{hashlib.sha256(data).hexdigest()}"'
                self.answer(data, ETag=etag, X_Repo_Commit=COMMIT, Accept_Ranges="bytes")
            elif files is not None:
                self.answer(b"", 404, X_Error_Code="EntryNotFound")
        else:
            self.answer({"error": self.path}, 404)

    def do_HEAD(self) -> None:
        self.do_GET()


@contextlib.contextmanager
def served_hub() -> Iterator[Hub]:
    """The hub, listening on loopback until the block ends."""
    hub = Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.hub = hub  # type: ignore[attr-defined]
    server.daemon_threads = True
    hub.address = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()


def write_model(path: Path, labels: tuple[str, ...] = ODD_LABELS, **fields: Any) -> Path:
    """A model file of any labels: 8 px grey, each crop's answer a softmax of its mean brightness."""
    import numpy as np
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    from mien.core.contract import INPUT_NAME, METADATA_KEY, OUTPUT_NAME, CropSpec, ModelInfo

    weights = {
        "weight": np.linspace(-1, 1, len(labels), dtype=np.float32)[None] / 64,
        "bias": np.linspace(2, -2, len(labels), dtype=np.float32),
        "one": np.array([1], np.int64),
    }
    nodes = [
        helper.make_node("Cast", [INPUT_NAME], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["pixels"], ["mean"], axes=[1, 2], keepdims=0),
        helper.make_node("Unsqueeze", ["mean", "one"], ["column"]),
        helper.make_node("Gemm", ["column", "weight", "bias"], ["logits"]),
        helper.make_node("Softmax", ["logits"], [OUTPUT_NAME], axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        "odd",
        [helper.make_tensor_value_info(INPUT_NAME, TensorProto.UINT8, ["n", 8, 8])],
        [helper.make_tensor_value_info(OUTPUT_NAME, TensorProto.FLOAT, ["n", len(labels)])],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    info = ModelInfo(fields.pop("name", "odd one"), labels, CropSpec(8, margin=1.2), **fields)
    helper.set_model_props(model, {METADATA_KEY: info.to_json()})
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, path)
    return path


def write_pictures(folder: Path, labels: tuple[str, ...] = ODD_LABELS, each: int = 6) -> Path:
    """Grey pictures of rising brightness as folders: test/LABEL/number.png."""
    import numpy as np
    from PIL import Image

    rng = np.random.default_rng(0)
    for i, label in enumerate(labels):
        place = folder / "test" / label
        place.mkdir(parents=True)
        for number in range(each):
            level = 255 * i / (len(labels) - 1)
            noisy = np.clip(rng.normal(level, 5, (16, 16)), 0, 255).astype(np.uint8)
            Image.fromarray(noisy).save(place / f"{number}.png")
    return folder
