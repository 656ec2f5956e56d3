"""`mien bench`: measures speed on this machine. Each subcommand is a module `bench_<name>` with a click `command`.

A benchmark prints a table for people and ends with one line of JSON.
"""

from __future__ import annotations

import importlib
from typing import cast

import click

from mien.core.errors import unknown_name

# Name of the benchmark: one line for --help.
_BENCHMARKS: dict[str, str] = {
    "classify": "Face crops: milliseconds by model file, batch and threads.",
    "analyze": "A picture file: milliseconds from its bytes to the readings, stage by stage.",
    "video": "Faces over time: frames per second and what skipping detections costs.",
}


class _LazyGroup(click.Group):
    """A group that imports a benchmark when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_BENCHMARKS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _BENCHMARKS:
            return None
        return cast(click.Command, importlib.import_module(f"mien.app.commands.bench_{cmd_name}").command)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in _BENCHMARKS and not args[0].startswith("-"):
            raise click.UsageError(unknown_name("benchmark", args[0], _BENCHMARKS), ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Benchmarks"):
            formatter.write_dl(list(_BENCHMARKS.items()))


@click.group(cls=_LazyGroup)
def command() -> None:
    """Measure speed on this machine; each benchmark ends with one line of JSON."""
