"""Training on two machines, played by two processes on this one's processor that talk through gloo."""

from __future__ import annotations

import csv
import dataclasses
import os
import socket
import subprocess
import sys
from pathlib import Path

import cv2
import torch

from mien.data.manifest import Manifest
from mien.learn.config import Config
from mien.learn.settings import to_toml


def _write(manifest: Manifest, root: Path) -> Path:
    for i in range(len(manifest)):
        folder = root / str(manifest.split[i]) / manifest.labels.names[manifest.label[i]]
        folder.mkdir(parents=True, exist_ok=True)
        assert cv2.imwrite(str(folder / f"{i:04}.png"), manifest.load(i))
    return root


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_two_machines(drawn: Manifest, tiny: Config, tmp_path: Path) -> None:
    """The command of docs/training.md, given on each machine, must train one model together: half the steps of one
    machine, the same weights everywhere, and one whole run folder.
    """
    source, run = _write(drawn, tmp_path / "data"), tmp_path / "run"
    settings = dataclasses.replace(tiny, epochs=2, targets="hard", nodes=2, devices=1, device="cpu")
    (tmp_path / "two.toml").write_text(to_toml(settings), encoding="utf-8")
    command = [sys.executable, "-m", "mien", "train", str(source), "--config", str(tmp_path / "two.toml")]
    shared = os.environ | {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(_free_port()), "OMP_NUM_THREADS": "1"}
    machines = [
        subprocess.Popen(
            [*command, "--out", str(run)],
            env=shared | {"NODE_RANK": str(rank), "LOCAL_RANK": "0"},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )
        for rank in range(2)
    ]  # fmt: skip
    try:
        told = [machine.communicate(timeout=300)[0] for machine in machines]
    finally:
        for machine in machines:  # when one dies, the other would wait for it
            machine.kill()
    assert [machine.returncode for machine in machines] == [0, 0], told
    # 72 pictures, 18 per step and machine: 2 steps per epoch instead of 4.
    last = torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)
    assert (last["global_step"], last["epoch"]) == (4, 1)
    with (run / "metrics.csv").open(encoding="utf-8", newline="") as file:
        assert [row["epoch"] for row in csv.DictReader(file)] == ["1", "2"]
    assert (run / "model.onnx").stat().st_size > 0
    assert "Report:" in told[0]
    assert told[1] == ""
