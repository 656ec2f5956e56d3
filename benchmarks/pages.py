"""What the scripts here share: Markdown tables, and the part of a page that a script writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

__all__ = ["busy", "replace_part", "table"]


_IDLE_LOAD = 1.5  # the benchmark itself keeps one core busy


def busy(machine: Mapping[str, Any]) -> str:
    """Warning for figures that were taken beside other work; empty for an idle machine."""
    load = machine["load_average"]
    if load is None or load <= _IDLE_LOAD:
        return ""
    return f"The machine was busy with other work (load average {load:.1f}), so these figures are interim. "


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def replace_part(page: Path, name: str, text: str) -> None:
    """Put text between the comments `<!-- name -->` and `<!-- /name -->` of a page.

    Raises:
        ValueError: the page has no such part.

    """
    before, opened, rest = page.read_text("utf-8").partition(f"<!-- {name} -->\n")
    _, closed, after = rest.partition(f"<!-- /{name} -->")
    if not opened or not closed:
        raise ValueError(f"{page} has no part between <!-- {name} --> and <!-- /{name} -->.")
    page.write_text(f"{before}{opened}{text.rstrip()}\n{closed}{after}", "utf-8")
