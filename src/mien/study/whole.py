"""Everything that a study makes from the time lines: tables, codebook, exports, agreement, report."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mien.core.errors import DataError
from mien.core.files import atomic_write
from mien.core.text import whole_number
from mien.media.columns import describe
from mien.media.table_files import write_table
from mien.study.agree import Agreement, agreement
from mien.study.clips import Clip, Names
from mien.study.codebook import write_codebook
from mien.study.export import export_labels
from mien.study.inputs import read_records
from mien.study.intervals import Interval
from mien.study.read import Places, Record
from mien.study.series import load_line
from mien.study.table import Figures, Plan, Source, figures_of, spell_columns

__all__ = ["Made", "Wanted", "load_people", "make_all", "sources_of"]


@dataclass(frozen=True)
class Wanted:
    """What is to be made.

    Args:
        plan: what the table is about.
        exports: kinds of label files.
        coded: file -> intervals of a human coder.
        renamed: the coder's word -> label.
        figures: kinds of figure files.

    """

    plan: Plan = field(default_factory=Plan)
    exports: tuple[str, ...] = ()
    coded: Mapping[str, Sequence[Interval]] | None = None
    renamed: Mapping[str, str] = field(default_factory=dict)
    figures: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Made:
    """What was made, and where it lies."""

    figures: Figures
    agreement: Agreement | None
    files: tuple[Path, ...]


def load_people(path: Path, files: Sequence[str]) -> dict[str, dict[int, str]]:
    """File -> track -> person from a table with the columns `file`, `track`, `person`.

    Raises:
        DataError: it cannot be read, names another file, or gives a track twice.

    """
    names = Names(files)
    merged: dict[str, dict[int, str]] = {}
    for record in read_records(path, ("file", "track", "person")):
        track = whole_number(record["track"])
        if track is None or not record["person"]:
            raise DataError(f"{record.place}: expected the number of a track and a person.")
        tracks = merged.setdefault(names.find(record["file"], record.place), {})
        if track in tracks:
            raise DataError(f"{record.place}: track {track} of this file stands in the table twice.")
        tracks[track] = record["person"]
    return merged


def sources_of(clips: Sequence[Clip], records: Sequence[Record], places: Places) -> list[Source]:
    """The videos that could be read, with their time lines.

    Raises:
        DataError: a time line is missing or damaged.

    """
    return [
        Source(clip.file, clip.participant, clip.facts, load_line(places.timeline(clip.file)))
        for clip, record in zip(clips, records, strict=True)
        if record.error is None
    ]


def make_all(
    folder: Path, out: Path, clips: Sequence[Clip], records: Sequence[Record], suffix: str, wanted: Wanted
) -> Made:
    """Write tables, codebook, exports, agreement and report of a study into its folder.

    Raises:
        DataError: no video could be read, or what was asked does not fit them.
        OutputError: something cannot be written.

    """
    from mien.study.report import write_report

    sources = sources_of(clips, records, Places(out, suffix))
    if not sources:
        raise DataError("None of the videos could be read, so there is no table.")
    figures = figures_of(sources, wanted.plan)
    agreed = None if wanted.coded is None else _agreement(figures, wanted)
    summary, spells = out / f"summary{suffix}", out / f"spells{suffix}"
    spell_names = spell_columns(tuple(sources[0].facts))
    write_table(summary, figures.columns, figures.rows)
    write_table(spells, spell_names, figures.spells)
    tables = {
        summary.name: figures.columns,
        spells.name: spell_names,
        f"timelines/*{suffix}": describe(figures.labels),
    }
    files = [summary, spells, *write_codebook(out, tables)]
    files += export_labels(figures, out / "labels", wanted.exports, folder)
    if agreed is not None:
        files.append(out / "agreement.json")
        with atomic_write(files[-1], "w") as file:
            file.write(json.dumps(agreed.to_dict(), indent=2, ensure_ascii=False) + "\n")
    files += write_report(out, figures, records, wanted.plan, agreed, wanted.figures)
    return Made(figures, agreed, tuple(files))


def _agreement(figures: Figures, wanted: Wanted) -> Agreement:
    coded = wanted.coded or {}
    pairs = [(person.series, coded[person.source.file]) for person in figures.people if person.source.file in coded]
    crowded = {p.source.file for p in figures.people if p.source.file in coded}
    if len(pairs) > len(crowded):
        raise DataError(
            "Annotations are of one person per file, but several people count in one; name one by --people, or leave "
            "--each-track out."
        )
    return agreement(pairs, figures.labels, wanted.renamed)
