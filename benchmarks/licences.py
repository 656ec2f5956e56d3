"""Licences of everything that mien brings along, from the metadata of the installed packages: docs/licences.md.

    python benchmarks/licences.py [--out docs/licences.md]

Run it in an environment with all extras. Each package is listed with the smallest part of mien that needs it. Prints
what is copyleft, and ends with one line of JSON; the exit status is 1 when a package tells no licence.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tomllib
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

_ROOT = Path(__file__).resolve().parents[1]
_PROJECT = tomllib.loads((_ROOT / "pyproject.toml").read_text("utf-8"))["project"]
_EXTRAS: dict[str, list[str]] = _PROJECT["optional-dependencies"]
_PARTS = ("", *(extra for extra in _EXTRAS if extra not in {"docs", "test"}), "docs", "test")  # small ones come first
_COPYLEFT = re.compile(r"GPL|MPL|EPL|CDDL|EUPL|OSL|GNU|Mozilla", re.IGNORECASE)
# What the metadata does not say, read from the licence file of the package.
_KNOWN = {"cuda-toolkit": "NVIDIA's terms (a list of packages, no code)", "pympi-ling": "MIT"}
_GNU = re.compile(r"\bLGPL|Lesser General Public|Library General Public|GNU GENERAL PUBLIC|GNU AFFERO", re.IGNORECASE)
_LICENCE_FILE = re.compile(r"licen[cs]e|copying|notice|3rd-party|third.?party", re.IGNORECASE)
_LONGEST = 60

_INTRO = """# Licences of dependencies

mien itself is under the MIT licence, its model files too ([MODEL_CARD.md](../MODEL_CARD.md)). It contains no code of
others; these packages are installed beside it. Written by `python benchmarks/licences.py` from their own metadata.
The part is the smallest one that needs the package: base is `pip install mien`, the others are its extras; `test` is
for developing it.
"""


_INSIDE = """Packages whose licence files name a GNU licence: of a library inside the wheel (FFmpeg under the LGPL in
OpenCV, the runtime of GCC with its exception in numpy and scipy), of a tool, or as one choice of several:"""
_OWNED = """NVIDIA's libraries come with torch on Linux and are used on its graphics cards only; a torch for processors
alone installs without them:"""


def _licence(package: metadata.Distribution) -> str:
    """The licence as the package tells it: the SPDX expression, the classifiers, or the first line of its text."""
    about = package.metadata
    if about.get("License-Expression"):
        return str(about["License-Expression"])
    classes = [c.rsplit(" :: ", 1)[-1] for c in about.get_all("Classifier") or [] if c.startswith("License ::")]
    classes = [c for c in classes if c != "OSI Approved"]
    if classes:
        return ", ".join(classes)
    lines = str(about.get("License") or "").strip().splitlines()
    return lines[0][:_LONGEST] if lines else ""


def _speaks_of_gnu(package: metadata.Distribution) -> bool:
    """Whether a licence file of the package names a GNU licence: of a library inside its wheel, as a rule."""
    for file in package.files or []:
        if _LICENCE_FILE.search(file.name) and file.suffix not in {".py", ".pyc", ".so"}:
            path = Path(str(package.locate_file(file)))
            if path.is_file() and _GNU.search(path.read_text("utf-8", errors="replace")):
                return True
    return False


def _needed(part: str) -> set[str]:
    """Names of the installed packages that a part needs, directly or not."""
    found: set[str] = set()
    todo = [("mien", part)]
    seen = set(todo)
    while todo:
        name, extra = todo.pop()
        try:
            wanted = _of_mien(extra) if name == "mien" else metadata.distribution(name).requires or []
        except metadata.PackageNotFoundError:
            continue
        found.add(name)
        for requirement in map(Requirement, wanted):
            if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
                for inner in ("", *requirement.extras):
                    item = (canonicalize_name(requirement.name), inner)
                    if item not in seen:
                        seen.add(item)
                        todo.append(item)
    return found - {"mien"}


def _of_mien(extra: str) -> list[str]:
    """What a part of this checkout asks for, whatever version is installed."""
    return _EXTRAS[extra] if extra else _PROJECT["dependencies"]


def _rows() -> list[tuple[str, str, str, str]]:
    """(name, version, licence, part) of every package, by part and name."""
    rows, listed = [], set()
    for part in _PARTS:
        for name in sorted(_needed(part) - listed):
            package = metadata.distribution(name)
            licence = _KNOWN.get(name) or _licence(package) or "not told"
            rows.append((str(package.metadata["Name"]), package.version, licence, part or "base"))
            listed.add(name)
    return rows


def main() -> None:
    """Write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=_ROOT / "docs" / "licences.md")
    rows = _rows()
    lines = [_INTRO, "| package | version | licence | part |", "|---|---|---|---|"]
    lines += [f"| {name} | {version} | {licence.replace('|', '/')} | {part} |" for name, version, licence, part in rows]
    copyleft = [row for row in rows if _COPYLEFT.search(row[2])]
    lines += ["", "## Copyleft", "", "Packages whose licence asks that changes to them, or more, be shared; mien uses "
              "them unchanged and as separate packages:", ""]  # fmt: skip
    lines += [f"- {name} ({licence}), part {part}" for name, _, licence, part in copyleft] or ["none"]
    gnu = [row for row in rows if row not in copyleft and _speaks_of_gnu(metadata.distribution(row[0]))]
    lines += ["", _INSIDE, "", ", ".join(f"{name} ({part})" for name, _, _, part in gnu) + "."]
    owned = [row for row in rows if re.search("proprietary|NVIDIA", row[2])]
    lines += ["", "## Not free", "", _OWNED, "", ", ".join(f"{name} ({part})" for name, _, _, part in owned) + "."]
    parser.parse_args().out.write_text("\n".join(lines) + "\n", encoding="utf-8")
    untold = [name for name, _, licence, _ in rows if licence == "not told"]
    for name, _, licence, part in copyleft:
        print(f"{part:6} {name}: {licence}")
    summary = {"packages": len(rows), "copyleft": [row[0] for row in copyleft], "gnu_inside": [row[0] for row in gnu]}
    print(json.dumps(summary | {"untold": untold}))
    sys.exit(bool(untold))


if __name__ == "__main__":
    main()
