"""How an audit looks on a terminal: tables of classes and problems, and remarks below."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from mien.app.terminal import console
from mien.core.text import counted

if TYPE_CHECKING:
    from rich.table import Table

    from mien.data.audit import Audit
    from mien.data.manifest import Manifest

__all__ = ["class_table", "show"]

_NAMED = 3
"""Examples that are named where there are more."""


def show(found: Audit) -> None:
    """Print what an audit found to standard output."""
    m, out = found.manifest, console()
    out.print(f"{m.source}: {counted(len(m), 'picture')}, {counted(len(m.labels), 'class', 'classes')}", soft_wrap=True)
    out.print(class_table(m))
    out.print(_problem_table(found))
    for line in _remarks(found):
        out.print(line, soft_wrap=True)


def _table(first: str, columns: Sequence[str]) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column(first)
    for column in columns:
        table.add_column(column or "no split", justify="right")
    return table


def class_table(manifest: Manifest) -> Table:
    """Pictures of every class in every split."""
    splits = list(manifest.split_counts())
    table = _table("class", splits)
    for number, name in enumerate(manifest.labels):
        rows = manifest.split[manifest.label == number]
        table.add_row(name, *(f"{int((rows == split).sum()):,}" for split in splits))
    table.add_row("all", *(f"{n:,}" for n in manifest.split_counts().values()), style="bold")
    return table


def _problem_table(found: Audit) -> Table:
    totals = found.manifest.split_counts()
    table = _table("problem", list(totals))
    for name, counts in _problems(found):
        cells = ("-" if counts.get(s) is None else _with_share(counts[s], total) for s, total in totals.items())
        table.add_row(name, *cells)
    return table


def _with_share(count: int, total: int) -> str:
    if not count:
        return "0"
    share = 100 * count / total
    return f"{count:,} ({share:.1f} %)" if share >= 0.05 else f"{count:,} (<0.1 %)"


def _problems(found: Audit) -> list[tuple[str, Mapping[str, int]]]:
    """Name of a problem, and how many pictures of every split have it; a split that cannot have it is left out."""
    rows: list[tuple[str, Mapping[str, int]]] = [("copies within the split", found.surplus)]
    rows += _across("also in", found.between())
    if found.near is not None:
        rows += _across("nearly the same in", found.near_between())
    rows.append(("copies with different labels", found.by_split(row for group in found.conflicts for row in group)))
    rows.append(("blank", found.by_split(found.blank)))
    if found.no_face is not None:
        rows.append(("no face, by most votes", found.by_split(found.no_face)))
    return rows


def _across(words: str, between: Mapping[str, int]) -> list[tuple[str, Mapping[str, int]]]:
    """One row per split in which others occur, from "test in train" and so on."""
    rows: dict[str, dict[str, int]] = {}
    for pair, count in between.items():
        held, _, other = pair.partition(" in ")
        rows.setdefault(other, {})[held] = count
    return [(f"{words} {other}", counts) for other, counts in rows.items()]


def _remarks(found: Audit) -> list[str]:
    m = found.manifest
    lines = []
    odd = found.imbalance()
    if odd is not None and odd[0] != odd[1]:
        most, least, factor = odd
        times = "has no pictures" if factor == float("inf") else f"is {factor:.1f} times smaller"
        lines.append(f"Balance: the largest class is {most}; {least} {times}.")
    lines += [_leak_remark(found, split) for split, rows in found.leaks.rows.items() if len(rows)]
    if found.conflicts:
        count = len(found.conflicts)
        groups = "1 group differs" if count == 1 else f"{count:,} groups differ"
        lines.append(f"Conflicts: of identical pictures, {groups} in label, for example {_example(found)}.")
    if found.near is not None:
        linked = found.near_groups()
        members = f" of {sum(map(len, linked)):,} pictures" if linked else ""
        lines.append(f"Near duplicates: {counted(len(linked), 'group')}{members}, found as docs/data.md describes.")
    if len(found.blank):
        lines.append(f"Blank: {', '.join(str(name) for name in m.names[found.blank[:_NAMED]])}.")
    if found.no_face is None:
        lines.append("Faces: not checked, because there are no votes on it.")
    if found.subjects is None:
        lines.append("People: not checked, because the data does not name them.")
    else:
        named = f", such as {', '.join(found.subjects[:_NAMED])}" if found.subjects else ""
        lines.append(f"People: {len(found.subjects):,} occur in more than one split{named}.")
    return lines


def _leak_remark(found: Audit, split: str) -> str:
    shares = found.leaked_by_class(split)
    worst = max(shares, key=lambda name: shares[name])
    refused = "; mien train refuses that" if split in found.leaks.refused else ""
    share = f"{found.leaks.fraction(split):.1%} of {split} occurs in train"
    return f"Leak: {share}, most of all {shares[worst]:.0%} of {worst}{refused}."


def _example(found: Audit) -> str:
    """Two copies of one picture with different labels; not a blank one, where there is another."""
    m = found.manifest
    blank = set(found.blank.tolist())
    group = next((group for group in found.conflicts if group[0] not in blank), found.conflicts[0])
    first = group[0]
    other = next(row for row in group if m.label[row] != m.label[first])
    return f"{m.names[first]} ({_label(m, first)}) and {m.names[other]} ({_label(m, other)})"


def _label(manifest: Manifest, row: int) -> str:
    return manifest.labels.names[manifest.label[row]] if manifest.label[row] >= 0 else "no label"
