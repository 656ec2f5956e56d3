"""`mien models`: the model files that the project knows, and the store of fetched ones."""

from __future__ import annotations

from pathlib import Path

import click

from mien.app.commands.models_summary import command as summary_command
from mien.app.terminal import console, notice, progress
from mien.core.errors import OptionError
from mien.infer import store
from mien.infer.hub import hub_name, is_hub_name, pulled
from mien.infer.registry import Entry, entries


@click.group()
def command() -> None:
    """List, look into, fetch, verify and share model files.

    Nothing is fetched unless `pull` asks for it, and nothing is sent unless `push` does. Fetched files live in the
    model store: the folder that MIEN_CACHE names, else the user's cache folder.
    """


@command.command("list")
def list_models() -> None:
    """Show the known model files and whether they are on this machine."""
    out = console()
    width = max(len(known.name) for known in entries())
    for known in entries():
        out.print(f"[bold]{known.name:<{width}}[/bold]  {known.kind:<10}  {_state(known)}", soft_wrap=True)
        out.print(f"{'':<{width}}  {known.summary} ({known.license}; {known.source})", soft_wrap=True, style="dim")
    for name, path in pulled(store.cache_folder()):
        out.print(f"[bold]{name}[/bold]  {'expression':<10}  pulled from the hub: {path}", soft_wrap=True)


def _state(known: Entry) -> str:
    stored = store.is_stored(known.name)
    if known.url is None:
        return "comes with mien" if stored else "[red]missing: install mien again[/red]"
    if not stored:
        return f"not here; `mien models pull {known.name}` fetches {known.bytes or 0:,} bytes"
    return "[red]damaged; delete it and pull it again[/red]" if store.problem(known.name) else "here, verified"


@command.command()
@click.argument("name")
@click.option(
    "--from",
    "source",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Take the file from here instead of the network.",
)
def pull(name: str, source: Path | None) -> None:
    """Fetch the model file NAME into the store, verify it, and say where it is.

    NAME is a name of `mien models list`, or hub:USER/NAME (hub:USER/NAME@REVISION) for a model of the Hugging Face hub
    (extra hub).
    """
    if is_hub_name(name):
        _pull_from_hub(name, source)
        return
    known = store.entry(name)
    if source is not None:
        path = store.import_file(name, source)
    else:
        with progress(f"Fetching {name}", known.bytes, "bytes") as advance:
            path = store.fetch(name, advance)
    click.echo(str(path))
    notice("It came with mien." if known.url is None else f"Verified: SHA-256 {known.sha256}.")


def _pull_from_hub(name: str, source: Path | None) -> None:
    from mien.app.hub.models import pull_model

    if source is not None:
        raise OptionError("--from brings a file that mien knows by its SHA-256; name a file of your own by its path.")
    repo = hub_name(name)
    notice(f"Fetching {repo} from the hub.")
    click.echo(str(pull_model(repo)))
    notice(f"Use it as --model {hub_name(name)}; it was opened and tried. What it learnt from is its maker's word.")


@command.command()
@click.argument("name", metavar="hub:USER/NAME")
@click.argument("model", metavar="RUN|ONNX")
@click.option(
    "--evaluation",
    "evaluations",
    type=click.Path(path_type=Path, dir_okay=False),
    multiple=True,
    metavar="FILE",
    help="evaluation.json of `mien evaluate --report`, for the card; may be repeated.",
)
@click.option("--public", is_flag=True, help="A new repository is for everybody to see, not private.")
def push(name: str, model: str, evaluations: tuple[Path, ...], public: bool) -> None:
    """Put a model with its card onto the Hugging Face hub (extra hub).

    The repository gets model.onnx, its evaluation, a model card, and of a run the weights; no data, no pictures, no
    checkpoints. The token is the one of `hf auth login` or HF_TOKEN.
    """
    from mien.app.hub.models import push_model

    repo = hub_name(name)
    notice(f"Putting {repo} onto the hub.")
    click.echo(f"{repo} is at {push_model(repo, model, evaluations=evaluations, private=not public)}.")


@command.command()
@click.argument("names", nargs=-1)
def verify(names: tuple[str, ...]) -> None:
    """Compare stored files with their known SHA-256 (all stored files when none is named)."""
    chosen = names or tuple(known.name for known in entries() if store.is_stored(known.name))
    for name in chosen:
        digest = store.verify(name)
        click.echo(f"{name}: {'right' if store.entry(name).sha256 else 'comes with mien'}, SHA-256 {digest}")


@command.command()
@click.argument("name", required=False)
def path(name: str | None) -> None:
    """Print the path of the model file NAME, or of the store's folder."""
    click.echo(str(store.cache_folder() if name is None else store.entry_path(store.entry(name))))


command.add_command(summary_command, "summary")
