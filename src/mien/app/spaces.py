"""Complete Hugging Face Spaces as folders: the service in Docker, the page alone, or a thin Gradio page.

Everything that a Space needs is in its folder, mien itself and a model of one's own included, so it does not matter
where packages come from. The parts are in `mien.app.space`.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from mien.app.hub.large import write_attributes
from mien.app.hub.models import write_licence
from mien.app.space.chosen import DATA, FOLDER, Chosen, choose
from mien.app.space.pins import BASE, SERVICE, requirements
from mien.app.space.writing import copy_files, fill, write, write_readme
from mien.core.errors import ModelError, OutputError
from mien.core.files import copy_file, make_folder
from mien.infer.detectors.table import AUTO, DETECTORS, detector_row
from mien.infer.registry import PAGE_MODEL

__all__ = ["GRADIO_VERSION", "KINDS", "OWN_FILES", "Kind", "write_space"]

Kind = Literal["docker", "static", "gradio"]
KINDS: tuple[Kind, ...] = ("docker", "static", "gradio")

GRADIO_VERSION = "6.31.0"
"""Version of Gradio that the gradio kind was tried with."""

OWN_FILES = ("mien/*", "static/*", "runtime/*", "models/*")
"""Files of a Space that are mien's alone: a later version of the Space need not keep them."""

_LEFT_OUT = shutil.ignore_patterns("__pycache__", "learn", "evaluate", "data", "weights", "*.pyc")


def write_space(
    out: Path,
    kind: Kind,
    model: str | Path = PAGE_MODEL,
    detector: str = AUTO,
    data: Mapping[str, Any] | None = None,
) -> list[Path]:
    """Write a Space into a folder that is new or empty; where that fails, nothing of it stays.

    Args:
        out: the folder.
        kind: "docker" (the whole service), "static" (the page, on the visitor's device) or "gradio".
        model: a packaged name, an `.onnx` file, the folder of a run, or `hub:USER/NAME` once pulled.
        detector: a detector's name or file; "auto" takes the packaged one.
        data: what docker and static show of a data set, as `mien.data.shown` tells it; None for no such tab.

    Returns:
        The files, sorted.

    Raises:
        OutputError: the folder holds something, or cannot be written.
        ModelError: the model or the detector cannot be used; the static kind lacks a detector that browsers can run.
        OptionError: an unknown name.
        StoreError: the static kind lacks the files of `mien page pull`; a detector has not been fetched.
        MissingExtraError: the docker kind needs the packages of the extra `app`, whose versions it pins.

    """
    if out.is_dir() and any(out.iterdir()):
        raise OutputError(f"The folder {out} is not empty; name a new one.")
    if kind == "static":
        _refuse_detector(detector)
    chosen = choose(model, detector, data)
    writers: dict[Kind, Callable[[Path, Chosen], None]] = {
        "docker": _write_docker,
        "static": _write_static,
        "gradio": _write_gradio,
    }
    was_there = out.is_dir()
    make_folder(out)
    try:
        writers[kind](out, chosen)
        write_licence(out, chosen.info.license)
        write_attributes(out)
    except BaseException:
        shutil.rmtree(out, ignore_errors=True)  # it was empty: all in it is ours
        if was_there:
            make_folder(out)
        raise
    return sorted(path for path in out.rglob("*") if path.is_file())


def _write_docker(out: Path, chosen: Chosen) -> None:
    pins = requirements((*BASE, *SERVICE))
    write_readme(out, "docker", chosen)
    arguments = "".join(f", {json.dumps(part)}" for part in _arguments(chosen))
    fill(out, "docker-Dockerfile", {"arguments": arguments})
    _write_package(out, pins, chosen)
    _copy_store(out / "store")


def _write_gradio(out: Path, chosen: Chosen) -> None:
    pins = requirements(BASE)
    write_readme(out, "gradio", chosen, {"sdk_version": GRADIO_VERSION})
    values = {"model": repr(chosen.model), "detector": repr(chosen.detector), "name": repr(chosen.info.name)}
    fill(out, "gradio-app.py", values)
    _write_package(out, pins, chosen)


