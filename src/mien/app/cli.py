"""The `mien` command: names the commands; `mien.app.ending` turns errors and signals into an exit status.

Loads a command's module only when that command runs, so `mien --help` imports nothing heavy.
"""

from __future__ import annotations

import importlib
from typing import cast

import click

from mien.app.ending import run_command
from mien.core.errors import unknown_name

__all__ = ["cli", "main"]

# Name of the command: (module, one line for --help). The module holds a click command called `command`.
_COMMANDS: dict[str, tuple[str, str]] = {
    "analyze": ("mien.app.commands.analyze", "Read the expressions in photographs."),
    "detect": ("mien.app.commands.detect", "Find the faces in photographs."),
    "demo": ("mien.app.commands.demo", "Read a photograph that comes with scikit-image."),
    "video": ("mien.app.commands.video", "Turn a video into a time line of expressions."),
    "study": ("mien.app.commands.study", "Turn the videos of a study into one table, with codebook and report."),
    "batch": ("mien.app.commands.batch", "Read any number of pictures and videos, as Parquet."),
    "webcam": ("mien.app.commands.webcam", "Read expressions live from a camera."),
    "serve": ("mien.app.commands.serve", "Serve the live page and the web service."),
    "page": ("mien.app.commands.page", "Prepare the page for work on the visitor's device."),
    "space": ("mien.app.commands.space", "Write a complete Hugging Face Space."),
    "models": ("mien.app.commands.models", "List, fetch and verify model files."),
    "data": ("mien.app.commands.data", "Convert, audit and look at data sets."),
    "train": ("mien.app.commands.train", "Train a model."),
    "train-detector": ("mien.app.commands.train_detector", "Train a face detector."),
    "evaluate": ("mien.app.commands.evaluate", "Judge a model on a data set."),
    "evaluate-detector": ("mien.app.commands.evaluate_detector", "Judge face detectors side by side."),
    "compare": ("mien.app.commands.compare", "Rank training runs."),
    "explain": ("mien.app.commands.explain", "Show which parts of a face a model looks at."),
    "export": ("mien.app.commands.export", "Write a run's model as one ONNX file."),
    "bench": ("mien.app.commands.bench", "Measure speed on this machine."),
    "info": ("mien.app.commands.info", "Show versions, model, detector and threads."),
}


class _LazyGroup(click.Group):
    """A group that imports a command when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module = importlib.import_module(_COMMANDS[cmd_name][0])
        return cast(click.Command, module.command)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in _COMMANDS and not args[0].startswith("-"):
            raise click.UsageError(unknown_name("command", args[0], _COMMANDS), ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in _COMMANDS.items()])


def _print_version(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    if not value or ctx.resilient_parsing:
        return
    import mien

    click.echo(f"mien {mien.__version__}")
    ctx.exit()


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Show the version.",
)
def cli() -> None:
    """Read facial expressions in photographs, video and live pictures; train and judge the models that do it.

    An expression is not an emotion: a smile says how a face looks, not how a person feels.
    """


def main() -> None:
    """Entry point of the `mien` command."""
    run_command(lambda: cli(prog_name="mien", standalone_mode=False))
