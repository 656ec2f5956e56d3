"""Write the records of many pictures: for people, as JSON, or as a flat table."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Protocol

from mien.core import flat
from mien.core.cells import JsonLinesWriter, TableWriter
from mien.core.errors import MissingExtraError, OptionError
from mien.core.text import counted, printable
from mien.core.types import Analysis, Reading

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["BINARY", "FORMATS", "RecordWriter", "format_of", "open_writer", "plain", "totals"]

_SHOWN_FROM = 0.005
"""Probabilities that would be shown as 0 % are left out of the table (never of the data)."""

_SUFFIXES = {
    "table": (".txt",), "json": (".json",), "jsonl": (".jsonl", ".ndjson"), "csv": (".csv",), "tsv": (".tsv", ".tab"),
    "parquet": (".parquet",),
}  # fmt: skip
"""Format: the suffixes of files that hold it."""
FORMATS = tuple(_SUFFIXES)
BINARY = frozenset({"parquet"})
"""Formats that are written to a file opened for bytes."""


class RecordWriter(Protocol):
    """Takes one record after the other; `close` writes what is left."""

    def write(self, analysis: Analysis) -> None:
        """Take the record of one picture."""
        ...

    def close(self) -> None:
        """Write what is left; the file itself stays open."""
        ...


def format_of(output: Path) -> str:
    """The format that the suffix of a file says.

    Raises:
        OptionError: no format has this suffix.

    """
    for name, suffixes in _SUFFIXES.items():
        if output.suffix.lower() in suffixes:
            return name
    known = ", ".join(suffixes[0] for suffixes in _SUFFIXES.values())
    raise OptionError(
        f"Cannot tell the format of {output} by its suffix; expected one of {known} (a spreadsheet opens .csv, with "
        "--bom where it is Excel), or say it with --format."
    )


def open_writer(
    kind: str, file: IO[Any], labels: Sequence[str], *, top: int = 3, single: bool = False, bom: bool = False
) -> RecordWriter:
    """Writer of a format.

    Args:
        kind: one of `FORMATS`.
        file: where to write text, or bytes for the formats in `BINARY`.
        labels: the model's labels, for the columns of a flat table.
        top: how many expressions the table for people shows for each face.
        single: whether there is just one picture, so that JSON is one object and not a list.
        bom: begin CSV and TSV with a byte order mark, which Excel wants.

    Raises:
        MissingExtraError: Parquet without pyarrow.

    """
    if kind == "table":
        return _TableWriter(file, top)
    if kind in {"csv", "tsv"}:
        return _FlatWriter(TableWriter(file, flat.columns(labels), delimiter="\t" if kind == "tsv" else ",", bom=bom))
    if kind == "parquet":
        return _ParquetWriter(file, labels)
    return _JsonWriter(file, single) if kind == "json" else _JsonLinesWriter(file)


def totals(pictures: int, faces: int, errors: int) -> str:
    """Sentence about a whole run, such as "3 pictures, 1 face, 1 could not be read."."""
    failed = f", {errors:,} could not be read" if errors else ""
    return f"{counted(pictures, 'picture')}, {counted(faces, 'face')}{failed}."


class _JsonWriter:
    def __init__(self, file: IO[str], single: bool) -> None:
        self._file, self._single, self._count = file, single, 0

    def write(self, analysis: Analysis) -> None:
        opening = "" if self._single else ",\n" if self._count else "[\n"
        self._file.write(opening + _pretty(analysis))
        self._count += 1

    def close(self) -> None:
        if not self._single:
            self._file.write("\n]" if self._count else "[]")
        self._file.write("\n")


def _pretty(analysis: Analysis) -> str:
    """JSON with one line per field and one per face: for people as well as for programs."""
    body = analysis.to_dict()
    faces = ",\n".join(f"    {_json(face)}" for face in body.pop("faces"))
    error = body.pop("error")
    lines = [f"  {_json(key)}: {_json(value)}" for key, value in body.items()]
    lines += [f'  "faces": [\n{faces}\n  ]' if faces else '  "faces": []', f'  "error": {_json(error)}']
    return "{\n" + ",\n".join(lines) + "\n}"


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


class _JsonLinesWriter:
    def __init__(self, file: IO[str]) -> None:
        self._lines = JsonLinesWriter(file)

    def write(self, analysis: Analysis) -> None:
        self._lines.write(analysis.to_dict())

    def close(self) -> None:
        """Every line is written already."""


class _FlatWriter:
    def __init__(self, table: TableWriter) -> None:
        self._table = table

    def write(self, analysis: Analysis) -> None:
        for row in flat.rows(analysis):
            self._table.write(row)

    def close(self) -> None:
        """Every row is written already."""


class _ParquetWriter:
    """Rows gather in memory, as columns from time to time; the file is written at the end."""

    _GROUP = 16_384  # rows that wait as Python objects

    def __init__(self, file: IO[bytes], labels: Sequence[str]) -> None:
        try:
            import pyarrow as pa
            import pyarrow.parquet
        except ImportError as error:
            raise MissingExtraError("Writing Parquet", "pyarrow", "data") from error
        texts = dict.fromkeys(("source", "detector", "model", "emotion", "error"), pa.string())
        wholes = dict.fromkeys(("width", "height", "face"), pa.int32())
        kinds = {**texts, **wholes, "uncertain": pa.bool_()}
        self._schema = pa.schema([(name, kinds.get(name, pa.float64())) for name in flat.columns(labels)])
        self._file = file
        self._rows: list[dict[str, Any]] = []
        self._tables: list[Any] = []

    def write(self, analysis: Analysis) -> None:
        self._rows += flat.rows(analysis)
        if len(self._rows) >= self._GROUP:
            self._gather()

    def close(self) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        self._gather()
        pq.write_table(pa.concat_tables(self._tables), self._file, compression="zstd")

    def _gather(self) -> None:
        import pyarrow as pa

        self._tables.append(pa.Table.from_pylist(self._rows, schema=self._schema))
        self._rows = []


class _TableWriter:
    def __init__(self, file: IO[str], top: int) -> None:
        self._file, self._top = file, top
        self._records: list[Analysis] = []

    def write(self, analysis: Analysis) -> None:
        self._records.append(analysis)

    def close(self) -> None:
        from rich.console import Console

        terminal = self._file.isatty()
        console = Console(file=self._file, highlight=False, width=None if terminal else 120)
        if any(r.error is None for r in self._records):
            console.print(_table(self._records, self._top))
        for record in self._records:
            if record.error is not None:
                console.print(f"[red]error[/red] {plain(record.error)}", soft_wrap=True)


def _table(records: Iterable[Analysis], top: int) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("picture", overflow="fold")
    table.add_column("face", justify="right")
    table.add_column("box (px)", justify="right")
    table.add_column("expression")
    table.add_column("confidence", justify="right")
    table.add_column("next", overflow="fold")
    shown = [record for record in records if record.error is None]
    paths = dict.fromkeys(record.source for record in shown)
    alike = len({Path(path).name for path in paths}) < len(paths)
    for record in shown:
        name = plain(record.source if alike else Path(record.source).name)
        if not record.faces:
            table.add_row(name, "–", "", "[dim]no face[/dim]", "", "")
        for i, reading in enumerate(record.faces):
            table.add_row(name if i == 0 else "", *_face_row(i, reading, top))
    return table


def _face_row(index: int, reading: Reading, top: int) -> tuple[str, ...]:
    x1, y1, x2, y2 = (round(v) for v in reading.box)
    ranked = sorted(reading.probabilities.items(), key=lambda item: -item[1])
    others = ", ".join(f"{plain(name)} {p:.0%}" for name, p in ranked[1:top] if p >= _SHOWN_FROM)
    corner = f"{x1},{y1} – {x2},{y2}"
    return (str(index + 1), corner, f"[bold]{plain(reading.caption)}[/bold]", f"{reading.confidence:.0%}", others)


def plain(text: str) -> str:
    """Text for a table of rich: no markup, and nothing that a terminal would act on."""
    from rich.markup import escape

    return escape(printable(text))
