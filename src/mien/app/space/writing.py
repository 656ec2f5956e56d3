"""Files of a Space: from templates, from other files, and its README."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from mien.app.hub.card import model_section
from mien.app.hub.frontmatter import front_matter
from mien.app.hub.licences import licence_fields
from mien.app.space.chosen import Chosen
from mien.core.files import atomic_write, copy_file, make_folder
from mien.infer.registry import entries

__all__ = ["copy_files", "fill", "write", "write_readme"]

# With these the hub serves a static Space so that browsers let it use several threads.
_ISOLATED = {
    "cross-origin-embedder-policy": "require-corp",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "cross-origin",
}

# Fields of the front matter beside those that every kind has.
_KINDS: dict[str, dict[str, Any]] = {
    "docker": {"app_port": 7860, "short_description": "Reads facial expressions live; stores nothing"},
    "static": {
        "app_file": "index.html",
        "short_description": "Reads facial expressions on your own device",
        "custom_headers": _ISOLATED,
    },
    "gradio": {
        "python_version": "3.12",
        "app_file": "app.py",
        "short_description": "Reads facial expressions in photographs",
    },
}


def write_readme(out: Path, kind: str, chosen: Chosen, more: Mapping[str, Any] | None = None) -> None:
    """README.md of a Space: the front matter that the hub reads, what the kind does, what the model file says.

    Args:
        out: the Space's folder.
        kind: of the Space.
        chosen: what it runs.
        more: further fields of the front matter.

    """
    fields = {
        "title": f"mien: {chosen.info.name}",
        "emoji": "\N{SLIGHTLY SMILING FACE}",
        "colorFrom": "blue",
        "colorTo": "gray",
        "sdk": kind,
        **(more or {}),
        **_KINDS[kind],
        "pinned": False,
        **licence_fields(chosen.info.license),
    }
    about = model_section(chosen.info, chosen.evaluation)
    packaged = [entry for entry in entries("expression") if entry.url is None]
    others = ", ".join(f"{entry.name} ({entry.license})" for entry in packaged)
    code = f"The code of mien is under the MIT licence. The models that come with it lie here, too: {others}.\n"
    text = f"{front_matter(fields)}\n{_template(f'{kind}-README.md', {})}\n{about}\n{code}"
    write(out / "README.md", text)


def copy_files(files: Mapping[str, Path], folder: Path) -> None:
    """Copy files into a folder under new names."""
    make_folder(folder)
    for name, source in files.items():
        copy_file(source, folder / name)


def fill(out: Path, name: str, values: Mapping[str, Any]) -> None:
    """Write a template under its name without the kind before it."""
    write(out / name.partition("-")[2], _template(name, values))


def _template(name: str, values: Mapping[str, Any]) -> str:
    import mien

    text = (resources.files("mien") / "app" / "space" / f"{name}.txt").read_text("utf-8")
    for key, value in {"version": mien.__version__, **values}.items():
        text = text.replace("{{" + key + "}}", str(value))
    return text


def write(path: Path, content: str | bytes) -> None:
    """Write a file so that it appears whole."""
    with atomic_write(path) as file:
        file.write(content if isinstance(content, bytes) else content.encode())
