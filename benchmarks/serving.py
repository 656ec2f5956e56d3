"""What the live page and the service manage: frames and lag in Chromium in both modes, and a crowd of clients.

    python benchmarks/serving.py live [--seconds 15] [--detector FILE] [--runs 1]
    python benchmarks/serving.py load [--seconds 60]
    python benchmarks/serving.py sizes [--faces ../shared/data/faces/val.parquet]

`live` needs Chromium, playwright, `mien page pull` and a detector that browsers can run; its camera shows two
photographs that come with scikit-image and matplotlib, 640 x 480 at 30 frames per second. Lag is from the moment at
which the page takes a frame to the drawn boxes; of several runs the one with the median lag is told. `load` sends
frames from 8 connections and pictures from 50 clients over loopback, all to a service of its own. `sizes` tells what it
costs when a slow device looks for live faces at 480 or 320 px and not at 640 px as the service does: photographs of the
size of a camera's frame are read in each way. All print a table and end with one line of JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import os
import statistics
import struct
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "page"))

_COLLECT = """(seconds) => new Promise((resolve) => {
  const found = { lags: [], faces: [] };
  const start = performance.now();
  document.addEventListener("reading", ({ detail }) => {
    found.lags.push(detail.lagMs);
    found.faces.push(detail.faces);
    if (performance.now() - start > seconds * 1000) resolve({ ...found, seconds: (performance.now() - start) / 1000 });
  });
})"""


_SIZES = ((10, 20), (20, 40), (40, 80), (80, 640))  # px, shorter side of a face in a live frame


def both_faces() -> Any:
    """Both photographs side by side, (480, 640, 3) BGR."""
    import matplotlib
    from page_worlds import two_faces
    from PIL import Image
    from skimage import data

    hopper = Image.open(Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg").convert("RGB")
    return two_faces(data.astronaut()[..., ::-1], np.asarray(hopper)[..., ::-1])


def serve(*arguments: str) -> tuple[subprocess.Popen[str], int]:
    """A service on a free port, in a process of its own."""
    command = [sys.executable, "-m", "mien", "serve", "--port", "0", *arguments]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    assert process.stderr is not None
    line = process.stderr.readline()
    while "http://localhost:" not in line:
        line = process.stderr.readline()
    port = int(line.partition("http://localhost:")[2].partition("/")[0])
    while True:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz")
        except OSError:
            time.sleep(0.1)
        else:
            return process, port


def live(seconds: float, detector: str, runs: int) -> dict[str, Any]:
    """Frames per second and lag in each mode."""
    from page_worlds import browser

    rows: dict[str, Any] = {}
    process, port = serve("--detector", detector)
    try:
        with tempfile.TemporaryDirectory() as folder, browser(moving_camera(Path(folder))) as chromium:
            for mode in ("server", "device"):
                found = [_one_run(chromium, port, mode, seconds) for _ in range(runs)]
                rows[mode] = sorted(found, key=lambda row: row["lag_median_ms"])[runs // 2]
    finally:
        process.terminate()
        process.wait()
    return rows


def moving_camera(folder: Path) -> Path:
    """A camera's file in which two faces sway."""
    from page_worlds import write_camera

    both, file = both_faces(), folder / "camera.mjpeg"
    write_camera(file, [np.roll(both, round(6 * np.sin(i / 10 * np.pi)), 1) for i in range(20)])
    return file


def start_live(page: Any, port: int, mode: str) -> None:
    """Open a service's page and have it read the camera in a way, until both faces are there."""
    page.goto(f"http://127.0.0.1:{port}/")
    page.wait_for_selector("html[data-ready]", state="attached")
    page.check(f"input[name=engine][value={mode}]", force=True)
    page.click("#start")
    page.wait_for_selector("#faces .face:nth-child(2)", timeout=60_000)


