"""The engine of many machines: the same work in actors of Ray Data.

`RAY_ADDRESS` names a cluster; without it Ray starts on this machine. Every machine must be able to open the source, the
result folder and the model under the same path or address. Parts are made by `mien.batch.core`, as in every engine.
"""

from __future__ import annotations

import importlib
import itertools
import logging
import os
import socket
import subprocess
import sys
from collections.abc import Generator, Iterator
from dataclasses import asdict
from typing import Any

from mien.batch.local import default_workers
from mien.batch.parts import Done
from mien.batch.places import open_folder
from mien.batch.plan import Chunk, from_line, to_line
from mien.batch.settings import Settings
from mien.core.errors import MienError, MissingExtraError, OutputError
from mien.core.telemetry import switch_off

__all__ = ["run_ray"]

_CPUS = 0.5
"""Processors that Ray counts for an actor. With its default of 1 the actors of a small machine take all of them, and
the tasks that feed them wait forever."""
_ANSWER_S = 5.0
_HEALTH_S = 12.0  # most of it is importing Ray
_WINDOW = 2048  # chunks that are handed to Ray at once, so that the plan of a large job is never held whole


def run_ray(
    chunks: Iterator[Chunk], settings: Settings, folder: str, job: str, workers: int | None, count: int
) -> Generator[Done, None, None]:
    """Make the parts of chunks, in any order, on a Ray cluster.

    Args:
        chunks: what to do.
        settings: how.
        folder: the result folder, a path that all machines share or an address.
        job: the job's identity.
        workers: number of actors; None for one per processor of the cluster.
        count: number of chunks.

    Raises:
        MissingExtraError: Ray is not installed.
        MienError: an actor met an error that ends the job.

    """
    ray, data = _import()
    started = not ray.is_initialized()
    if started:
        _start(ray, workers)
    actors = min(workers or max(int(ray.cluster_resources().get("CPU", 1)), 1), count)
    try:
        while window := list(itertools.islice(chunks, _WINDOW)):
            yield from _window(ray, data, window, (settings, folder, job), actors)
    finally:
        if started:
            ray.shutdown()


def _import() -> tuple[Any, Any]:
    switch_off("ray")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    try:
        return importlib.import_module("ray"), importlib.import_module("ray.data")
    except ImportError as error:
        raise MissingExtraError("The engine ray", "ray", "scale") from error


def _start(ray: Any, workers: int | None) -> None:
    address = os.environ.get("RAY_ADDRESS")
    _check_answers(address)
    here = {} if address else {"num_cpus": max(workers or default_workers(), 2), "include_dashboard": False}
    try:
        ray.init(address=address, log_to_driver=False, logging_level="ERROR", **here)
    except Exception as error:  # a node that starts too slowly is told by a bare Exception
        where = f"at {address} (RAY_ADDRESS)" if address else "on this machine"
        why = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
        raise OutputError(f"Ray cannot be reached or started {where}: {why}.") from error


def _check_answers(address: str | None) -> None:
    """Whether a cluster answers at a host and port: Ray itself asks for minutes.

    Raises:
        OutputError: nobody listens there, or something that is no cluster.

    """
    host, _, port = (address or "").removeprefix("ray://").rpartition(":")
    if address is None or not host or not port.isdigit():
        return
    try:
        socket.create_connection((host, int(port)), timeout=_ANSWER_S).close()
    except OSError as error:
        raise OutputError(f"No Ray cluster answers at {address} (RAY_ADDRESS): {error}.") from error
    if not address.startswith("ray://") and not _is_healthy(address):
        raise OutputError(
            f"Something answers at {address} (RAY_ADDRESS), but it is no Ray cluster; check the host and the port "
            "that `ray start --head` printed."
        )


def _is_healthy(address: str) -> bool:
    """Whether Ray's own check finds a cluster at a host and port."""
    check = [sys.executable, "-m", "ray.scripts.scripts", "health-check", "--address", address]
    try:
        return subprocess.run(check, capture_output=True, timeout=_HEALTH_S, check=False).returncode == 0
    except subprocess.TimeoutExpired:
        return False


def _window(ray: Any, data: Any, window: list[Chunk], start: tuple[Settings, str, str], workers: int) -> Iterator[Done]:
    context = data.DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    for name in ("ray", "ray.data"):  # their reports on each window would stand between ours
        logging.getLogger(name).setLevel(logging.ERROR)
    lines = data.from_items([{"chunk": to_line(chunk)} for chunk in window], override_num_blocks=len(window))
    size = min(workers, len(window))
    parts = lines.map_batches(
        _Actor,
        fn_constructor_args=start,
        batch_size=1,
        num_cpus=_CPUS,
        compute=data.ActorPoolStrategy(size=size),
    )
    try:
        for row in parts.iter_rows():
            yield Done(**{name: int(value) for name, value in row.items()})
    except ray.exceptions.RayError as error:
        raise _cause(error) from error


def _cause(error: Any) -> MienError:
    """The error of this project inside one of Ray's, or one that tells Ray's own."""
    seen: BaseException | None = error
    while seen is not None:
        inner = getattr(seen, "cause", None) or seen.__cause__
        if isinstance(seen, MienError):
            return OutputError(str(inner if isinstance(inner, MienError) else seen).strip().splitlines()[-1])
        seen = inner
    return OutputError(f"Ray gave up: {str(error).strip().splitlines()[-1][:300]}")


class _Actor:
    """A worker inside Ray: a batch of one line in, the counts of its part out."""

    def __init__(self, settings: Settings, folder: str, job: str) -> None:
        from mien.batch.core import Worker

        self._worker = Worker(settings, open_folder(folder), job)

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[int]]:
        done = [self._worker.run(from_line(str(line))) for line in batch["chunk"]]
        return {name: [asdict(one)[name] for one in done] for name in asdict(done[0])}
