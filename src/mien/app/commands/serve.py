"""`mien serve`: the live page and the web service."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from mien.app.options import analyzer_options
from mien.app.server.config import config_option
from mien.app.server.settings import LIMITS
from mien.core.errors import MissingExtraError, OptionError, OutputError
from mien.infer.registry import PAGE_MODEL

if TYPE_CHECKING:
    from mien.app.server.settings import Settings
    from mien.infer.options import AnalyzerOptions

_ARGUMENTS = "mien.serve.arguments"
_ONLY_READ = "mien.serve.only_read"


class _Serve(click.Command):
    """Remembers its arguments, to be read again on SIGHUP."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click does it."""
        ctx.meta[_ARGUMENTS] = list(args)
        return super().parse_args(ctx, args)


@click.command(cls=_Serve)
@config_option
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="Port; 0 takes a free one."
)
@click.option("--open", "open_page", is_flag=True, help="Open the page in a browser.")
@click.option("--token-file", type=click.Path(path_type=Path, dir_okay=False), help="Token that requests must carry.")
@click.option("--public", is_flag=True, help="Serve other machines without a token.")
@click.option(
    "--workers",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Pictures read at the same time; from 2 on in processes of their own.",
)
@click.option("--allow-host", "hosts", multiple=True, metavar="NAME", help="Host name that the service answers to.")
@click.option("--cors-origin", "origins", multiple=True, metavar="ORIGIN", help="Other site that may call the service.")
@click.option(
    "--frame-ancestor", "frame_ancestors", multiple=True, metavar="ORIGIN", help="Site that may frame the page."
)
@click.option("--root-path", default="", metavar="PATH", help="Path under which a proxy offers the service.")
@click.option(
    "--proxy",
    "proxies",
    multiple=True,
    default=["127.0.0.1"],
    metavar="IP",
    show_default=True,
    help="Address or network of a proxy to believe; * for any.",
)
@click.option(
    "--limit",
    "limits",
    multiple=True,
    metavar="NAME=NUMBER",
    help=f"Change a limit, as docs/serving.md explains: {', '.join(LIMITS)}.",
)
@click.option("--access-log", is_flag=True, help="Log every request: address, route, status, time.")
@click.option("--log", "log_form", type=click.Choice(["text", "json"]), help="Form of logs; json: every request.")
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    metavar="SOURCE",
    help="Show this data set in a tab Data: counts, sizes, mean faces; or what mien data summary --json wrote of one.",
)
@click.option("--data-samples", is_flag=True, help="In that tab, show pictures of the data set to those who ask.")
@click.option("--otel", is_flag=True, help="Send traces of requests by OpenTelemetry (extra otel).")
@analyzer_options(
    "model", "detector", "detect_side", "min_face", "min_confidence", "threads", "device", model=PAGE_MODEL
)
def command(
    host: str,
    port: int,
    open_page: bool,
    token_file: Path | None,
    public: bool,
    workers: int,
    hosts: tuple[str, ...],
    origins: tuple[str, ...],
    frame_ancestors: tuple[str, ...],
    root_path: str,
    proxies: tuple[str, ...],
    limits: tuple[str, ...],
    access_log: bool,
    log_form: Literal["text", "json"] | None,
    otel: bool,
    data: Path | None,
    data_samples: bool,
    analysis: AnalyzerOptions,
) -> Settings:
    """Serve the live page and the web service.

    By default only this machine can reach it. For others give --host 0.0.0.0 with a token in the environment variable
    MIEN_TOKEN (or in --token-file), or --public; cameras then work over HTTPS only.
    """
    from mien.app.server.settings import Settings

    settings = Settings(
        host=host,
        port=port,
        token=_token(token_file),
        public=public,
        hosts=hosts,
        origins=origins,
        frame_ancestors=frame_ancestors,
        root_path=root_path.rstrip("/"),
        proxies=proxies,
        workers=workers,
        otel=otel,
        data=data,
        data_samples=data_samples,
        analyzer=analysis,
        limits=parse_limits(limits),
    )
    context = click.get_current_context()
    if context.meta.get(_ONLY_READ):
        return settings
    try:
        import fastapi  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError as error:
        raise MissingExtraError("`mien serve`", error.name or "fastapi", "app") from error
    from mien.app.server.watch.logs import set_up

    _check_models(settings)
    _check_data(settings)
    set_up(log_form or "text", access_log or log_form == "json")
    run(settings, open_page, _again(context.meta[_ARGUMENTS]))
    return settings