def _arguments(chosen: Chosen) -> list[str]:
    """Options of `mien serve` for what differs from its defaults."""
    model = [] if chosen.model == PAGE_MODEL else ["--model", chosen.model]
    data = [] if chosen.data is None else ["--data", f"{FOLDER}/{DATA}"]
    return [*model, *([] if chosen.detector == AUTO else ["--detector", chosen.detector]), *data]


def _write_package(out: Path, pins: str, chosen: Chosen) -> None:
    write(out / "requirements.txt", pins)
    shutil.copytree(str(resources.files("mien")), out / "mien", ignore=_LEFT_OUT, copy_function=copy_file)
    if chosen.files:
        copy_files(chosen.files, out / FOLDER)
    if chosen.data is not None:
        make_folder(out / FOLDER)
        write(out / FOLDER / DATA, _json(chosen.data))
    if chosen.evaluation is not None and "expression.onnx" in chosen.files:
        write(out / FOLDER / "expression.evaluation.json", json.dumps(chosen.evaluation, ensure_ascii=False))


def _json(body: Mapping[str, Any]) -> str:
    return json.dumps(body, ensure_ascii=False, allow_nan=False)


def _copy_store(folder: Path) -> None:
    """What of the model store makes the Space better: the runtime for visitors' devices, and fetched detectors."""
    from mien.app.server import runtime
    from mien.infer.registry import entries
    from mien.infer.store import entry_path, is_stored

    make_folder(folder)
    write(folder / "README.txt", "Model files that the service finds at its start.\n")
    if runtime.missing() is None:
        shutil.copytree(runtime.runtime_folder(), folder / runtime.runtime_folder().name, copy_function=copy_file)
    for known in entries("detector"):
        if known.url is not None and is_stored(known.name):
            copy_file(entry_path(known), folder / known.filename)


def _refuse_detector(detector: str) -> None:
    """Say that browsers cannot run it, before anything is written."""
    from mien.app.server.pagefiles import page_detector

    found, row = page_detector(detector), detector_row(detector)
    if (row is None and found != Path(detector)) or (row is not None and not row.browsers):
        able = ", ".join((AUTO, *(row.name for row in DETECTORS.values() if row.browsers)))
        raise ModelError(
            f"The detector {detector!r} is none that browsers can run; take {able}, or the file of one "
            "that mien has trained (docs/detector.md)."
        )


def _write_static(out: Path, chosen: Chosen) -> None:
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

    found = chosen.files.get("detector.onnx") or page_detector(chosen.detector)
    device, reason = device_facts(None if found is None else detector_info(found))
    if reason is not None and runtime.missing() is not None:
        raise StoreError("The page needs the files of onnxruntime-web: run `mien page pull` once.")
    if found is None or device is None:
        raise ModelError(f"{reason} Name one with --detector FILE (docs/detector.md).")
    own = chosen.classifier.info.license
    judged = {name: model_facts(load_classifier(name), device["detector"]["name"]) for name in page_models()}
    offered = {name: facts for name, facts in judged.items() if facts["license"] in ("MIT", own)}
    config = {
        "model": {**model_facts(chosen.classifier, device["detector"]["name"]), "evaluation": chosen.evaluation},
        "models": list(offered),  # none whose licence would bind the Space more than its own model does
        "palette": palette(),
        "data": None if chosen.data is None else {"facts": DATA, "samples": None},
        "server": None,
        "device": device,
        "why_no_device": None,
    }
    write_readme(out, "static", chosen)
    write(out / "config.json", _json(config))
    if chosen.data is not None:
        write(out / DATA, _json(chosen.data))
    for name, data in page_files().items():
        if name == "docs.html":
            continue
        place = out / name if name in AT_ROOT else out / "static" / name
        make_folder(place.parent)
        write(place, data)
    copy_files({"expression.onnx": chosen.classifier.path, "detector.onnx": found}, out / FOLDER)
    for name, facts in offered.items():
        write(out / FOLDER / f"{name}.json", _json(facts))
        copy_file(page_models()[name], out / FOLDER / f"{name}.onnx")
    copy_files({name: runtime.runtime_folder() / name for name in runtime.here()}, out / "runtime")
