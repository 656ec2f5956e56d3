"""`mien space`: a complete Hugging Face Space as a folder."""

from __future__ import annotations

from pathlib import Path

import click

from mien.app.spaces import KINDS, Kind, write_space
from mien.infer.detectors.table import AUTO
from mien.infer.registry import DEFAULT_MODEL


@click.command()
@click.argument("out", type=click.Path(path_type=Path, file_okay=False))
@click.option("--kind", type=click.Choice(KINDS), default="docker", show_default=True, help="What the Space runs.")
@click.option("--model", default=DEFAULT_MODEL, show_default=True, help="Expression model of the static kind.")
@click.option("--detector", default=AUTO, show_default=True, help="Detector of the static kind.")
def command(out: Path, kind: Kind, model: str, detector: str) -> None:
    """Write a complete Hugging Face Space into the folder OUT.

    docker is the whole service; static is the page alone, which reads faces on the visitor's device; gradio is a thin
    page for those who live in that ecosystem.
    """
    files = write_space(out, kind, model, detector)
    size = sum(file.stat().st_size for file in files)
    click.echo(f"{out} holds {len(files)} files, {size / 1e6:.1f} MB. Push it to a Space of the kind {kind!r}.")