def _again(arguments: list[str]) -> Callable[[], Settings]:
    """Reads the command line anew, with the files that it names."""

    def read() -> Settings:
        try:
            with command.make_context("serve", list(arguments)) as context:
                context.meta[_ONLY_READ] = True
                settings: Settings = command.invoke(context)
                return settings
        except click.ClickException as error:
            raise OptionError(error.format_message()) from error

    return read


def parse_limits(texts: tuple[str, ...]) -> Any:
    """Limits from texts such as "faces=10".

    Raises:
        OptionError: an unknown name, or no number.

    """
    from dataclasses import fields

    from mien.app.server.settings import Limits
    from mien.core.errors import unknown_name

    numbers: dict[bool, Callable[[str], float]] = {True: int, False: float}
    known = {f.name: numbers[isinstance(f.default, int)] for f in fields(Limits)}
    values: dict[str, Any] = {}
    for text in texts:
        name, _, number = text.partition("=")
        if name not in known:
            raise OptionError(unknown_name("limit", name, known))
        try:
            values[name] = known[name](number)
        except ValueError:
            raise OptionError(f"--limit {name} expects a number, got {number!r}.") from None
    return Limits(**values)


def _token(file: Path | None) -> str | None:
    if file is None:
        return os.environ.get("MIEN_TOKEN") or None
    try:
        token = file.read_text("utf-8").strip()
    except OSError as error:
        raise OptionError(f"Cannot read the token file {file}: {error.strerror or error}.") from error
    except UnicodeDecodeError as error:
        raise OptionError(f"The token file {file} is no text; write the token alone into it.") from error
    if not token:
        raise OptionError(f"The token file {file} is empty.")
    return token


def _check_models(settings: Settings) -> None:
    """Say in one sentence what is wrong with the models, before anything is started."""
    from mien.infer.analyzer import Analyzer

    Analyzer.of(settings.reading)


def _check_data(settings: Settings) -> None:
    """Read the data set of the Data tab, with progress; the service finds it read."""
    if settings.data is None:
        return
    from mien.app.server.dataset import open_dataset
    from mien.app.terminal import progress

    with progress(f"Reading {settings.data}", None, "pictures") as advance:
        open_dataset(settings.data, settings.data_samples, advance)


def run(settings: Settings, open_page: bool, read_again: Callable[[], Settings]) -> None:
    """Serve until a signal ends it.

    Args:
        settings: what was asked for.
        open_page: open the page in a browser.
        read_again: gives the settings anew, on SIGHUP.

    Raises:
        OutputError: the address cannot be listened on.

    """
    import uvicorn

    from mien.app.server.http import config_of
    from mien.app.server.reload import Reloading

    application = Reloading(settings, read_again)
    listener = _listen(settings.host, settings.port)
    config = config_of(application, application.service)
    _announce(settings, listener.getsockname()[1], open_page)
    with contextlib.suppress(KeyboardInterrupt):  # uvicorn raises Ctrl+C again after it has ended in good order
        uvicorn.Server(config).run(sockets=[listener])


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family)
    except OSError as error:
        reason = (error.strerror or str(error)).partition(" (while")[0]  # the address is named already
        raise OutputError(f"Cannot listen on {host}, port {port}: {reason}. Choose another with --port.") from error


def _announce(settings: Settings, port: int, open_page: bool) -> None:
    from mien.app.server import runtime
    from mien.app.server.settings import is_loopback
    from mien.app.terminal import notice

    shown = "localhost" if is_loopback(settings.host) or settings.host in ("0.0.0.0", "::") else settings.host
    address = f"http://{shown}:{port}{settings.root_path}/"
    notice(f"The page is at {address} and the service at {address}docs; Ctrl+C ends both.")
    if not is_loopback(settings.host):
        notice("On other machines cameras work over HTTPS only: put a proxy with a certificate before this service.")
    if runtime.missing() is not None:
        notice("Frames are read by this server. For reading on the visitor's own device run `mien page pull` once.")
    if open_page:
        import threading
        import webbrowser

        threading.Timer(1.0, webbrowser.open, [address]).start()
