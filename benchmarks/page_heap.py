"""Whether the live page keeps its memory: the JavaScript heap of a page that reads for minutes.

    python benchmarks/page_heap.py [--minutes 10] [--mode device] [--every 30]

The page and its camera are those of `serving.py live`. Garbage is collected before each look, so what is told is what
the page holds on to. Prints a row per look and ends with one line of JSON: the heap in MB, and how many MB a minute it
grows by least squares from the second minute on.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from serving import moving_camera, serve, start_live

_WARM_S = 60  # not counted in the slope: the last minute's strip fills up


def heaps(mode: str, minutes: float, every_s: float) -> list[tuple[float, float, int]]:
    """Seconds, MB of the heap in use, and DOM nodes, at each look."""
    from page_worlds import browser

    process, port = serve()
    try:
        with tempfile.TemporaryDirectory() as folder, browser(moving_camera(Path(folder))) as chromium:
            page = chromium.new_page()
            start_live(page, port, mode)
            return _look(page, minutes * 60, every_s)
    finally:
        process.terminate()
        process.wait()


def _look(page: Any, seconds: float, every_s: float) -> list[tuple[float, float, int]]:
    tools = page.context.new_cdp_session(page)
    tools.send("Performance.enable")
    start, rows = time.monotonic(), []
    while (at := time.monotonic() - start) <= seconds:
        tools.send("HeapProfiler.collectGarbage")
        found = {row["name"]: row["value"] for row in tools.send("Performance.getMetrics")["metrics"]}
        rows.append((round(at, 1), round(found["JSHeapUsedSize"] / 1e6, 2), int(found["Nodes"])))
        print("{:7.1f} s {:7.2f} MB {:6d} nodes".format(*rows[-1]), flush=True)
        page.wait_for_timeout(1e3 * every_s)
    return rows


def main() -> None:
    """Measure and tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--mode", choices=("device", "server"), default="device")
    parser.add_argument("--every", type=float, default=30, help="seconds between two looks")
    given = parser.parse_args()
    rows = heaps(given.mode, given.minutes, given.every)
    late = [(s / 60, mb) for s, mb, _ in rows if s >= _WARM_S]
    slope = float(np.polyfit(*zip(*late, strict=True), 1)[0]) if len(late) > 2 else None
    print(json.dumps({"mode": given.mode, "heap_mb": [mb for _, mb, _ in rows], "mb_per_minute": slope}))


if __name__ == "__main__":
    main()
