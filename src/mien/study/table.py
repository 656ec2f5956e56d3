"""The two tables of a study: a row per participant, file and epoch or window, and a row per spell of a label."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mien.core.errors import DataError
from mien.core.labels import LabelSet
from mien.media.columns import Column
from mien.study.epochs import Span, spans_of
from mien.study.intervals import Interval
from mien.study.measures import Measures, Spell, differences, measure_span, spells_of
from mien.study.series import USED, Floats, Line, People, Series, people_of

__all__ = [
    "Figures", "Person", "Plan", "Source", "figures_of", "short_names", "spell_columns", "summary_columns",
]  # fmt: skip

Row = dict[str, Any]


@dataclass(frozen=True)
class Plan:
    """What the table is to be about.

    Args:
        window_s: length of windows, or None.
        epochs: file -> named intervals, or None: every file is one epoch.
        baseline: name of the epoch whose means are taken off, or None.
        exclude: quality flags whose faces do not count.
        each: every track is a person of its own.
        merged: file -> track -> person, by hand.

    """

    window_s: float | None = None
    epochs: Mapping[str, Sequence[Interval]] | None = None
    baseline: str | None = None
    exclude: frozenset[str] = frozenset()
    each: bool = False
    merged: Mapping[str, Mapping[int, str]] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Source:
    """A file that was read."""

    file: str
    participant: str
    facts: Mapping[str, str]
    line: Line


@dataclass(frozen=True, eq=False)
class Person:
    """One person in one file."""

    source: Source
    series: Series
    spells: tuple[Spell, ...]


@dataclass(frozen=True, eq=False)
class Figures:
    """The tables, and what they were made of."""

    labels: tuple[str, ...]
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    spells: tuple[Row, ...]
    people: tuple[Person, ...]
    why: Counter[str]
    """Quality flag -> frames that were excluded for it."""
    notes: tuple[str, ...]


def figures_of(sources: Sequence[Source], plan: Plan) -> Figures:
    """Tables of a study.

    Raises:
        DataError: the files were read with different labels, or there is no epoch of the baseline's name.

    """
    labels = _common_labels(sources)
    people = [
        Person(source, series, tuple(spells_of(series)))
        for source in sources
        for series in people_of(
            source.line,
            People(plan.each, plan.exclude, plan.merged.get(source.file)),
            source.participant,
        )
    ]
    base = _Baselines(people, plan) if plan.baseline is not None else None
    names = short_names(labels)
    rows = []
    for person in people:
        line = person.source.line
        for span in spans_of(line.start_s, line.end_s, _epochs(plan, person), plan.window_s):
            seen = measure_span(person.series, person.spells, span)
            rows.append(_row(person, span, seen) | _label_cells(seen, names, base, person))
    facts = tuple(sources[0].facts) if sources else ()
    why: Counter[str] = Counter()
    for person in people:
        why.update(person.series.why)
    return Figures(
        labels=labels,
        columns=summary_columns(facts, labels, plan.baseline),
        rows=tuple(rows),
        spells=tuple(row for person in people for row in _spell_rows(person, labels)),
        people=tuple(people),
        why=why,
        notes=tuple(_notes(sources, plan)),
    )


def short_names(labels: Sequence[str]) -> tuple[str, ...]:
    """Labels as parts of column names that pandas, R and SPSS take: letters, digits and _, all different."""
    tidy = [re.sub(r"\W+", "_", label.lower(), flags=re.ASCII).strip("_") or "label" for label in labels]
    return tuple(name if tidy.count(name) == 1 else f"{name}{i + 1}" for i, name in enumerate(tidy))


def summary_columns(facts: Sequence[str], labels: Sequence[str], baseline: str | None) -> tuple[Column, ...]:
    """Columns of the summary, in order.

    Args:
        facts: names of what is known of the participants.
        labels: of the model.
        baseline: name of the epoch, or None.

    """
    known = [Column(name, "text", f"{name}, as told for the participant or file") for name in facts]
    per_label = [
        (prefix, kind, meaning, unit)
        for prefix, kind, meaning, unit in _PER_LABEL
        if prefix != "d" or baseline is not None
    ]
    told = [
        Column(f"{prefix}_{name}", "number", meaning.format(label=label, baseline=baseline), unit)
        for prefix, _, meaning, unit in per_label
        for name, label in zip(short_names(labels), labels, strict=True)
    ]
    return (*_WHO, *known, *_SPAN, *told)


_WHO = (
    Column("participant", "text", "whose video this is"),
    Column("file", "text", "the video, below the study's folder"),
    Column("person", "text", "who in the video: the participant, a track, or the name given by hand"),
)
_SPAN = (
    Column("epoch", "text", "name of the epoch; 'all' is the whole file"),
    Column("window", "whole", "number of the window within the epoch, from 1; empty without windows"),
    Column("start_s", "number", "start of the span; frames with start_s <= time < end_s belong to it", "s"),
    Column("end_s", "number", "end of the span", "s"),
    Column("n_frames", "whole", "frames in the span"),
    Column("n_face", "whole", "frames that show the person's face"),
    Column("n_used", "whole", "frames whose face counts: shown and not excluded"),
    Column("n_several", "whole", "frames that show more than one face"),
    Column("face", "number", "share of frames that show the person's face: n_face / n_frames", "0..1"),
    Column("excluded", "number", "share of the shown faces that are excluded: (n_face - n_used) / n_face", "0..1"),
    Column("uncert", "number", "share of the frames that count whose reading is uncertain", "0..1"),
    Column("used_s", "number", "time with a face that counts", "s"),
    Column("changes", "whole", "changes of the label from one frame to the next"),
    Column("chg_min", "number", "changes per minute with a face that counts", "1/min"),
)
_PER_LABEL = (
    ("m", "mean", "mean probability of {label} over the frames that count", "0..1"),
    ("sd", "sd", "standard deviation of the probability of {label} over frames (sample, n - 1)", "0..1"),
    ("md", "median", "median probability of {label} over frames", "0..1"),
    ("t", "share", "share of the time with a face that counts in which {label} was the label", "0..1"),
    ("l", "longest_s", "longest spell of {label} within the span; 0 where it was never shown", "s"),
    ("on", "onset_s", "first moment of {label} within the span; start_s where it was shown already", "s"),
    ("off", "offset_s", "last moment of {label} within the span; end_s where it went on", "s"),
    ("d", "difference", "mean probability of {label} less its mean in the epoch '{baseline}'", "-1..1"),
)
"""Prefix of the column, field of `Measures`, meaning, unit."""


def spell_columns(facts: Sequence[str]) -> tuple[Column, ...]:
    """Columns of the table of spells."""
    return (
        *_WHO,
        *(Column(name, "text", f"{name} of the participant") for name in facts),
        Column("label", "text", "the expression that was shown"),
        Column("onset_s", "number", "when it began", "s"),
        Column("offset_s", "number", "when it ended", "s"),
        Column("length_s", "number", "for how long it was shown", "s"),
    )


class _Baselines:
    """Mean probabilities in the baseline epoch: of the same file where it has one, else of the participant's others."""

    def __init__(self, people: Sequence[Person], plan: Plan) -> None:
        self._own: dict[tuple[str, str], Floats] = {}
        self._all: dict[tuple[str, str], list[Floats]] = {}
        for person in people:
            series = person.series
            inside = np.zeros(len(series.times), bool)
            for span in spans_of(person.source.line.start_s, person.source.line.end_s, _epochs(plan, person), None):
                if span.epoch == plan.baseline:
                    inside |= (series.times >= span.start_s - 1e-6) & (series.times < span.end_s - 1e-6)
            values = series.values[inside & (series.state == USED)]
            if len(values):
                self._own[person.source.file, series.person] = values
                self._all.setdefault((person.source.participant, series.person), []).append(values)
        if not self._own:
            raise DataError(f"No frame with a face lies in an epoch called {plan.baseline!r}, the baseline.")

    def of(self, person: Person) -> list[float | None] | None:
        """Means (K), or None."""
        values = self._own.get((person.source.file, person.series.person))
        if values is None:
            parts = self._all.get((person.source.participant, person.series.person))
            if parts is None:
                return None
            values = np.concatenate(parts)
        means: list[float | None] = values.mean(axis=0).tolist()
        return means


