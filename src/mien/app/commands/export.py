"""`mien export`: a run's network as one model file."""

from __future__ import annotations

import click

__all__ = ["command"]


@click.command()
@click.argument("run")
@click.argument("out", metavar="OUT.onnx")
@click.option("--int8", is_flag=True, help="8-bit weights and activations, calibrated on training crops.")
@click.option("--head", default="", help="Head to write: labels or votes.  [default: the run's first]")
@click.option("--data", default="", metavar="SOURCE", help="The run's data set, where it has moved (for --int8).")
@click.option(
    "--crops", type=click.IntRange(1), default=1024, show_default=True, help="Training crops that set the 8-bit ranges."
)
@click.option("--json", "as_json", is_flag=True, help="Print one line of JSON.")
def command(run: str, out: str, int8: bool, head: str, data: str, crops: int, as_json: bool) -> None:
    """Write the network of the finished training run RUN as one model file.

    The file is compared with torch on random crops before it is written. With --int8 the data set is read again, and
    the accuracy on the validation split is printed before and after.
    """
    from pathlib import Path

    from mien.app.terminal import progress
    from mien.data import read
    from mien.learn.convert import as_json as to_json
    from mien.learn.convert import convert
    from mien.learn.runfolder import RECORD, ModelCard, read_json

    ModelCard.read(Path(run))
    manifest = None
    if int8:
        source = data or str(read_json(Path(run) / RECORD)["data"]["source"])
        with progress(f"Reading {source}", None, "pictures") as advance:
            manifest = read(source, advance=advance)
    result = convert(run, out, head=head, manifest=manifest, crops=crops)
    if as_json:
        click.echo(to_json(result))
        return
    click.echo(f"{result.path}: {result.bytes / 1e6:.2f} MB, at most {result.parity:.1g} from torch in float32")
    if result.before and result.after:
        for name, figures in (("float32", result.before), ("int8", result.after)):
            click.echo(
                f"{name:8} validation accuracy {figures['accuracy']:.4f}, macro-F1 {figures['macro_f1']:.4f}, "
                f"log-loss {figures['log_loss']:.4f}, ECE {figures['ece']:.4f}"
            )
