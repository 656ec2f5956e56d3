"""Runs of `mien train` that are stopped at random moments: is what they leave a model, or one command away from it?

    python benchmarks/stops.py ../shared/data/fer2013 [--moments 10] [--pictures 2000] [--seed 19]

A small network learns for three epochs from part of the pictures, several times; each time SIGINT, SIGTERM or SIGKILL
(in turn) comes at a random moment of its life, from the start of Python to the last file. Afterwards the run must be
whole, or `mien train --resume` must make it so; where the signal came before there was a run, there is nothing to
resume, and nothing half made may lie about. Prints a row for each and ends with one line of JSON; status 1 where one
was lost.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pyarrow.parquet as pq

from mien.core.errors import MienError
from mien.infer.classify import load_classifier

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)
_SETTINGS = 'model = "mien-xs"\nsize = 24\nwarmup = 0.5\nlr = 0.05\nema = 0.5\ndevice = "cpu"\nthreads = 1\nseed = 3\n'
_WHOLE = 35_887  # pictures of FER-2013
_LONGEST_S = 900
# A job in the background ignores SIGINT, and what it starts would, too.
_MIEN = "import signal\nsignal.signal(signal.SIGINT, signal.default_int_handler)\nfrom mien.app.cli import main\nmain()"


def main() -> None:
    """Stop runs at random moments."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--moments", type=int, default=10)
    parser.add_argument("--pictures", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=19)
    chosen = parser.parse_args()
    chance = random.Random(chosen.seed)
    with tempfile.TemporaryDirectory() as folder:
        world = Path(folder)
        (world / "settings.toml").write_text(_SETTINGS, encoding="utf-8")
        _smaller(chosen.data, world / "data", chosen.pictures)
        first = ["--config", world / "settings.toml", world / "data", "--epochs", 3]
        begin = time.monotonic()
        whole = _started(world / "whole", *first)
        if whole.wait(_LONGEST_S):
            raise SystemExit(f"the run that nobody stops failed: {whole.communicate()[1]}")
        whole_s = time.monotonic() - begin
        rows = [
            _stopped(world / f"run{i}", first, _SIGNALS[i % 3], chance.uniform(0, whole_s))
            for i in range(chosen.moments)
        ]
    lost = sum(row["left"] == "lost" for row in rows)
    print(json.dumps({"whole_s": round(whole_s, 1), "lost": lost, "runs": rows}))
    raise SystemExit(1 if lost else 0)


def _smaller(data: Path, out: Path, pictures: int) -> None:
    """A folder with the first pictures of every Parquet file of another one."""
    out.mkdir()
    for file in sorted(data.glob("*.parquet")):
        table = pq.read_table(file)
        pq.write_table(table.slice(0, max(len(table) * pictures // _WHOLE, 50)), out / file.name)


def _started(run: Path, *arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", _MIEN, "train", "--out", run, *arguments]
    return subprocess.Popen([str(a) for a in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def _stopped(run: Path, first: list[object], number: signal.Signals, after_s: float) -> dict[str, object]:
    """One run: what the signal left, and how long the run took to end."""
    process = _started(run, *first)
    time.sleep(after_s)
    sent = process.poll() is None
    begin = time.monotonic()
    if sent:
        os.kill(process.pid, number)
    _, told = process.communicate(timeout=_LONGEST_S)
    ended_s = time.monotonic() - begin
    left = _left(run, "whole")
    if left == "lost" and run.is_dir():
        again = _started(run, "--resume")
        again.communicate(timeout=_LONGEST_S)
        left = _left(run, "one resume away")
    elif left == "lost" and not any(p.name.startswith((".", run.name)) for p in run.parent.iterdir()):
        left = "nothing begun"
    if "Traceback" in told:
        left = "lost"
    row: dict[str, object] = {"signal": number.name if sent else "none", "after_s": round(after_s, 1)}
    row |= {"status": process.returncode, "ended_after_s": round(ended_s, 1), "left": left}
    print("  ".join(f"{name} {value}" for name, value in row.items()), flush=True)
    return row


def _left(run: Path, name: str) -> str:
    """`name` where the run's model is there, judged; else that it is lost."""
    try:
        judged = "validation" in load_classifier(run).info.metrics
    except (MienError, OSError):
        return "lost"
    return name if judged and (run / "report.html").is_file() else "lost"


if __name__ == "__main__":
    main()
