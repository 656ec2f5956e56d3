"""`mien page`: the files that the page needs to read faces on the visitor's own device."""

from __future__ import annotations

from pathlib import Path

import click


@click.group()
def command() -> None:
    """Prepare the page for work on the visitor's device."""


@command.command()
@click.option("--from", "source", type=click.Path(path_type=Path), metavar="FILE", help="The package as a .tgz file.")
@click.option("--registry", metavar="URL", help="npm registry to fetch from; without it npm and its configuration.")
@click.option("--webgpu", is_flag=True, help="Also the three files for graphics cards (27 MB more).")
def pull(source: Path | None, registry: str | None, webgpu: bool) -> None:
    """Fetch the three files of onnxruntime-web that run the models in a browser (14 MB, verified)."""
    from mien.app.server.runtime import here
    from mien.app.server.runtime import pull as fetch

    folder = fetch(source, registry, webgpu)
    click.echo(f"{', '.join(here())} are in {folder}.")


@command.command()
def status() -> None:
    """Say whether the page can work on the visitor's device."""
    from mien.app.server.runtime import here, missing, runtime_folder

    reason = missing()
    click.echo(reason or f"{', '.join(here())} are in {runtime_folder()}.")
    raise SystemExit(reason is not None)
