"""What two workers gain over one: pictures per second of `mien serve --workers N` on loopback.

    python benchmarks/serving_workers.py [--workers 1 2] [--clients 8] [--seconds 30] [--runs 3]

Clients send one photograph (640 x 480, two faces, JPEG) again as soon as they were answered, each over one connection;
they are processes of their own, so that no lock of theirs is measured, and take a little of the same cores. The
numbers of workers take turns. Prints a table of medians and ends with one line of JSON; say on which machine.
"""

from __future__ import annotations

import argparse
import http.client
import io
import json
import multiprocessing
import os
import statistics
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from serving import both_faces, serve

_WARM_S = 2.0  # not counted: every worker has read something then


def _client(port: int, picture: bytes, end: float, out: Any) -> None:
    """Seconds of each answer that came after the warm-up, and how many were no readings."""
    start, times, failed = time.monotonic(), [], 0
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    while (begun := time.monotonic()) < end:
        link.request("POST", "/v1/analyze", picture, {"Content-Type": "image/jpeg"})
        answer = link.getresponse()
        body = answer.read()
        if begun - start >= _WARM_S:
            times.append(time.monotonic() - begun)
            failed += answer.status != 200 or len(json.loads(body)["faces"]) != 2
    out.send((times, failed))


def _run(workers: int, clients: int, seconds: float, picture: bytes) -> dict[str, float]:
    limits = ("--limit", "requests_per_minute=1000000000", "--limit", "clients=1000")
    process, port = serve("--workers", str(workers), *limits)
    try:
        end = time.monotonic() + _WARM_S + seconds
        context = multiprocessing.get_context("fork")
        pipes = [context.Pipe(duplex=False) for _ in range(clients)]
        senders = [context.Process(target=_client, args=(port, picture, end, out)) for _, out in pipes]
        for sender in senders:
            sender.start()
        answers = [here.recv() for here, _ in pipes]
        for sender in senders:
            sender.join()
    finally:
        process.terminate()
        process.wait()
    times = sorted(s for found, _ in answers for s in found)
    return {
        "pictures_per_s": len(times) / seconds,
        "p50_ms": 1e3 * times[len(times) // 2],
        "p99_ms": 1e3 * times[int(0.99 * len(times))],
        "failed": sum(failed for _, failed in answers),
    }


def main() -> None:
    """Measure and print."""
    from PIL import Image

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--runs", type=int, default=3)
    given = parser.parse_args()
    file = io.BytesIO()
    Image.fromarray(both_faces()[..., ::-1]).save(file, "jpeg", quality=85)
    runs: dict[int, list[dict[str, float]]] = {workers: [] for workers in given.workers}
    for _ in range(given.runs):
        for workers, found in runs.items():
            found.append(_run(workers, given.clients, given.seconds, file.getvalue()))
    rows = {
        str(workers): {key: round(statistics.median(row[key] for row in found), 1) for key in found[0]}
        for workers, found in runs.items()
    }
    first = rows[str(given.workers[0])]["pictures_per_s"]
    for workers, row in rows.items():
        row["times"] = round(row["pictures_per_s"] / first, 2)
        print(f"{workers} workers" + "".join(f"  {key} {value}" for key, value in row.items()))
    print(json.dumps({"load_average": os.getloadavg()[0], "processors": os.cpu_count(), **rows}))


if __name__ == "__main__":
    main()
