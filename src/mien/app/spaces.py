"""Complete Hugging Face Spaces as folders: the service in Docker, the page alone, or a thin Gradio page.

Everything that a Space needs is in its folder, mien itself included, so it does not matter where packages come from.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterable, Mapping
from importlib import metadata, resources
from pathlib import Path
from typing import Any, Literal

from mien.core.errors import MissingExtraError, ModelError, OptionError, OutputError
from mien.core.files import atomic_write, copy_file, make_folder
from mien.infer.detectors.table import AUTO, DETECTORS, detector_row
from mien.infer.registry import DEFAULT_MODEL

__all__ = ["GRADIO_VERSION", "KINDS", "Kind", "write_space"]

Kind = Literal["docker", "static", "gradio"]
KINDS: tuple[Kind, ...] = ("docker", "static", "gradio")

GRADIO_VERSION = "6.31.0"
"""Version of Gradio that the gradio kind was tried with."""

_BASE = ("numpy", "onnxruntime", "opencv-python-headless", "pillow", "click", "rich")
_SERVICE = ("fastapi", "uvicorn", "websockets", "python-multipart")
_LEFT_OUT = shutil.ignore_patterns("__pycache__", "learn", "evaluate", "data", "*.pyc")


def write_space(out: Path, kind: Kind, model: str = DEFAULT_MODEL, detector: str = AUTO) -> list[Path]:
    """Write a Space into a folder that is new or empty.

    Args:
        out: the folder.
        kind: "docker" (the whole service), "static" (the page, on the visitor's device) or "gradio".
        model: expression model of the static kind; the others use the default.
        detector: detector file of the static kind; "auto" takes the packaged one.

    Returns:
        The files, sorted.

    Raises:
        OutputError: the folder holds something, or cannot be written.
        ModelError: the static kind lacks a detector that browsers can run.
        OptionError: another kind is to get a model or a detector.
        StoreError: the static kind lacks the files of `mien page pull`.
        MissingExtraError: the docker kind needs the packages of the extra `app`, whose versions it pins.

    """
    make_folder(out)
    if any(out.iterdir()):
        raise OutputError(f"The folder {out} is not empty; name a new one.")
    if kind != "static" and (model, detector) != (DEFAULT_MODEL, AUTO):
        raise OptionError(f"Only the static kind takes a model or a detector; the kind {kind!r} runs the default ones.")
    if kind == "static":
        _write_static(out, model, detector)
    else:
        _write_python(out, kind)
    return sorted(path for path in out.rglob("*") if path.is_file())


def _write_python(out: Path, kind: Kind) -> None:
    values = {"gradio": GRADIO_VERSION}
    _fill(out, f"{kind}-README.md", values)
    _fill(out, "docker-Dockerfile" if kind == "docker" else "gradio-app.py", values)
    pins = _pins((*_BASE, *_SERVICE) if kind == "docker" else _BASE)
    _write(out / "requirements.txt", "".join(f"{name}=={version}\n" for name, version in sorted(pins.items())))
    shutil.copytree(str(resources.files("mien")), out / "mien", ignore=_LEFT_OUT, copy_function=copy_file)
    if kind == "docker":
        _copy_store(out / "store")


def _copy_store(folder: Path) -> None:
    """What of the model store makes the Space better: the runtime for visitors' devices, and fetched detectors."""
    from mien.app.server import runtime
    from mien.infer.registry import entries
    from mien.infer.store import entry_path, is_stored

    make_folder(folder)
    _write(folder / "README.txt", "Model files that the service finds at its start.\n")
    if runtime.missing() is None:
        shutil.copytree(runtime.runtime_folder(), folder / runtime.runtime_folder().name, copy_function=copy_file)
    for known in entries("detector"):
        if known.url is not None and is_stored(known.name):
            copy_file(entry_path(known), folder / known.filename)


def _write_static(out: Path, model: str, detector: str) -> None:
    from mien.app.server import runtime
    from mien.app.server.pagefiles import (
        AT_ROOT,
        detector_info,
        device_facts,
        model_facts,
        page_detector,
        page_files,
        page_models,
        palette,
    )
    from mien.core.errors import StoreError
    from mien.infer.classify import load_classifier

    found, row = page_detector(detector), detector_row(detector)
    if (row is None and found != Path(detector)) or (row is not None and not row.browsers):
        able = ", ".join((AUTO, *(row.name for row in DETECTORS.values() if row.browsers)))
        raise ModelError(
            f"The detector {detector!r} is none that browsers can run; take {able}, or the file of one "
            "that mien has trained (docs/detector.md)."
        )
    device, reason = device_facts(None if found is None else detector_info(found))
    if reason is not None and runtime.missing() is not None:
        raise StoreError("The page needs the files of onnxruntime-web: run `mien page pull` once.")
    if found is None or device is None:
        raise ModelError(f"{reason} Name one with --detector FILE (docs/detector.md).")
    classifier = load_classifier(model)
    config = {
        "model": model_facts(classifier, device["detector"]["name"]),
        "models": list(page_models()),
        "palette": palette(),
        "server": None,
        "device": device,
        "why_no_device": None,
    }
    _fill(out, "static-README.md", {})
    _write(out / "config.json", json.dumps(config, ensure_ascii=False, allow_nan=False))
    for name, data in page_files().items():
        if name == "docs.html":
            continue
        place = out / name if name in AT_ROOT else out / "static" / name
        make_folder(place.parent)
        _write(place, data)
    _copy({"expression.onnx": classifier.path, "detector.onnx": found}, out / "models")
    for name, path in page_models().items():
        facts = model_facts(load_classifier(name), device["detector"]["name"])
        _write(out / "models" / f"{name}.json", json.dumps(facts, ensure_ascii=False, allow_nan=False))
        copy_file(path, out / "models" / f"{name}.onnx")
    _copy({name: runtime.runtime_folder() / name for name in runtime.FILES}, out / "runtime")


def _copy(files: Mapping[str, Path], folder: Path) -> None:
    make_folder(folder)
    for name, source in files.items():
        copy_file(source, folder / name)


def _fill(out: Path, name: str, values: Mapping[str, Any]) -> None:
    """Write a template under its name without the kind before it."""
    import mien

    text = (resources.files("mien") / "app" / "space" / f"{name}.txt").read_text("utf-8")
    for key, value in {"version": mien.__version__, **values}.items():
        text = text.replace("{{" + key + "}}", str(value))
    _write(out / name.partition("-")[2], text)


def _write(path: Path, content: str | bytes) -> None:
    with atomic_write(path) as file:
        file.write(content if isinstance(content, bytes) else content.encode())


def _pins(names: Iterable[str]) -> dict[str, str]:
    """Installed versions of packages and of everything that they need."""
    pins: dict[str, str] = {}
    waiting = list(names)
    wanted = set(waiting)
    while waiting:
        name = waiting.pop()
        try:
            found = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            if name in wanted:
                raise MissingExtraError("Pinning the versions of the Space", name, "app") from None
            continue  # needed only on other systems
        tidy = re.sub(r"[-_.]+", "-", name).lower()
        if tidy not in pins:
            pins[tidy] = found.version
            waiting += [_name(line) for line in found.requires or [] if "extra ==" not in line]
    return pins


def _name(requirement: str) -> str:
    return re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0]
