"""`mien models summary`: what a model is made of, as a table and as a figure."""

from __future__ import annotations

import dataclasses
import importlib.util
import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mien.app.terminal import console, notice
from mien.core.errors import OptionError, TrainError
from mien.core.files import atomic_write
from mien.infer import store
from mien.infer.registry import ENTRIES

if TYPE_CHECKING:
    from mien.core.layers import Layer, Summary

__all__ = ["command"]

_WIDE = 200  # columns of a table that goes into a file


@click.command(short_help="Show a model's layers, parameters and multiply-adds.")
@click.argument("model", metavar="NAME|RUN|FILE.onnx")
@click.option("--operators", is_flag=True, help="Operators of the model file, also where the layers can be had.")
@click.option(
    "--figure",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Draw the architecture into this file: .png, .svg or .pdf (extra train).",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(model: str, *, operators: bool, figure: Path | None, as_json: bool) -> None:
    """Show what a model is made of: layers, output shapes, parameters, multiply-adds.

    A training run, and a packaged model that one can train from, are shown by the layers of their network (torchinfo,
    extra train). Every other model, any .onnx file of pictures, and all of them with --operators or without torch, by
    the operators of the file. There batch norms are folded into the convolutions.

    Shapes and multiply-adds are those of one picture; of convolutions and matrix products, biases left out. A
    detector's network for second looks follows its own, for one face.
    """
    kind = _kind(figure)
    found = _summary(model, operators)
    if figure is not None:
        from mien.draw.architecture import architecture

        data = architecture(found, kind)
        with atomic_write(figure) as file:
            file.write(data)
    if as_json:
        totals = {"parameters": found.parameters, "macs": found.macs}
        click.echo(json.dumps(dataclasses.asdict(found) | totals, ensure_ascii=False))
        return
    _print(found)
    if figure is not None:
        notice(f"Drawn: {figure}")


def _kind(figure: Path | None) -> str:
    from mien.draw.architecture import KINDS

    kind = "" if figure is None else figure.suffix.lower().lstrip(".")
    if figure is not None and kind not in KINDS:
        raise OptionError(f"A figure ends in {', '.join(f'.{known}' for known in KINDS)}, got {figure}.")
    return kind


def _summary(model: str, operators: bool) -> Summary:
    from mien.infer.graph import summarize_file

    if not operators and importlib.util.find_spec("torch") and importlib.util.find_spec("torchinfo"):
        from mien.learn.layers import has_layers, summarize_layers

        if has_layers(model):
            return summarize_layers(model)
    elif Path(model).is_dir() and not operators:
        notice("These are the operators of the run's file; its layers need torch and torchinfo: the extra train.")
    known = ENTRIES.get(model)
    if known is not None and known.kind != "expression":
        return summarize_file(store.find(model), model)
    if Path(model).is_dir() and not (Path(model) / "model.onnx").is_file():
        raise TrainError(f"{model} is not a finished run; finish it with mien train --finish {model}.")
    return summarize_file(store.resolve_model(model), model if known else "")


def _print(found: Summary) -> None:
    _print_network(found)
    out = console()
    if found.inside is not None:
        out.print()
        _print_network(found.inside)
    out.print(f"file           {found.file_bytes:>15,} bytes, {found.file}", soft_wrap=True)


def _print_network(found: Summary) -> None:
    from rich.table import Table

    heads = ("layer", "kind") if found.source == "layers" else ("operator", "name")
    rows = [
        (*_names(layer, found.source), _sizes(layer.shape), _count(layer.parameters), _count(layer.macs))
        for layer in found.layers
    ]
    table = Table(box=None, pad_edge=False, header_style="bold")
    for at, head in enumerate((*heads, "output", "parameters", "multiply-adds")):
        whole = max([len(head), *(len(row[at]) for row in rows)])
        table.add_column(  # names become shorter on a narrow terminal, figures never
            head, justify="right" if at > 1 else "left", no_wrap=True, min_width=whole if at != 1 else len(head)
        )
    for row in rows:
        table.add_row(*row)
    out = console()
    out.print(table, width=None if out.is_terminal else _WIDE, crop=False)
    out.print()
    gives = f", {len(found.labels)} outputs" if found.labels else ""
    out.print(f"[bold]{found.name}[/bold]  input {_sizes(found.input)}{gives}", soft_wrap=True)
    out.print(f"parameters     {found.parameters:>15,}")
    out.print(f"multiply-adds  {found.macs:>15,}")


def _names(layer: Layer, source: str) -> tuple[str, str]:
    if source == "operators":
        return layer.kind, layer.name
    return "  " * layer.depth + layer.name.rpartition(".")[2], layer.kind


def _sizes(sizes: tuple[int, ...]) -> str:
    return " × ".join(map(str, sizes)) or "–"


def _count(number: int) -> str:
    return f"{number:,}" if number else ""
