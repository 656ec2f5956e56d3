"""`mien info`: what is installed and what would be used."""

from __future__ import annotations

import os
import platform
from importlib import metadata

import click

from mien.app.terminal import console

_ABSENT = "not installed"
_OPENCV = ("opencv-python", "opencv-contrib-python", "opencv-python-headless", "opencv-contrib-python-headless")
_PACKAGES = (
    "numpy",
    "onnxruntime",
    "opencv-python-headless",
    "pillow",
    "pyarrow",
    "torch",
    "fastapi",
    "ray",
)


@click.command()
def command() -> None:
    """Show versions, the model, the detector and the threads that `mien analyze` would use."""
    import mien
    from mien.infer.classify import load_classifier
    from mien.infer.detect import open_detector
    from mien.infer.registry import DEFAULT_MODEL
    from mien.infer.store import cache_folder

    model = load_classifier(DEFAULT_MODEL)
    crop = model.crop
    rows = [
        ("mien", mien.__version__),
        ("Python", f"{platform.python_version()} on {platform.system()} {platform.machine()}"),
        *((name, _version(name)) for name in _PACKAGES),
        (
            "model",
            f"{model.info.name} ({len(model.labels)} labels, {crop.size} px {crop.color}, {model.info.precision})",
        ),
        ("model file", f"{model.path} ({model.bytes:,} bytes, sha256 {model.sha256[:12]})"),
        ("labels", ", ".join(model.labels)),
        ("detector", open_detector().name),
        ("model store", str(cache_folder())),
        ("OpenCV's windows", _windows()),
        ("devices", _devices()),
        ("threads", f"1 of {os.cpu_count()} processors; processes scale better than threads"),
    ]
    out = console()
    width = max(len(name) for name, _ in rows)
    for name, value in rows:
        out.print(f"{name:<{width}}  {value}", soft_wrap=True, markup=False)


def _windows() -> str:
    """Whether `cv2.imshow` works, and how to change that: only one of OpenCV's packages can be there at a time."""
    from mien.media.opencv import has_windows

    several = [name for name in _OPENCV if _version(name) != _ABSENT]
    clash = f"{' and '.join(several)} share one folder, and the last one installed counts; " if len(several) > 1 else ""
    if has_windows():
        return f"{clash}yes (cv2.imshow works)"
    wanted = f"pip uninstall {' '.join(several)}, then pip install opencv-python" if several else "opencv-python"
    return f"{clash}no (mien needs none; for cv2.imshow: {wanted})"


def _devices() -> str:
    from mien.infer.devices import DEVICES, available

    there = [f"{name} ({DEVICES[name].summary})" for name in available()]
    return f"{', '.join(there)}; docs/devices.md says how to get others"


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return _ABSENT
