"""`mien space`: a complete Hugging Face Space as a folder, and onto the hub."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import click

from mien.app.spaces import KINDS, OWN_FILES, Kind, write_space
from mien.core.errors import OptionError
from mien.infer.detectors.table import AUTO
from mien.infer.hub import hub_name
from mien.infer.registry import PAGE_MODEL


@click.command()
@click.argument("out", type=click.Path(path_type=Path, file_okay=False), required=False)
@click.option("--kind", type=click.Choice(KINDS), default="docker", show_default=True, help="What the Space runs.")
@click.option(
    "--model",
    default=PAGE_MODEL,
    show_default=True,
    help="Expression model: a packaged name, an .onnx file, the folder of a run, or hub:USER/NAME.",
)
@click.option("--detector", default=AUTO, show_default=True, help="Face detector: a name or a file.")
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    metavar="SOURCE",
    help="Show this data set in a tab Data: counts, sizes, mean faces, none of its pictures (docker and static).",
)
@click.option("--push", metavar="USER/NAME", help="Put the Space onto the Hugging Face hub (extra hub).")
@click.option("--public", is_flag=True, help="With --push: a new Space is for everybody to see, not private.")
def command(
    out: Path | None, kind: Kind, model: str, detector: str, data: Path | None, push: str | None, public: bool
) -> None:
    """Write a complete Hugging Face Space into the folder OUT.

    docker is the whole service; static is the page alone, which reads faces on the visitor's device; gradio is a thin
    page for those who live in that ecosystem. --push puts it onto the hub, with the token of `hf auth login` or of
    HF_TOKEN; OUT may then be left out.
    """
    if out is None and push is None:
        raise OptionError("Name the folder OUT of the Space, or a Space of the hub with --push USER/NAME.")
    if public and push is None:
        raise OptionError("--public says who may see a Space that is pushed; it needs --push USER/NAME.")
    if data is not None and kind == "gradio":
        raise OptionError("A Space of the kind gradio has no tab for a data set; take --kind docker or static.")
    if push is not None:
        hub_name(push)  # refused before anything is written
    told = None if data is None else _tell(data)
    if out is not None:
        _write(out, kind, model, detector, told, push, public)
        return
    with tempfile.TemporaryDirectory(prefix="mien-space-") as folder:
        _write(Path(folder), kind, model, detector, told, push, public)


def _tell(data: Path) -> dict[str, Any]:
    """What the Space tells of a data set."""
    from mien.app.server.dataset import open_dataset
    from mien.app.terminal import progress

    with progress(f"Reading {data}", None, "pictures") as advance:
        return open_dataset(data, False, advance).facts


def _write(
    out: Path, kind: Kind, model: str, detector: str, data: dict[str, Any] | None, push: str | None, public: bool
) -> None:
    files = write_space(out, kind, model, detector, data)
    size = sum(file.stat().st_size for file in files)
    told = f"{len(files)} files, {size / 1e6:.1f} MB"
    if push is None:
        click.echo(f"{out} holds {told}. Push it to a Space of the kind {kind!r} (docs/spaces.md).")
        return
    from mien.app.hub.client import upload
    from mien.app.terminal import notice

    notice(f"Putting {told} onto the hub.")
    address = upload(out, hub_name(push), "space", private=not public, sdk=kind, replace=OWN_FILES)
    click.echo(f"The Space is at {address}; the hub builds it now.")
