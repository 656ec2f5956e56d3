"""The result of a benchmark: a table for people, one line of JSON, storing it, and ratios to a stored one."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from mien.app.bench.machine import machine_facts
from mien.app.terminal import console
from mien.core.errors import OptionError
from mien.core.files import atomic_write
from mien.core.text import parse_json

__all__ = ["Column", "Result", "Stored", "read_stored", "result_options", "tell"]

_F = TypeVar("_F", bound=Callable[..., Any])

Column = tuple[str, Callable[[Mapping[str, Any]], str]]
"""Header of a table's column, and what a row shows there."""

_OPTIONS = (
    click.option("--out", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Store the result."),
    click.option(
        "--against",
        type=click.Path(path_type=Path, dir_okay=False),
        metavar="FILE",
        help="Stored result of the same benchmark to compare with.",
    ),
)


def result_options(command: _F) -> _F:
    """Add `--out` and `--against` to a benchmark."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@dataclass(frozen=True)
class Stored:
    """A result that was stored earlier: its machine, and the compared figure of each row."""

    benchmark: str
    machine: Mapping[str, Any]
    figures: Mapping[str, float]


@dataclass(frozen=True)
class Result:
    """What a benchmark found.

    Args:
        benchmark: name of the benchmark.
        figure: the figure of the rows that `--against` compares.
        settings: what was measured, for the record.
        rows: plain values; each has a "name" of its own and the figure.

    """

    benchmark: str
    figure: str
    settings: Mapping[str, Any]
    rows: Sequence[Mapping[str, Any]]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON, with the facts of this machine."""
        rows = [dict(row) for row in self.rows]
        head = {"benchmark": self.benchmark, "figure": self.figure, "machine": machine_facts()}
        return {**head, "settings": dict(self.settings), "rows": rows}


def read_stored(path: Path | None, benchmark: str, figure: str) -> Stored | None:
    """A stored result of a benchmark: a file of `--out`, or the kept output of the command; None for no path.

    Raises:
        OptionError: the file cannot be read, is no result, or is one of another benchmark.

    """
    if path is None:
        return None
    try:
        text = path.read_text("utf-8").strip()
        body = parse_json(text.splitlines()[-1] if text else "")
    except (OSError, ValueError) as error:
        raise OptionError(f"{path} is no stored result of mien bench: {_reason(error)}.") from error
    if not isinstance(body, dict) or not isinstance(body.get("benchmark"), str):
        raise OptionError(f"{path} is no stored result of mien bench; store one with --out.")
    if body["benchmark"] != benchmark:
        raise OptionError(
            f"Expected a result of mien bench {benchmark}, but {path} holds one of mien bench {body['benchmark']}."
        )
    figures = dict(_figures(body.get("rows"), figure))
    if not figures:
        raise OptionError(f"{path} holds no row with the figure {figure}; store a result again with --out.")
    machine = body.get("machine")
    return Stored(benchmark, machine if isinstance(machine, dict) else {}, figures)


def _figures(rows: object, figure: str) -> list[tuple[str, float]]:
    known = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    found = [(row.get("name"), row.get(figure)) for row in known]
    return [
        (name, float(value))
        for name, value in found
        if isinstance(name, str) and isinstance(value, int | float) and math.isfinite(value) and value > 0
    ]


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or "it does not end with a line of JSON"


def tell(result: Result, title: str, columns: Sequence[Column], out: Path | None, stored: Stored | None) -> None:
    """Print the table, store the result, and print it as one line of JSON.

    Raises:
        OutputError: the result cannot be stored.

    """
    body = result.to_dict()
    shown = list(columns)
    if stored is not None:
        ratios = _ratios(result, stored)
        body["ratios"] = ratios
        shown.append(("ratio", lambda row: f"{ratios[row['name']]:.2f}" if row["name"] in ratios else "-"))
    _print_table(result.rows, title, shown)
    if stored is not None:
        _print_comparison(result, stored)
    line = json.dumps(body, allow_nan=False)
    if out is not None:
        with atomic_write(out, "w") as file:
            file.write(line + "\n")
    print(line)


def _ratios(result: Result, stored: Stored) -> dict[str, float]:
    """New figure over stored figure, for the rows that both have."""
    both = [row for row in result.rows if row["name"] in stored.figures]
    return {row["name"]: row[result.figure] / stored.figures[row["name"]] for row in both}


def _print_table(rows: Sequence[Mapping[str, Any]], title: str, columns: Sequence[Column]) -> None:
    from rich.table import Table

    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for place, (header, _) in enumerate(columns):
        table.add_column(header, justify="right" if place else "left", no_wrap=True)
    for row in rows:
        table.add_row(*(show(row) for _, show in columns))
    console().print(table)


def _print_comparison(result: Result, stored: Stored) -> None:
    faster = "below" if "ms" in result.figure.split("_") else "above"
    where = stored.machine.get("cpu", "an unknown processor")
    versions = stored.machine.get("versions")
    version = versions.get("mien") if isinstance(versions, dict) else None
    console().print(
        f"Ratio: {result.figure} here over the stored one ({where}, mien {version or 'unknown'}); "
        f"{faster} 1 is faster here.",
        markup=False,
        soft_wrap=True,
    )
