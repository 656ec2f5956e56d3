"""Kills `mien batch` at random moments and compares what it leaves with an undisturbed job, byte for byte.

    python benchmarks/batch_kills.py [SOURCE] [--kills 10] [--workers 2] [--seed 0]

SOURCE is FER-2013 beside the checkout unless it is named; its pictures are taken whole. Every kill is SIGKILL to all
processes of the job at once; the job goes on with --resume. Prints a table and ends with one line of JSON.
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

from mien.batch import read_faces, read_inputs

_DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "fer2013"


def _parts(out: Path) -> int:
    return len(list((out / "inputs").glob("part-*.parquet"))) if (out / "inputs").is_dir() else 0


def _start(source: str, out: Path, workers: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "mien", "batch", source, str(out), "--detector", "none", "--resume"]
    return subprocess.Popen([*command, "--workers", str(workers)], start_new_session=True)


def _files(out: Path) -> dict[str, bytes]:
    return {str(file.relative_to(out)): file.read_bytes() for file in sorted(out.rglob("*")) if file.is_file()}


def _kill(running: subprocess.Popen[bytes], out: Path, goal: int, delay_s: float) -> bool:
    """Kill all processes a moment after so many parts are there; False when the job ended before."""
    while _parts(out) < goal and running.poll() is None:
        time.sleep(0.005)
    time.sleep(delay_s)
    if running.poll() is not None:
        return False
    os.killpg(running.pid, signal.SIGKILL)
    running.wait()
    return True


def main() -> None:
    """Run the undisturbed job, then the one that is killed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("source", nargs="?", default=str(_DATA))
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    moments = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as folder:
        expected, out = Path(folder) / "undisturbed", Path(folder) / "killed"
        _start(options.source, expected, options.workers).wait()
        total = _parts(expected)
        goals = sorted(moments.sample(range(total - 2 * options.workers), options.kills))
        print(f"{'kill':>4}  {'after parts':>11}  {'left as temporary files':>23}")
        killed = 0
        for number, goal in enumerate(goals, start=1):
            if _kill(_start(options.source, out, options.workers), out, goal, moments.random() * 0.3):
                killed += 1
            torn = len([name for name in _files(out) if Path(name).name.startswith(".")])
            print(f"{number:>4}  {_parts(out):>11}  {torn:>23}")
        _start(options.source, out, options.workers).wait()
        numbers = read_inputs(out, ["input"])["input"].to_pylist()
        result = {
            "benchmark": "batch_kills",
            "inputs": len(numbers),
            "parts": total,
            "kills": killed,
            "lost": len(set(range(len(numbers))) - set(numbers)) + read_inputs(expected).num_rows - len(numbers),
            "doubled": len(numbers) - len(set(numbers)),
            "same_rows": bool(read_faces(out).equals(read_faces(expected))),
            "same_bytes": _files(out) == _files(expected),
        }
    print(json.dumps(result))
    if not (result["same_bytes"] and killed == options.kills):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
