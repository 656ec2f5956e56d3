"""`mien demo`: the main job on a photograph that a Python package brings along."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mien.app.options import analyzer_options, make_analyzer
from mien.app.records import open_writer
from mien.app.terminal import notice
from mien.core.errors import MissingExtraError

if TYPE_CHECKING:
    from mien.infer.options import AnalyzerOptions


@click.command()
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path),
    default=Path("mien-demo.png"),
    show_default=True,
    help="Where to write the annotated picture.",
)
@analyzer_options("min_confidence")
def command(output: Path, analysis: AnalyzerOptions) -> None:
    """Read scikit-image's photograph of the astronaut Eileen Collins (NASA, public domain), and draw what was read."""
    try:
        from skimage.data import astronaut
    except ImportError as error:
        raise MissingExtraError("The demo's photograph", "scikit-image", "demo") from error
    from mien.media.overlay import annotated
    from mien.pictures.write import check_name, write_picture

    check_name(output)
    photograph = astronaut()[..., ::-1]  # RGB -> BGR
    found = make_analyzer(analysis).report(photograph, name="astronaut (scikit-image)")
    writer = open_writer("table", sys.stdout, ())
    writer.write(found)
    writer.close()
    write_picture(output, annotated(photograph, found.faces))
    sys.stdout.flush()
    notice(f"The annotated picture is {output.resolve()}")
