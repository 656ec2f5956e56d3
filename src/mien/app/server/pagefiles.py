"""Everything that the page is made of: its own files, the models and the runtime, and the facts that it starts from.

The service serves these, and `mien space --kind static` writes them into a folder.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mien.app.server import runtime
from mien.core.contract import METADATA_KEY, DetectorInfo
from mien.core.errors import ModelError
from mien.core.text import parse_json
from mien.infer.detect import detector_file
from mien.infer.detectors.table import AUTO, detector_row
from mien.infer.options import DETECT_SIDE

if TYPE_CHECKING:
    from mien.infer.classify import OnnxClassifier

__all__ = [
    "AT_ROOT",
    "KINDS",
    "detector_info",
    "device_facts",
    "model_facts",
    "packaged_facts",
    "page_detector",
    "page_files",
    "page_models",
    "palette",
]

KINDS = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".jpg": "image/jpeg",
    ".json": "application/json",
    ".mjs": "text/javascript; charset=utf-8",
    ".onnx": "application/octet-stream",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".wasm": "application/wasm",
    ".webm": "video/webm",
    ".webmanifest": "application/manifest+json",
}
"""Content types of the page's files."""


AT_ROOT = ("index.html", "sw.mjs")
"""Files that lie beside `config.json`; the others lie in `static/`. A service worker governs what lies below it."""

_NOT_KEPT = ("docs.html", "docs.mjs", "lang/")  # of use only with a service; of the languages one is kept


def page_files() -> dict[str, bytes]:
    """The page's own files by name: `index.html`, `docs.html`, and what they load; the words lie in `lang/`."""
    folder = resources.files("mien") / "app" / "static"
    files = {item.name: item.read_bytes() for item in folder.iterdir() if Path(item.name).suffix in KINDS}
    files |= {f"lang/{item.name}": item.read_bytes() for item in (folder / "lang").iterdir()}
    return {**files, "sw.mjs": _keeper(files)}


def _keeper(files: Mapping[str, bytes]) -> bytes:
    """The service worker, told what to keep; it changes when any file of the page does."""
    kept = sorted(f"static/{name}" for name in files if not name.startswith((*AT_ROOT, *_NOT_KEPT)))
    tag = hashlib.sha256(b"".join(name.encode() + files[name] for name in sorted(files))).hexdigest()[:16]
    text = files["sw.mjs"].replace(b"{{version}}", f"mien-{tag}".encode())
    return text.replace(b"{{files}}", json.dumps(kept).encode())


def model_facts(classifier: OnnxClassifier, detector: str, uncertain_below: float | None = None) -> dict[str, Any]:
    """What `/v1/model` answers, and what the page knows of the model.

    Args:
        classifier: reads the expressions.
        detector: name of what finds the faces.
        uncertain_below: faces with less confidence are marked as uncertain; None takes the model's own threshold.

    """
    import mien
    from mien.draw.palette import colours_of, hex_of

    info = classifier.info
    return {
        "version": mien.__version__,
        "name": info.name,
        "labels": list(info.labels),
        "colours": {label: hex_of(colour) for label, colour in colours_of(info.labels).items()},
        "crop": asdict(info.crop),
        "sha256": classifier.sha256,
        "bytes": classifier.bytes,
        "precision": info.precision,
        "temperature": info.temperature,
        "uncertain_below": info.uncertain_below if uncertain_below is None else uncertain_below,
        "license": info.license,
        "created": info.created,
        "training": dict(info.training),
        "metrics": dict(info.metrics),
        "evaluation": _evaluation_beside(classifier.path),
        "detector": detector,
    }


@lru_cache(maxsize=16)
def packaged_facts(name: str, detector: str, uncertain_below: float | None = None) -> dict[str, Any]:
    """As `model_facts`, of a packaged model by its name, which is opened once."""
    from mien.infer.classify import load_classifier

    return model_facts(load_classifier(name), detector, uncertain_below)


def page_models() -> dict[str, Path]:
    """Expression models in the package, by name: the page offers them where faces are read on the visitor's device."""
    from mien.infer.registry import entries
    from mien.infer.store import entry_path

    return {entry.name: entry_path(entry) for entry in entries("expression") if entry.url is None}


def palette() -> dict[str, str]:
    """Colours of the usual labels in every spelling, for a model that the page opens itself."""
    from mien.core.labels import CONCEPTS
    from mien.draw.palette import KNOWN, hex_of

    return {spelling: hex_of(KNOWN[name]) for spelling, name in CONCEPTS.items() if name in KNOWN}


def _evaluation_beside(model: Path) -> dict[str, Any] | None:
    """The judgement that lies beside a model file (`NAME.evaluation.json`), or None."""
    try:
        body = parse_json(model.with_suffix(".evaluation.json").read_bytes())
    except (OSError, ValueError):
        return None
    return body if isinstance(body, dict) else None


def page_detector(detector: str) -> Path | None:
    """File of a detector that browsers can run: the named one, else the default one, else None.

    Args:
        detector: name or file that the service was told to use.

    """
    for name in (detector, AUTO):
        row = detector_row(name)
        path = Path(name) if row is None else detector_file(name) if row.browsers else None
        if path is not None and path.is_file() and detector_info(path) is not None:
            return path
    return None


def device_facts(info: DetectorInfo | None) -> tuple[dict[str, Any] | None, str | None]:
    """What the page needs to work on the visitor's device, or None and why not.

    Args:
        info: metadata of the detector that browsers get, if there is one.

    """
    reason = runtime.missing()
    if reason is not None:
        return None, reason
    if info is None:
        return None, "The server has no face detector that browsers can run."
    facts: Mapping[str, Any] = asdict(info)
    kept = {key: facts[key] for key in ("name", "strides", "score", "overlap", "second_look")}
    return {
        "runtime": "runtime/",
        "webgpu": runtime.has_webgpu(),
        "classifier": "models/expression.onnx",
        "detector": {"file": "models/detector.onnx", "side": DETECT_SIDE, **kept},
    }, None


def detector_info(path: Path) -> DetectorInfo | None:
    """Metadata of one of the project's own detectors, or None when the file is something else."""
    from mien.infer.session import open_onnx

    try:
        text = open_onnx(path).metadata.get(METADATA_KEY)
        return None if text is None else DetectorInfo.from_json(text, str(path))
    except ModelError:
        return None
