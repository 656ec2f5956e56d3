"""Evaluations as JSON files, and their figures as words for people.

The one place that knows how an evaluation is written and read back; docs/judging.md describes the file.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mien.core.errors import DataError
from mien.core.files import atomic_write
from mien.core.text import parse_json
from mien.evaluate.judge import FORMAT

__all__ = [
    "FILE_NAME",
    "decimal",
    "percent",
    "protocol_rows",
    "read_evaluation",
    "span",
    "uncertain_text",
    "write_evaluation",
]

FILE_NAME = "evaluation.json"
_NAMED = 3  # unreadable pictures that are named for people; the JSON names all

_PROTOCOLS = {
    "labels": "the data set's labels",
    "ferplus-majority": "FER+ votes by the official majority rule",
}


def write_evaluation(path: Path | str, body: Mapping[str, Any]) -> None:
    """Write what `Evaluation.to_dict` gave.

    Raises:
        OutputError: the file cannot be written.

    """
    with atomic_write(path, "w") as file:
        json.dump(body, file, ensure_ascii=False, indent=1, allow_nan=False)
        file.write("\n")


def read_evaluation(path: Path | str) -> dict[str, Any]:
    """An evaluation from its file.

    Raises:
        DataError: the file cannot be read, or is not an evaluation of a known format.

    """
    path = Path(path)
    try:
        body = parse_json(path.read_bytes())
    except (OSError, ValueError) as error:
        raise DataError(f"Cannot read the evaluation {path}: {error}.") from error
    if not isinstance(body, dict) or body.get("format") != FORMAT:
        found = body.get("format") if isinstance(body, dict) else type(body).__name__
        raise DataError(f"{path}: expected an evaluation of the format {FORMAT}, got {found!r}; evaluate again.")
    for key in ("model", "data", "figures"):
        if not isinstance(body.get(key), dict):
            raise DataError(f"{path}: the evaluation lacks its part {key!r}; evaluate again.")
    for part, fields in _FIELDS.items():
        for key, fits in fields.items():
            if not fits(body[part].get(key)):
                raise DataError(f"{path}: {key!r} of its part {part!r} is missing or of another kind; evaluate again.")
    return body


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_count(value: object) -> bool:
    return _is_number(value) and isinstance(value, int) and value >= 0


def _is_counts(value: object) -> bool:
    return isinstance(value, dict) and all(map(_is_count, value.values()))


def _is_pairs(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(v, list) and len(v) == 2 and _is_text(v[0]) for v in value)


# What every reader of an evaluation relies on.
_FIELDS: dict[str, dict[str, Callable[[object], bool]]] = {
    "data": {
        **dict.fromkeys(("source", "split", "sha256", "protocol"), _is_text),
        **{"pictures": _is_count, "left_out": _is_counts, "unreadable": _is_pairs},
    },
    "figures": {
        **{"n": _is_count},
        **dict.fromkeys(("accuracy", "macro_f1", "balanced_accuracy", "log_loss", "ece"), _is_number),
    },
}


def percent(value: float, digits: int = 1) -> str:
    """Share in 0..1 as per cent, such as "70.9 %"."""
    return f"{value * 100:.{digits}f} %"


def decimal(value: float | None, digits: int = 3) -> str:
    """Number with fixed digits, or a dash for None."""
    return "–" if value is None else f"{value:.{digits}f}"


def span(interval: Sequence[float] | None) -> str:
    """Interval of shares as per cent, such as "69.4–72.3 %"; empty for None."""
    return "" if interval is None else f"{interval[0] * 100:.1f}–{interval[1] * 100:.1f} %"


def uncertain_text(uncertain: Mapping[str, Any]) -> str:
    """What the model's threshold does, as a sentence or two; `uncertain` is that part of an evaluation's coverage."""
    text = f"Readings with a confidence below {percent(uncertain['below'])} are marked as uncertain: "
    text += f"{percent(1 - uncertain['coverage'])} of these pictures."
    if uncertain.get("interval"):
        low, high = uncertain["interval"]
        text += f" The threshold's 95 % interval is {percent(low)} to {percent(high)} ({uncertain['n']:,} pictures)."
    shares = [
        f"{percent(uncertain[key])} of {name}"
        for key, name in (("accuracy", "the others"), ("accuracy_uncertain", "the marked ones"))
        if uncertain[key] is not None
    ]
    return f"{text} Right are {' and '.join(shares)}."


def protocol_rows(body: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What was judged on what, line by line: everything that a figure needs beside it."""
    model, data, figures = body["model"], body["data"], body["figures"]
    rows = [
        ("Model", _joined(model.get("name"), model.get("file"), model.get("precision"))),
        ("SHA-256 of the file", str(model.get("sha256") or "–")),
        ("Data", f"{Path(data['source']).name}, split {data['split']}"),
        ("SHA-256 of the split", str(data["sha256"])),
        ("Label by", _PROTOCOLS.get(data["protocol"], data["protocol"])),
        ("Pictures", f"{figures['n']:,} of {data['pictures']:,}"),
        ("View", "single picture, no averaging"),
    ]
    if figures["accuracy_interval"] is not None:
        rows.append(("Intervals", f"95 %, bootstrap over {data.get('resampled', 'pictures')}"))
    if data["left_out"]:
        rows.append(("Left out", ", ".join(f"{reason} {count:,}" for reason, count in data["left_out"].items())))
    if data["unreadable"]:
        names = [Path(name).name for name, _reason in data["unreadable"]]
        more = ", ..." if len(names) > _NAMED else ""
        rows.append(("Unreadable", f"{len(names):,} in the whole data set: {', '.join(names[:_NAMED])}{more}"))
    return rows


def _joined(*parts: object) -> str:
    return ", ".join(str(part) for part in parts if part) or "unknown"
