"""`mien data crop`: a data set of photographs becomes one of face crops."""

from __future__ import annotations

from pathlib import Path

import click

from mien.app.datasets import read_source, source_options
from mien.app.options import detector_names
from mien.app.terminal import notice, progress
from mien.core.text import counted

__all__ = ["command"]

_NAMED = 3


@click.command(short_help="Cut the faces out of photographs.")
@source_options
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--detector", default="auto", show_default=True, help=detector_names())
@click.option("--size", type=click.IntRange(16, 1024), default=96, show_default=True, help="Side of the crops, pixels.")
def command(source: Path, labels: str | None, subject: str, out: Path, detector: str, size: int) -> None:
    """Cut the largest face out of each photograph of SOURCE and write the crops as the folder OUT.

    Training and judging take pictures whole, so a data set of photographs has to become one of faces first. They are
    framed and turned upright just as `mien analyze` cuts faces out for a model. Classes, splits and names stay.
    """
    from mien.data.convert import check_target, convert
    from mien.data.cut import cut_faces
    from mien.data.formats import refuse_inside
    from mien.infer.detect import open_detector

    check_target(out)
    refuse_inside(out, source)
    finder = open_detector(detector)
    manifest = read_source(source, labels, subject)
    with progress("Cutting", len(manifest), "pictures") as advance:
        cut = cut_faces(manifest, finder, size=size, advance=advance)
    convert(cut.manifest, out, "folders")
    click.echo(f"{out}: {counted(len(cut.manifest), 'face')} of {counted(len(manifest), 'picture')}.")
    _name("without a face, left out", cut.without)
    _name("with several faces, of which the largest was taken", cut.several)


def _name(what: str, names: tuple[str, ...]) -> None:
    if names:
        more = ", ..." if len(names) > _NAMED else ""
        notice(f"{counted(len(names), 'picture')} {what}: {', '.join(names[:_NAMED])}{more}")
