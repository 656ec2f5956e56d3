"""`mien data doubts`: labels that a model which never saw the picture speaks against, as a table to decide on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mien.app.datasets import near_of, read_source, source_options
from mien.app.terminal import progress
from mien.core.errors import DataError, OutputError
from mien.core.text import counted

if TYPE_CHECKING:
    from mien.data.doubts import Doubts
    from mien.data.manifest import Manifest

__all__ = ["command"]


@click.command(short_help="Find labels that are probably wrong, for a person to decide on.")
@source_options
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    metavar="DOUBTS.csv",
    help="Table of the doubted labels, the most doubted first.",
)
@click.option(
    "--report",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="PAGE.html",
    help="Also show them on a page, which then holds pictures of the data set.",
)
@click.option(
    "--weights",
    default="wild",
    show_default=True,
    help="Network whose features are looked at: a packaged name, or the folder of a run.",
)
@click.option(
    "--split",
    type=click.Choice(("all", "train", "validation", "test")),
    default="all",
    show_default=True,
    help="Part of the data to look at.",
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of the folds.")
@click.option("--near/--no-near", default=True, show_default=True, help="Keep near duplicates in one fold.")
def command(
    source: Path,
    labels: str | None,
    subject: str,
    *,
    out: Path,
    report: Path | None,
    weights: str,
    split: str,
    seed: int,
    near: bool,
) -> None:
    """Find labels of SOURCE that are probably wrong.

    A regression on a trained network's features is fitted five times, each time without a fifth of the pictures, about
    which it is then asked. Labels that its answers speak against (confident learning, Northcutt et al. 2021) come into
    the table DOUBTS.csv with an empty column "decision". A person writes keep, drop, relabel or a class there;
    `mien data audit SOURCE --reviewed DOUBTS.csv --fix CLEAN.csv` heeds it. The pictures of SOURCE must be face crops.
    """
    from mien.data.doubts import find_doubts, write_doubts
    from mien.data.formats import refuse_inside

    for path in (out, report):
        if path is not None:
            refuse_inside(path, source)
            _refuse_overwriting(path)
    from mien.learn.doubts import out_of_fold, trunk_of

    trunk = trunk_of(weights)
    manifest = _labelled(read_source(source, labels, subject), split)
    with progress("Looking", len(manifest), "pictures") as advance:
        features = trunk.features(manifest, advance)
    answers = out_of_fold(features, manifest, near_of(manifest) if near else None, seed)
    found = find_doubts(answers, manifest.label)
    write_doubts(out, manifest, found)
    click.echo(f"{out}: {len(found.rows):,} of {counted(len(manifest), 'label')} doubted ({found.share:.1%}).")
    if report is not None:
        _write_page(report, manifest, found)
    if len(found.rows):
        click.echo(
            "Write keep, drop, relabel (takes the suggested label) or a class into the column decision, then: "
            f"mien data audit {source} --reviewed {out} --fix clean.csv"
        )


def _refuse_overwriting(path: Path) -> None:
    """A table may hold decisions already: nothing is written over."""
    if path.exists():
        raise OutputError(f"{path} exists already and may hold decisions; name a new file.")
    if not path.parent.is_dir():
        raise OutputError(f"Cannot write {path}: the folder {path.parent} does not exist.")


def _labelled(manifest: Manifest, split: str) -> Manifest:
    part = manifest if split == "all" else manifest.of_split(split)
    part = part.select(part.label >= 0)
    if not len(part):
        raise DataError(f"{manifest.source} has no pictures with a label, so there is nothing to doubt.")
    return part


def _write_page(path: Path, manifest: Manifest, found: Doubts) -> None:
    from mien.draw.page import write_page
    from mien.evaluate.doubts_page import doubts_page

    write_page(path, doubts_page(manifest, found))
    click.echo(f"To look at: {path}")