def _one_run(chromium: Any, port: int, mode: str, seconds: float) -> dict[str, Any]:
    page = chromium.new_page()
    foreign: list[str] = []
    own = (f"http://127.0.0.1:{port}/", f"ws://127.0.0.1:{port}/", "blob:")
    page.on("request", lambda request: None if request.url.startswith(own) else foreign.append(request.url))
    start_live(page, port, mode)
    page.wait_for_timeout(2000)
    found = page.evaluate(_COLLECT, seconds)
    names = page.locator("#faces h3").all_inner_texts()
    sent = page.inner_text("#bytes")
    page.close()
    lags = sorted(found["lags"])
    return {
        "fps": round(len(lags) / found["seconds"], 1),
        "lag_median_ms": round(statistics.median(lags), 1),
        "lag_p95_ms": round(lags[int(0.95 * len(lags))], 1),
        "faces_median": statistics.median(found["faces"]),
        "labels": names,
        "sent": sent,
        "foreign_requests": len(foreign),
    }


def load(seconds: float, detector: str) -> dict[str, Any]:
    """Eight live connections and fifty clients at once."""
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(both_faces()[..., ::-1]).save(file, "jpeg", quality=85)
    picture = file.getvalue()
    process, port = serve("--detector", detector, "--limit", "requests_per_minute=1000000", "--limit", "clients=80")
    memory = [_resident(process.pid)]
    try:
        with ThreadPoolExecutor(51) as pool:
            end = time.monotonic() + seconds
            live_side = pool.submit(lambda: asyncio.run(_connections(port, picture, end)))
            clients = [pool.submit(_client, port, picture, end) for _ in range(50)]
            while time.monotonic() < end:
                time.sleep(min(5, max(end - time.monotonic(), 0.1)))
                memory.append(_resident(process.pid))
            answers = [row for client in clients for row in client.result()]
            frames = live_side.result()
    finally:
        process.terminate()
        process.wait()
    times = sorted(1e3 * s for status, s in answers if status == 200)
    return {
        "seconds": seconds,
        "status": {str(k): v for k, v in sorted(Counter(status for status, _ in answers).items())},
        "pictures_per_s": round(len(times) / seconds, 1),
        "picture_p50_ms": round(times[len(times) // 2]),
        "picture_p99_ms": round(times[int(0.99 * len(times))]),
        "frames_per_s": round(len(frames) / seconds, 1),
        "frame_p50_ms": round(1e3 * sorted(frames)[len(frames) // 2]),
        "frame_p99_ms": round(1e3 * sorted(frames)[int(0.99 * len(frames))]),
        "memory_mb": memory,
        "exit_status": process.returncode,
    }


def _resident(pid: int) -> int:
    import psutil

    return round(psutil.Process(pid).memory_info().rss / 1e6)


def _client(port: int, picture: bytes, end: float) -> list[tuple[int, float]]:
    """One client that asks again as soon as it was answered; it waits as told after 429 and 503."""
    found: list[tuple[int, float]] = []
    while time.monotonic() < end:
        start = time.monotonic()
        request = urllib.request.Request(f"http://127.0.0.1:{port}/v1/analyze", picture, {"Content-Type": "image/jpeg"})
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                answer.read()
                found.append((answer.status, time.monotonic() - start))
        except urllib.error.HTTPError as error:
            found.append((error.code, time.monotonic() - start))
            time.sleep(float(error.headers.get("Retry-After", 0)))
        except OSError:
            found.append((0, time.monotonic() - start))
    return found


async def _connections(port: int, picture: bytes, end: float) -> list[float]:
    return [s for part in await asyncio.gather(*(_connection(port, picture, end) for _ in range(8))) for s in part]


async def _connection(port: int, picture: bytes, end: float) -> list[float]:
    """One browser's worth: at most two frames on their way, 30 per second."""
    from websockets.asyncio.client import connect

    times: list[float] = []
    sent: dict[int, float] = {}
    async with connect(f"ws://127.0.0.1:{port}/v1/live", proxy=None, compression=None) as socket:
        await socket.recv()
        number = 0
        while time.monotonic() < end:
            if len(sent) < 2:
                number += 1
                sent[number] = time.monotonic()
                await socket.send(struct.pack("<Id", number, time.monotonic()) + picture)
            try:
                answer = json.loads(await asyncio.wait_for(socket.recv(), 1 / 30))
            except TimeoutError:
                continue
            times.append(time.monotonic() - sent[answer["id"]])
            sent = {key: at for key, at in sent.items() if key > answer["id"]}
    return times


def sizes(source: str, side: int) -> dict[str, Any]:
    """Faces that are found at 640 px: how many also at `side` px, and how alike they are read; by their size."""
    from mien.core.geometry import iou
    from mien.data.faces import load_bgr, read_faces
    from mien.infer.analyzer import Analyzer

    large, small = Analyzer(detect_side=640), Analyzer(detect_side=side)
    rows: dict[str, list[tuple[bool, bool, bool, float]]] = {f"{a}-{b} px": [] for a, b in _SIZES}
    for item in read_faces(source):
        picture = _as_frame(load_bgr(item))
        there = small.analyze(picture)
        for face in large.analyze(picture):
            width = min(face.box[2] - face.box[0], face.box[3] - face.box[1])
            name = next((f"{a}-{b} px" for a, b in _SIZES if a <= width < b), None)
            if name is None:
                continue
            overlap = [float(iou(np.array([face.box]), np.array([other.box]))[0, 0]) for other in there]
            best = int(np.argmax(overlap)) if overlap and max(overlap) >= 0.5 else None
            other = None if best is None else there[best]
            same = other is not None and other.emotion == face.emotion
            moved = (
                0.0 if other is None else sum(abs(a - b) for a, b in zip(face.values, other.values, strict=True)) / 2
            )
            rows[name].append((other is not None, same, face.uncertain, moved))
    return {name: _sizes_row(found) for name, found in rows.items() if found}


def _all_sizes(source: str) -> dict[str, Any]:
    return {f"{side}: {name}": row for side in (480, 320) for name, row in sizes(source, side).items()}


def _as_frame(picture: Any) -> Any:
    """A photograph enlarged or shrunk to 640 px, the longest side of a live frame."""
    import cv2

    factor = 640 / max(picture.shape[:2])
    return cv2.resize(
        picture, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    )


def _sizes_row(found: list[tuple[bool, bool, bool, float]]) -> dict[str, float]:
    values = np.array(found, float)
    both = values[values[:, 0] == 1]
    sure = both[both[:, 2] == 0]
    return {
        "faces": len(values),
        "also_found": round(float(values[:, 0].mean()), 3),
        "same_label": round(float(both[:, 1].mean()), 3) if len(both) else 0.0,
        "same_label_where_sure": round(float(sure[:, 1].mean()), 3) if len(sure) else 0.0,
        "mean_change": round(float(both[:, 3].mean()), 3) if len(both) else 0.0,
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=["live", "load", "sizes"])
    parser.add_argument("--faces", default="../shared/data/faces/val.parquet")
    parser.add_argument("--seconds", type=float, default=0)
    parser.add_argument("--detector", default="auto")
    parser.add_argument("--runs", type=int, default=1)
    given = parser.parse_args()
    if given.part in {"live", "sizes"}:
        rows = (
            _all_sizes(given.faces) if given.part == "sizes" else live(given.seconds or 15, given.detector, given.runs)
        )
        for mode, row in rows.items():
            print(f"{mode:<16}" + "".join(f"  {key} {value}" for key, value in row.items()))
    else:
        rows = load(given.seconds or 60, given.detector)
        for key, value in rows.items():
            print(f"{key:<18}{value}")
    print(json.dumps({"load_average": os.getloadavg()[0], "processors": os.cpu_count(), **rows}))


if __name__ == "__main__":
    main()
