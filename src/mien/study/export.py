"""Labels of a study as files of ELAN and Praat: a tier per person."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from mien.core.files import make_folder
from mien.study.eaf import write_eaf
from mien.study.intervals import Interval, Tier
from mien.study.table import Figures, Person
from mien.study.textgrid import write_textgrid

__all__ = ["EXPORTS", "export_labels"]

EXPORTS = ("eaf", "textgrid")
"""Kinds of files that labels can be exported to."""


def export_labels(figures: Figures, folder: Path, kinds: Sequence[str], videos: Path) -> list[Path]:
    """Write one file per video and kind, named like the video.

    Args:
        figures: the study.
        folder: where; subfolders as in the study.
        kinds: some of `EXPORTS`.
        videos: the study's folder, for the link from the ELAN file to its video.

    Raises:
        OutputError: it cannot be written there.

    """
    by_file: dict[str, list[Person]] = {}
    for person in figures.people:
        by_file.setdefault(person.source.file, []).append(person)
    written = []
    for file, people in by_file.items():
        tiers = [_tier(person, figures.labels) for person in people]
        base = folder / file
        make_folder(base.parent)
        if "eaf" in kinds:
            media = Path(os.path.relpath(videos / file, base.parent)).as_posix()
            write_eaf(base.with_name(base.name + ".eaf"), tiers, media)
            written.append(base.with_name(base.name + ".eaf"))
        if "textgrid" in kinds:
            write_textgrid(base.with_name(base.name + ".TextGrid"), tiers, people[0].source.line.end_s)
            written.append(base.with_name(base.name + ".TextGrid"))
    return written


def _tier(person: Person, labels: Sequence[str]) -> Tier:
    spells = (Interval(round(s.start_s, 6), round(s.end_s, 6), labels[s.label]) for s in person.spells)
    return Tier(person.series.person, tuple(spells))
