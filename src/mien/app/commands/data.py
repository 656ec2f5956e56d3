"""`mien data`: convert data sets between layouts, audit them, split them, look at them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mien.app.commands.data_crop import command as crop_command
from mien.app.commands.data_doubts import command as doubts_command
from mien.app.datasets import near_of, read_source, source_options
from mien.app.terminal import console, notice, progress
from mien.core.files import atomic_write
from mien.core.text import counted

if TYPE_CHECKING:
    from mien.data.clean import Cleaned
    from mien.data.manifest import Manifest
    from mien.data.review import Review


@click.group()
def command() -> None:
    """Convert, audit and look at data sets.

    SOURCE is Kaggle's fer2013.csv or icml_face_data.csv (with FER+'s fer2013new.csv beside it where there is one), a
    folder of images by class, a zip of these, Parquet files, or a CSV of path,label. What it is shows by itself.
    """


def _splits_made(manifest: Manifest, text: str, seed: int, near: bool) -> Manifest:
    from mien.data.split import make_splits, parse_parts

    parts = parse_parts(text)
    return make_splits(manifest, parts, seed=seed, near=near_of(manifest) if near else None)


@command.command(short_help="Write a data set in another layout.")
@source_options
@click.argument("out", type=click.Path(path_type=Path))
@click.option(
    "--layout",
    type=click.Choice(["csv", "folders", "parquet"]),
    required=True,
    help="csv: fer2013.csv for 48x48 grey pictures of its seven classes, else path,label beside the pictures.",
)
@click.option("--classes", metavar="A,B,...", help="Keep only these classes.")
@click.option("--split", "parts", metavar="80/10/10", help="Make new splits: per cent of train/validation/test.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of the new splits.")
@click.option("--near/--no-near", default=True, show_default=True, help="Keep near duplicates in one new split.")
def convert(
    source: Path,
    out: Path,
    labels: str | None,
    subject: str,
    layout: str,
    classes: str | None,
    parts: str | None,
    seed: int,
    near: bool,
) -> None:
    """Write SOURCE anew as the folder OUT; every pixel and every label is kept."""
    from mien.data import convert as converter
    from mien.data.formats import refuse_inside
    from mien.data.split import parse_parts

    if parts is not None:
        parse_parts(parts)  # mistakes show before the work
    converter.check_target(out)
    refuse_inside(out, source)
    manifest = read_source(source, labels, subject)
    if classes is not None:
        manifest = manifest.with_labels([name.strip() for name in classes.split(",")])
    if parts is not None:
        manifest = _splits_made(manifest, parts, seed, near)
    with progress("Writing", len(manifest), "pictures") as advance:
        names = converter.convert(manifest, out, layout, advance)
    click.echo(
        f"{out}: {counted(len(manifest), 'picture')} ({_per_split(manifest.split_counts())}) in {', '.join(names)}"
    )


def _per_split(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{split or 'no split'} {n:,}" for split, n in counts.items())


@command.command(short_help="Divide a data set into training, validation and test.")
@source_options
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--parts", default="80/10/10", show_default=True, help="Per cent of train/validation/test.")
@click.option("--seed", type=int, default=0, show_default=True, help="The same seed gives the same splits.")
@click.option("--near/--no-near", default=True, show_default=True, help="Keep near duplicates in one split.")
def split(source: Path, out: Path, labels: str | None, subject: str, parts: str, seed: int, near: bool) -> None:
    """Divide SOURCE anew and write the table OUT, which is read like SOURCE.

    Every class is divided as asked. Identical pictures stay together, nearly identical ones too, and so do the
    pictures of one person where the data names people. No picture is copied: OUT refers to SOURCE.
    """
    from mien.app import audit_table
    from mien.data.formats import selection
    from mien.data.split import parse_parts

    parse_parts(parts)
    selection.check_target(out, source)
    manifest = read_source(source, labels, subject)
    if any(manifest.split_counts().keys() - {""}):
        notice(f"{source} has splits already ({_per_split(manifest.split_counts())}); the new ones replace them.")
    _offer_subjects(manifest)
    manifest = _splits_made(manifest, parts, seed, near)
    selection.write(out, source, manifest)
    console().print(audit_table.class_table(manifest))
    click.echo(f"Wrote {out}.")


def _offer_subjects(manifest: Manifest) -> None:
    """Say so where the names of the pictures look as if they named people and nobody has said it."""
    from mien.data.subjects import suggested_pattern

    found = suggested_pattern(manifest.names.tolist()) if manifest.subject is None else None
    if found is not None:
        notice(
            f"The names look as if they named {found.people} people, who may now be in two splits; --subject "
            f"'{found.pattern}' keeps each of them in one."
        )


@command.command(short_help="Say what is wrong with a data set.")
@source_options
@click.option("--json", "as_json", is_flag=True, help="Write everything as JSON, with the names of all pictures.")
@click.option(
    "--fix",
    type=click.Path(path_type=Path),
    metavar="OUT.csv",
    help="Write a table of the pictures that are in order, which is read like SOURCE.",
)
@click.option(
    "--reviewed",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="DOUBTS.csv",
    help="Heed what a person decided about the doubted labels of mien data doubts.",
)
@click.option("--near/--no-near", default=True, show_default=True, help="Look for near duplicates too.")
def audit(
    source: Path,
    labels: str | None,
    subject: str,
    as_json: bool,
    fix: Path | None,
    reviewed: Path | None,
    near: bool,
) -> None:
    """Say what is wrong with SOURCE.

    Pictures that occur more than once, exactly or nearly, within a split and in two; copies with different labels;
    blank pictures and such that show no face; classes of very different size; people in two splits.
    """
    from mien.app import audit_table
    from mien.data import audit as auditor
    from mien.data.clean import clean
    from mien.data.formats import selection
    from mien.data.review import read_review

    if fix is not None:
        selection.check_target(fix, source)
    manifest = read_source(source, labels, subject)
    review = None if reviewed is None else read_review(reviewed, manifest)
    if review is not None:
        manifest = review.relabel(manifest)
    found = auditor.audit(manifest, near=near_of(manifest) if near else None)
    if as_json:
        click.echo(json.dumps(found.to_dict(), ensure_ascii=False, indent=2, allow_nan=False))
    else:
        audit_table.show(found)
    if fix is not None:
        cleaned = clean(found, None if review is None else review.dropped)
        selection.write(fix, source, cleaned.manifest)
        _tell_removed(cleaned, fix, quiet=as_json)
    if review is not None:
        _tell_review(review, quiet=as_json or fix is None)


def _tell_review(review: Review, quiet: bool) -> None:
    dropped = int(review.dropped.sum())
    text = f"Reviewed: {counted(review.relabelled, 'label')} changed, {counted(dropped, 'picture')} to drop"
    (notice if quiet else click.echo)(f"{text}, {review.open:,} not decided, which stay as they are.")


def _tell_removed(cleaned: Cleaned, path: Path, quiet: bool) -> None:
    from mien.data.clean import REASONS
    from mien.data.manifest import SPLITS

    say = notice if quiet else click.echo
    removed = int((cleaned.reasons != "").sum())
    left = cleaned.manifest.split_counts()
    say(f"Wrote {path}: {counted(len(cleaned.manifest), 'picture')} ({_per_split(left)}).")
    gone = [split for split in SPLITS if split in set(cleaned.split.tolist()) - left.keys()]
    if gone:
        notice(f"Nothing is left of {' and '.join(gone)}; make new splits with mien data split.")
    say(f"Left out {counted(removed, 'picture')}" + (", each for the first reason that fits:" if removed else "."))
    for reason, counts in cleaned.counts().items():
        say(f"  {sum(counts.values()):6,}  {REASONS[reason]} ({_per_split(counts)})")
    if cleaned.manifest.unreadable:
        say(f"  {len(cleaned.manifest.unreadable):6,}  cannot be read")


@command.command(short_help="Draw a data set: classes, samples, mean faces and more.")
@source_options
@click.option("--report", type=click.Path(path_type=Path), metavar="DIR", help="Write pictures and a page here.")
@click.option(
    "--json",
    "json_file",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write what mien serve --data shows: counts, sizes, mean faces, none of the pictures.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of the choice of sample pictures.")
def summary(
    source: Path, labels: str | None, subject: str, report: Path | None, json_file: Path | None, seed: int
) -> None:
    """Draw SOURCE: classes, samples, mean faces, sizes, brightness, agreement with votes.

    With --report writes PNG files and one page, summary.html, that holds all of them; with --json the figures that the
    live page shows in its tab Data.
    """
    from mien.data.formats import refuse_inside
    from mien.data.shown import shown
    from mien.data.summary import summarize

    if report is None and json_file is None:
        raise click.UsageError("Say where to write: --report DIR for pictures and a page, --json FILE for mien serve.")
    for place in (report, json_file):
        if place is not None:
            refuse_inside(place, source)
    manifest = read_source(source, labels, subject)
    if report is not None:
        with progress("Drawing", len(manifest.labels), "classes") as advance:
            paths = summarize(manifest, report, seed=seed, advance=advance)
        for path in paths:
            click.echo(str(path))
    if json_file is not None:
        with progress("Summing up", len(manifest.labels), "classes") as advance:
            text = json.dumps(shown(manifest, advance), ensure_ascii=False, allow_nan=False)
        with atomic_write(json_file, "w") as file:
            file.write(text)
        click.echo(str(json_file))


command.add_command(doubts_command, "doubts")
command.add_command(crop_command, "crop")
