"""The engine ray: the same bytes as the engine local, and one sentence where something is wrong."""

from __future__ import annotations

import importlib.util
import socket
from pathlib import Path

import pytest
from batch_worlds import job, png, start, whole, write_folder, write_tar

from mien.core.errors import OutputError

needs_ray = pytest.mark.skipif(
    importlib.util.find_spec("ray") is None, reason='Ray is not installed (pip install "mien[scale]")'
)


@needs_ray
def test_same_bytes(tmp_path: Path, tiny_model: Path) -> None:
    """Ray must leave the very bytes of the local engine, through addresses too, and end on a machine of two
    processors.
    """
    folder = write_folder(tmp_path / "p", {f"{i:02d}.png": png(i * 8) if i != 7 else b"damaged" for i in range(30)})
    write_tar(folder / "x.tar.gz", {f"{i:02d}.png": png(i * 8) for i in range(20)}, "w:gz")
    job(folder, tmp_path / "local", tiny_model)
    out = tmp_path / "ray"
    arguments = ("--model", tiny_model, "--detector", "none", "--chunk", 4, "--engine", "ray", "--workers", 2)
    running = start(folder, out.as_uri(), *arguments)
    _, err = running.communicate(timeout=240)
    assert running.returncode == 1, err  # one input is damaged
    assert "50 inputs, 49 faces, 1 could not be read." in err
    assert whole(out) == whole(tmp_path / "local")


def test_no_cluster() -> None:
    """A cluster that is not there must be told at once, not after Ray's minutes."""
    from mien.batch.on_ray import _check_answers

    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # bound, but nobody listens
        with pytest.raises(OutputError, match="RAY_ADDRESS"):
            _check_answers(f"127.0.0.1:{closed.getsockname()[1]}")
    for address in (None, "auto", "local"):
        _check_answers(address)


@needs_ray
def test_something_else_answers() -> None:
    """A port where no Ray listens is told in one sentence."""
    from mien.batch.on_ray import _check_answers

    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(OutputError, match="no Ray cluster"):
            _check_answers(f"127.0.0.1:{other.getsockname()[1]}")


@needs_ray
def test_a_failed_connection_leaves_nothing(tmp_path: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job that could not reach its cluster does not stand in the way of the next try."""
    folder = write_folder(tmp_path / "p", {"a.png": png(5)})
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        nobody = f"127.0.0.1:{closed.getsockname()[1]}"
        arguments = ("--model", tiny_model, "--detector", "none", "--engine", "ray")
        monkeypatch.setenv("RAY_ADDRESS", nobody)
        running = start(folder, tmp_path / "new" / "out", *arguments)
        _, err = running.communicate(timeout=60)
    assert running.returncode == 1
    assert f"No Ray cluster answers at {nobody}" in err
    assert not (tmp_path / "new").exists()


@pytest.mark.skipif(importlib.util.find_spec("ray") is not None, reason="Ray is installed here")
def test_without_ray(tmp_path: Path, tiny_model: Path) -> None:
    """Without Ray the command must name the extra that brings it."""
    folder = write_folder(tmp_path / "p", {"a.png": png(5)})
    running = start(folder, tmp_path / "out", "--model", tiny_model, "--detector", "none", "--engine", "ray")
    _, err = running.communicate(timeout=60)
    assert running.returncode == 1
    assert "mien[scale]" in err
