"""`mien bench serve`: pictures and live frames per second of a web service on this machine."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from mien.app.bench.results import Column, Result, read_stored, result_options, tell
from mien.core.errors import MienError, MissingExtraError

_FIGURE = "median_ms"
_COLUMNS: Sequence[Column] = (
    ("what, clients", lambda row: row["name"]),
    ("answers", lambda row: str(row["repeats"])),
    ("failed", lambda row: str(row["failed"])),
    ("per second", lambda row: f"{row['per_s']:.1f}"),
    ("median ms", lambda row: f"{row['median_ms']:.1f}"),
    ("p95 ms", lambda row: f"{row['p95_ms']:.1f}"),
)


@click.command()
@click.option("--clients", type=click.IntRange(1, 50), multiple=True, default=(1, 4), show_default=True)
@click.option("--requests", type=click.IntRange(1, 100_000), default=200, show_default=True, help="At most, per row.")
@click.option("--seconds", type=click.FloatRange(0.1, 600), default=20.0, show_default=True, help="At most, per row.")
@click.option("--workers", type=click.IntRange(1, 64), default=1, show_default=True, help="As for mien serve.")
@click.option("--size", default="640x480", show_default=True, help="Size of the picture that is sent, with one face.")
@click.option("--model", default="fer2013", show_default=True, help="As for mien serve.")
@click.option("--detector", default="auto", show_default=True, help="As for mien serve.")
@result_options
def command(
    clients: tuple[int, ...],
    requests: int,
    seconds: float,
    workers: int,
    size: str,
    model: str,
    detector: str,
    out: Path | None,
    against: Path | None,
) -> None:
    """Start a service of its own on this machine and keep it busy: pictures by REST, and live frames.

    Only this machine can reach the service, on a free port; it ends with the command. The clients run on the same
    processors.
    """
    from mien.app.bench.pictures import crowd, heads, jpeg, parse_size
    from mien.app.bench.service import live_frames, pictures, running
    from mien.infer.detect import open_detector

    _check_extra()
    stored = read_stored(against, "serve", _FIGURE)
    picture = jpeg(crowd(heads(open_detector(detector)), parse_size(size), 1))
    options = ["--model", model, "--detector", detector, "--workers", str(workers)]
    for limit in ("requests_per_minute=1000000", "frames_per_s=100000", f"clients={max(clients) + 8}"):
        options += ["--limit", limit]
    rows: list[dict[str, Any]] = []
    with running(options) as port:
        pictures(port, picture, max(clients), 4 * max(clients), seconds)  # warm-up
        for what, drive in (("pictures", pictures), ("live frames", live_frames)):
            rows += [_row(f"{what}, {n}", drive(port, picture, n, requests, seconds)) for n in clients]
    settings = {"requests": requests, "seconds": seconds, "workers": workers, "size": size, "detector": detector}
    title = f"Web service on loopback, {workers} worker(s), {size}, one face"
    tell(Result("serve", _FIGURE, {**settings, "model": model}, rows), title, _COLUMNS, out, stored)


def _check_extra() -> None:
    try:
        import fastapi  # noqa: F401
        import uvicorn  # noqa: F401
        import websockets  # noqa: F401
    except ImportError as error:
        raise MissingExtraError("`mien bench serve`", error.name or "fastapi", "app") from error


def _row(name: str, answers: Any) -> dict[str, Any]:
    from mien.app.bench.timing import timing_of

    if not answers.times_s:
        raise MienError(f"The service answered none of the requests of {name!r}; run mien serve to see why.")
    figures = timing_of(answers.times_s).to_dict()
    del figures["cpu_ms"]  # the service is another process
    return {"name": name, **figures, "failed": answers.failed, "per_s": len(answers.times_s) / answers.seconds}
