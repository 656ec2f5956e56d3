"""What a user pays before and for the first face: import, help, a cold analysis, one classification, the install.

    python benchmarks/startup.py [PHOTO]

Measures the environment that runs it (for the install figures use one with the base install only). Prints a table and
ends with one line of JSON. Times of processes are medians of several runs; `cpu` is the processor's time of the
process, fair on a busy machine.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import sysconfig
import time
from importlib import metadata
from pathlib import Path

import numpy as np


def _process(arguments: list[str], runs: int) -> dict[str, float]:
    """Median wall and processor milliseconds of a process."""
    wall, cpu = [], []
    for _ in range(runs):
        before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        subprocess.run(arguments, check=True, capture_output=True)
        wall.append((time.perf_counter() - start) * 1e3)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu.append((after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1e3)
    return {"wall_ms": round(statistics.median(wall), 1), "cpu_ms": round(statistics.median(cpu), 1)}


def _classification(runs: int = 300) -> dict[str, float]:
    """Median milliseconds of one crop through the shipped model on one thread."""
    from mien.infer.classify import load_classifier

    classifier = load_classifier(threads=1)
    crop = np.random.default_rng(0).integers(0, 256, (1, classifier.crop.size, classifier.crop.size)).astype(np.uint8)
    wall, cpu = [], []
    for _ in range(runs + 20):
        start, start_cpu = time.perf_counter(), time.process_time()
        classifier.classify(crop)
        wall.append((time.perf_counter() - start) * 1e3)
        cpu.append((time.process_time() - start_cpu) * 1e3)
    return {"wall_ms": round(statistics.median(wall[20:]), 3), "cpu_ms": round(statistics.median(cpu[20:]), 3)}


def _install() -> dict[str, float]:
    """Packages of this environment, without pip and its kin, and megabytes of its library folder."""
    names = {d.metadata["Name"].lower() for d in metadata.distributions()} - {"pip", "setuptools", "wheel", "uv"}
    folder = Path(sysconfig.get_paths()["purelib"])
    size = sum(f.lstat().st_size for f in folder.rglob("*") if f.is_file() and not f.is_symlink())
    return {"packages": len(names), "megabytes": round(size / 1e6)}


def main() -> None:
    """Measure and print."""
    python = sys.executable
    command = [python, "-m", "mien"]
    bare = _process([python, "-c", "pass"], 15)
    imported = _process([python, "-c", "import mien"], 15)
    rows: dict[str, dict[str, float]] = {
        "import mien, above the interpreter": {k: round(imported[k] - bare[k], 1) for k in bare},
        "mien --help": _process([*command, "--help"], 7),
        "one face classified, one thread, median of 300": _classification(),
    }
    if len(sys.argv) > 1:
        rows["cold mien analyze PHOTO"] = _process([*command, "analyze", sys.argv[1]], 5)
    install = _install()
    for name, row in rows.items():
        print(f"{name:<50} {row['wall_ms']:>9} ms wall {row['cpu_ms']:>9} ms cpu")
    print(f"{'packages in this environment':<50} {install['packages']:>9}")
    print(f"{'megabytes in its library folder':<50} {install['megabytes']:>9}")
    print(json.dumps({"python": sys.version.split()[0], "processors": os.cpu_count(), **rows, **install}))


if __name__ == "__main__":
    main()
