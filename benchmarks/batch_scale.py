"""Speed and memory of `mien batch`: by processes, and over a growing number of inputs.

    python benchmarks/batch_scale.py [SOURCE] [--workers 1 2] [--engine local] [--growth 1000 4000 16000]

SOURCE is FER-2013 beside the checkout unless it is named; its pictures are taken whole. Memory is the largest sum over
all processes of the job of their proportional set sizes (what they share counts once), asked for four times a second
(Linux; needs psutil). Processor time (without what Ray's servers take) is fair where other work runs beside. With
--growth, jobs over archives of so many pictures follow, in one process each. Prints tables and ends with one line of
JSON.
"""

from __future__ import annotations

import argparse
import io
import json
import resource
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from PIL import Image

from mien.batch import read_faces

_DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "fer2013"
_EVERY_S = 0.25


def _memory_mb(process: psutil.Process) -> float:
    total = 0
    try:
        for one in (process, *process.children(recursive=True)):
            total += one.memory_full_info().pss
    except psutil.Error:
        pass  # a process ended while it was asked
    return total / 1e6


def _cpu_s() -> float:
    """Processor time of all processes that this one started and that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _run(source: str, out: Path, workers: int, engine: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "mien", "batch", source, str(out), "--detector", "none"]
    command += ["--workers", str(workers), "--engine", engine]
    started, peak, before_s = time.monotonic(), 0.0, _cpu_s()
    running = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    watched = psutil.Process(running.pid)
    while running.poll() is None:
        peak = max(peak, _memory_mb(watched))
        time.sleep(_EVERY_S)
    spent_s, cpu_s = time.monotonic() - started, _cpu_s() - before_s
    manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    return {
        "engine": engine,
        "workers": workers,
        "inputs": manifest["inputs"],
        "seconds": round(spent_s, 2),
        "inputs_per_s": round(manifest["inputs"] / spent_s, 1),
        "cpu_s": round(cpu_s, 1),
        "inputs_per_cpu_s": round(manifest["inputs"] / cpu_s, 1),
        "peak_mb": round(peak, 1),
    }


def _archive(path: Path, count: int) -> Path:
    """So many small pictures of noise in a tar."""
    rng = np.random.default_rng(0)
    with tarfile.open(path, "w") as archive:
        for number in range(count):
            data = io.BytesIO()
            Image.fromarray(rng.integers(0, 256, (48, 48), np.uint8)).save(data, "PNG")
            member = tarfile.TarInfo(f"{number:07d}.png")
            member.size = data.tell()
            archive.addfile(member, io.BytesIO(data.getvalue()))
    return path


def _table(rows: Sequence[dict[str, Any]]) -> None:
    print("  ".join(f"{name:>16}" for name in rows[0]))
    for row in rows:
        print("  ".join(f"{value:>16}" for value in row.values()), flush=True)


def main() -> None:
    """Run the jobs one after the other."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("source", nargs="?", default=str(_DATA))
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--engine", choices=("local", "ray", "both"), default="local")
    parser.add_argument("--growth", type=int, nargs="*", default=[])
    options = parser.parse_args()
    engines = ("local", "ray") if options.engine == "both" else (options.engine,)
    with tempfile.TemporaryDirectory() as folder:
        jobs = [(workers, engine) for engine in engines for workers in options.workers]
        outs = [Path(folder) / f"{engine}-{workers}" for workers, engine in jobs]
        rows = [_run(options.source, out, *job) for out, job in zip(outs, jobs, strict=True)]
        _table(rows)
        first = read_faces(outs[0])
        same = all(read_faces(out).equals(first) for out in outs[1:])
        print(f"rows of all jobs are the same: {same}")
        growth = []
        for count in options.growth:
            archive = _archive(Path(folder) / f"{count}.tar", count)
            growth.append(_run(str(archive), Path(folder) / f"growth-{count}", 1, "local"))
        if growth:
            _table(growth)
    print(json.dumps({"benchmark": "batch_scale", "jobs": rows, "same_rows": same, "growth": growth}))


if __name__ == "__main__":
    main()
