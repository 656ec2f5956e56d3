"""What the documentation site needs beside the pages: texts that stand at the root of the project, and links to code.

mkdocs calls `on_files` and `on_page_markdown`; `mkdocs.yml` names this file.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

_ROOT = Path(__file__).parents[1]
_ADOPTED = {
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "MODEL_CARD.md": "model_card.md",
    "PRIVACY.md": "privacy.md",
    "README.md": "index.md",
    "SECURITY.md": "security.md",
    "dev/log.md": "log.md",
}
"""Text in the project: the page that it becomes on the site."""

_LINK = re.compile(r"\[([^\]]+)\]\(([^)#\s]*)(#[^)\s]*)?\)")


def on_files(files: Files, *, config: Any) -> Files:
    """Add the texts of the root as pages."""
    for source, page in _ADOPTED.items():
        if (_ROOT / source).is_file() and files.get_file_from_path(page) is None:
            files.append(File.generated(config, page, content=(_ROOT / source).read_text("utf-8")))
    return files


def on_page_markdown(markdown: str, *, page: Any, **_: Any) -> str:
    """Let links lead to pages of the site; a link to code, which the site does not hold, becomes the file's name."""
    home = next((posixpath.dirname(s) for s, p in _ADOPTED.items() if p == page.file.src_uri), "docs")

    def relink(match: re.Match[str]) -> str:
        text, target, anchor = match.group(1), match.group(2), match.group(3) or ""
        if not target or ":" in target:
            return match.group(0)
        place = posixpath.normpath(posixpath.join(home, target))
        if place in _ADOPTED:
            return f"[{text}]({_ADOPTED[place]}{anchor})"
        if place.startswith("docs/"):
            return f"[{text}]({place.removeprefix('docs/')}{anchor})"
        return f"{text} (`{place}`)" if text.strip("`") != place else f"`{place}`"

    return _LINK.sub(relink, markdown)