def _common_labels(sources: Sequence[Source]) -> tuple[str, ...]:
    found = {source.line.labels for source in sources}
    if len(found) > 1:
        raise DataError("The time lines have different labels; read all files of a study with one model.")
    labels = found.pop() if found else ()
    return LabelSet(labels).names if labels else ()


def _epochs(plan: Plan, person: Person) -> Sequence[Interval] | None:
    return None if plan.epochs is None else plan.epochs.get(person.source.file, ())


def _who(person: Person) -> Row:
    source = person.source
    return {"participant": source.participant, "file": source.file, "person": person.series.person, **source.facts}


def _row(person: Person, span: Span, seen: Measures) -> Row:
    return _who(person) | {
        "epoch": span.epoch,
        "window": span.window,
        "start_s": round(span.start_s, 6),
        "end_s": round(span.end_s, 6),
        "n_frames": seen.n_frames,
        "n_face": seen.n_face,
        "n_used": seen.n_used,
        "n_several": seen.n_several,
        "face": _share(seen.n_face, seen.n_frames),
        "excluded": _share(seen.n_face - seen.n_used, seen.n_face),
        "uncert": _share(seen.n_uncertain, seen.n_used),
        "used_s": round(seen.used_s, 6),
        "changes": seen.changes,
        "chg_min": seen.per_minute,
    }


def _label_cells(seen: Measures, names: Sequence[str], base: _Baselines | None, person: Person) -> Row:
    cells: Row = {}
    for prefix, attribute, _, unit in _PER_LABEL:
        if prefix == "d":
            if base is None:
                continue
            values = differences(seen.mean, base.of(person))
        else:
            values = getattr(seen, attribute)
        places = 6 if unit == "s" else None  # times to the microsecond, everything else unrounded
        cells |= {
            f"{prefix}_{name}": value if value is None or places is None else round(value, places)
            for name, value in zip(names, values, strict=True)
        }
    return cells


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _spell_rows(person: Person, labels: Sequence[str]) -> list[Row]:
    return [
        _who(person)
        | {
            "label": labels[spell.label],
            "onset_s": round(spell.start_s, 6),
            "offset_s": round(spell.end_s, 6),
            "length_s": round(spell.end_s - spell.start_s, 6),
        }
        for spell in person.spells
    ]


def _notes(sources: Sequence[Source], plan: Plan) -> list[str]:
    notes = []
    if plan.epochs is not None:
        without = [source.file for source in sources if source.file not in plan.epochs]
        if without:
            notes.append(f"No epoch is given for {_listed(without)}: no row in the table.")
    strangers = [
        f"{source.file} (track {track})"
        for source in sources
        for track in plan.merged.get(source.file, {})
        if track not in set(source.line.track.tolist())
    ]
    if strangers:
        notes.append(f"The map of ids names tracks that do not occur: {_listed(strangers)}.")
    return notes


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
