"""Tables in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

__all__ = ["table"]


def table(headers: Sequence[str], rows: Iterable[Sequence[object]], left: int = 1) -> str:
    """Markdown table; the first `left` columns are left-aligned, the others right.

    Args:
        headers: titles of the columns.
        rows: as many cells each; what would end a cell or a line is written so that it does not.
        left: columns.

    """
    marks = ["---" if i < left else "---:" for i in range(len(headers))]
    return "\n".join("| " + " | ".join(_cell(value) for value in line) + " |" for line in [headers, marks, *rows])


def _cell(value: object) -> str:
    return str(value).replace("|", "\\|").replace("\n", " ").replace("<", "&lt;")
