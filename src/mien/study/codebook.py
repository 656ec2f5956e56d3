"""What every column of a study's tables means: `columns.json` for programs, a page for people."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from mien.core.files import atomic_write
from mien.draw.page import note, page, section, table, write_page
from mien.media.columns import Column
from mien.media.quality import FLAGS

__all__ = ["write_codebook"]

_KINDS = {"number": "number", "whole": "whole number", "text": "text", "truth": "true or false"}


def write_codebook(folder: Path, tables: Mapping[str, Sequence[Column]]) -> tuple[Path, Path]:
    """Write `columns.json` and `codebook.html`.

    Args:
        folder: where.
        tables: name of a table's file -> its columns.

    Raises:
        OutputError: it cannot be written there.

    """
    data = {
        "tables": {
            name: [{"name": c.name, "type": _KINDS[c.kind], "unit": c.unit, "meaning": c.meaning} for c in columns]
            for name, columns in tables.items()
        },
        "missing": "an empty cell (CSV) or null (Parquet): there is nothing to tell, such as a mean without a frame",
        "quality_flags": {name: flag.rule for name, flag in FLAGS.items()},
    }
    with atomic_write(folder / "columns.json", "w") as file:
        file.write(json.dumps(data, indent=2, ensure_ascii=False) + "\n")
    write_page(folder / "codebook.html", _page(tables))
    return folder / "columns.json", folder / "codebook.html"


def _page(tables: Mapping[str, Sequence[Column]]) -> str:
    parts = [
        note(
            "An empty cell means that there is nothing to tell, such as a mean without a frame. "
            "Times are seconds of the file."
        ),
    ]
    for name, columns in tables.items():
        rows = [[c.name, c.meaning, _KINDS[c.kind], c.unit] for c in columns]
        parts.append(section(name, _left(table(["column", "meaning", "type", "unit"], rows))))
    flags = [[name, flag.rule] for name, flag in FLAGS.items()]
    parts.append(section("Quality flags", _left(table(["flag", "set when"], flags))))
    return page("Codebook", "What every column of the tables means.", "".join(parts))


def _left(table_html: str) -> str:
    return f'<div class="facts">{table_html}</div>'
