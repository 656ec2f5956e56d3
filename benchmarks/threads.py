"""One analyzer, many threads: do they read what a single one reads?

    python benchmarks/threads.py [--seconds 60] [--threads 16] [--yunet FILE] [--only NAME]

For each detector (`mien`, `mien-int8`, `yunet` from its file, `none`) the pictures are read one after the other, and
then for so many seconds by all threads at once, each in an order of its own. Counts the readings that are not equal to
the serial ones to the last bit, in boxes, landmarks and probabilities. Ends with one line of JSON, and with status 1
when one differed. Needs scikit-image for the photograph (the extra `test`).
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import threading
import time
from pathlib import Path

import cv2
import numpy as np

import mien


def pictures() -> list[np.ndarray]:
    """A photograph with one face, as it is, mirrored, dark, small, beside itself, and one without a face."""
    from skimage.data import astronaut

    whole = np.ascontiguousarray(astronaut()[..., ::-1])
    small = cv2.resize(whole, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    mirrored = np.ascontiguousarray(whole[:, ::-1])
    empty = np.full_like(whole, 90)
    return [whole, mirrored, whole // 2, small, np.hstack([whole, mirrored]), np.vstack([small, small]), empty]


def reading(analyzer: mien.Analyzer, picture: np.ndarray) -> list[tuple[object, ...]]:
    """All numbers of a picture's readings, comparable by `==`."""
    return [(face.box, face.score, face.face.landmarks, tuple(face.values)) for face in analyzer.analyze(picture)]


def shared(analyzer: mien.Analyzer, threads: int, seconds: float) -> dict[str, object]:
    """Counts of one detector."""
    given = pictures()
    wanted = [reading(analyzer, picture) for picture in given]
    counts, wrong, failed = [0] * threads, [0] * threads, [""] * threads
    end = time.monotonic() + seconds

    def work(number: int) -> None:
        order = random.Random(number)
        try:
            while time.monotonic() < end:
                index = order.randrange(len(given))
                wrong[number] += reading(analyzer, given[index]) != wanted[index]
                counts[number] += 1
        except Exception as error:  # noqa: BLE001 (any error of a thread is a finding)
            failed[number] = f"{type(error).__name__}: {error}"

    running = [threading.Thread(target=work, args=(number,), daemon=True) for number in range(threads)]
    for one in running:
        one.start()
    for one in running:
        one.join(seconds + 60)
    return {
        "faces": sum(map(len, wanted)), "seconds": seconds, "read": sum(counts), "least": min(counts),
        "different": sum(wrong), "failed": [text for text in failed if text],
        "stuck": sum(one.is_alive() for one in running),
    }  # fmt: skip


def main() -> int:
    """Run every detector and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--threads", type=int, default=16)
    parser.add_argument("--yunet", type=Path, help="file of the detector yunet; left out without it")
    parser.add_argument("--only", help="one detector: mien, mien-int8, yunet or none")
    asked = parser.parse_args()
    detectors = {"mien": "mien", "mien-int8": "mien-int8", "none": "none"}
    if asked.yunet is not None:
        detectors["yunet"] = str(asked.yunet)
    found = {}
    for name, detector in detectors.items():
        if asked.only in {None, name}:
            row = found[name] = shared(mien.Analyzer(detector=detector), asked.threads, asked.seconds)
            told = (
                f"{row['read']:>7} pictures, {row['different']} different, {row['stuck']} stuck {row['failed'] or ''}"
            )
            print(f"{name:<10} {asked.threads} threads {told}", flush=True)
    print(json.dumps({"processors": os.cpu_count(), "threads": asked.threads, "detectors": found}))
    return int(any(row["different"] or row["failed"] or row["stuck"] for row in found.values()))


if __name__ == "__main__":
    sys.exit(main())
