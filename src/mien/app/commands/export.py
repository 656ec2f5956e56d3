"""`mien export`: a run's network as one model file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mien.core.errors import OptionError

if TYPE_CHECKING:
    from mien.data.manifest import Manifest

__all__ = ["command"]


@click.command()
@click.argument("run")
@click.argument("out", metavar="OUT.onnx|.mlpackage|.tflite")
@click.option("--int8", is_flag=True, help="8-bit weights and activations, calibrated on training crops.")
@click.option("--head", default="", help="Head to write: labels or votes.  [default: the run's first]")
@click.option("--data", default="", metavar="SOURCE", help="The run's data set, where it has moved (for --int8).")
@click.option(
    "--crops", type=click.IntRange(1), default=1024, show_default=True, help="Training crops that set the 8-bit ranges."
)
@click.option(
    "--threshold-on",
    default="",
    metavar="SOURCE",
    help="Choose the confidence below which readings are uncertain on the validation split of this data set.",
)
@click.option("--name", default="", help="Name that the model bears.  [default: the run's]")
@click.option("--license", "licence", default="", help="Licence of the weights, an SPDX name.  [default: the run's]")
@click.option("--json", "as_json", is_flag=True, help="Print one line of JSON.")
def command(
    run: str,
    out: str,
    *,
    int8: bool,
    head: str,
    data: str,
    crops: int,
    threshold_on: str,
    name: str,
    licence: str,
    as_json: bool,
) -> None:
    """Write the network of the finished training run RUN as one model file, or one for telephones.

    .mlpackage is for Core ML (extra mobile), .tflite for TensorFlow Lite (docs/training.md says what it needs).

    The file is compared with torch on random crops before it is written. With --int8 the data set is read again, and
    the accuracy on the validation split is printed before and after. With --threshold-on RUN may also be a model
    file, which is then copied with the new threshold.
    """
    from pathlib import Path

    from mien.app.terminal import progress
    from mien.data import read
    from mien.learn.convert import MOBILE, convert, set_threshold
    from mien.learn.convert import as_json as to_json
    from mien.learn.runfolder import RECORD, read_json
    from mien.learn.saved import ModelCard
    from mien.learn.train import saved_config

    def reading(source: str, labels: str = "", subject: str = "") -> Manifest:
        with progress(f"Reading {source}", None, "pictures") as advance:
            return read(source, labels=labels, subject=subject, advance=advance)

    if Path(run).suffix == ".onnx" and threshold_on:
        _tell_threshold(out, set_threshold(run, out, reading(threshold_on)), quiet=as_json)
        return
    ModelCard.read(Path(run))
    if Path(out).suffix in MOBILE and (int8 or threshold_on):
        raise OptionError(f"--int8 and --threshold-on are for .onnx files; leave them out for {Path(out).suffix}.")
    judged = reading(threshold_on) if threshold_on else None
    manifest = None
    if int8:
        config = saved_config(run)
        manifest = reading(data or str(read_json(Path(run) / RECORD)["data"]["source"]), config.labels, config.subject)
    result = convert(run, out, head=head, manifest=manifest, crops=crops, name=name, licence=licence)
    if judged is not None:
        _tell_threshold(out, set_threshold(out, out, judged), quiet=as_json)
    if as_json:
        click.echo(to_json(result))
        return
    told = "not compared with torch: Core ML runs on macOS only"
    if result.parity is not None:
        told = f"at most {result.parity:.1g} from torch in float32"
    click.echo(f"{result.path}: {result.bytes / 1e6:.2f} MB, {told}")
    if result.before and result.after:
        for precision, figures in (("float32", result.before), ("int8", result.after)):
            click.echo(
                f"{precision:8} validation accuracy {figures['accuracy']:.4f}, macro-F1 {figures['macro_f1']:.4f}, "
                f"log-loss {figures['log_loss']:.4f}, ECE {figures['ece']:.4f}"
            )


def _tell_threshold(out: str, threshold: float, quiet: bool) -> None:
    if not quiet:
        click.echo(f"{out}: readings with a confidence below {threshold:.3f} are uncertain")
