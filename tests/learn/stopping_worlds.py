"""Runs of `mien train` in processes of their own, which are stopped at chosen moments."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

SETTINGS = """
model = "mien-xs"
size = 24
warmup = 0.5
batch_size = 18
lr = 0.05
ema = 0.5
augment = "light"
device = "cpu"
threads = 1
seed = 3
"""

_MIEN = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background ignores it, and so would this one
from mien.app.cli import main
main()
"""


def started(run: Path, *arguments: object) -> subprocess.Popen[str]:
    """A run that has begun to train or is about to."""
    settings = run.with_suffix(".toml")
    settings.write_text(SETTINGS, encoding="utf-8")
    command = [sys.executable, "-c", _MIEN, "train", "--out", run, "--config", settings, *arguments]
    return subprocess.Popen([str(a) for a in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_for(process: subprocess.Popen[str], ready: Callable[[], bool], seconds: float = 300) -> None:
    """Wait until something is true of a run that goes on."""
    deadline = time.monotonic() + seconds
    while not ready():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, "nothing happened"
        time.sleep(0.01)


def epochs_done(run: Path) -> int:
    """Whole epochs that stand in metrics.csv."""
    try:
        return max(len((run / "metrics.csv").read_text(encoding="utf-8").splitlines()) - 1, 0)
    except FileNotFoundError:
        return 0


def stopped(process: subprocess.Popen[str], number: int) -> tuple[int, str, str]:
    """Exit status and output of a run after a signal."""
    os.kill(process.pid, number)
    out, err = process.communicate(timeout=300)
    return process.returncode, out, err


__all__ = ["SETTINGS", "epochs_done", "signal", "started", "stopped", "wait_for"]
