"""What once was wrong about videos, case by case: the figures of the table in docs/video.md.

    python benchmarks/video_cases.py

Clips are made by ffmpeg and ffprobe, which must be installed, from scikit-image's astronaut. Pixels: the picture that
comes out of clips with pixels that are not square, and of mirrored and turned ones, against the picture that a player
shows (mean difference in grey levels). Time: the largest difference to ffprobe's `pts_time`
and false notes. Names and codecs: what is read, and what the sentence says. Prints a table and ends with one line of
JSON. To see another state of the project, set PYTHONPATH to its src.
"""

from __future__ import annotations

import contextlib
import json
import os
import struct
import subprocess
import tempfile
from pathlib import Path

import cv2
import numpy as np

import mien
from mien.core.errors import MienError

_LATE_S = "2.025"


def _ffmpeg(*arguments: str | Path) -> None:
    subprocess.run(["ffmpeg", "-v", "error", "-y", *map(str, arguments)], check=True, timeout=120)


def _picture(folder: Path) -> Path:
    from skimage.data import astronaut

    path = folder / "a.png"
    cv2.imwrite(str(path), np.ascontiguousarray(astronaut()[:384, :, ::-1]))  # 512 x 384: 4:3
    return path


def _first(path: Path) -> np.ndarray:
    with mien.open_source(path) as source:
        return next(source).image


def _difference(path: Path, wanted: np.ndarray) -> str:
    got = _first(path)
    if got.shape != wanted.shape:
        return f"{got.shape[1]}x{got.shape[0]} for {wanted.shape[1]}x{wanted.shape[0]}"
    return f"same size, differs by {float(np.abs(got.astype(float) - wanted).mean()):.1f}"


def _stored(folder: Path, size: str, aspect: str, suffix: str, codec: str) -> Path:
    clip = folder / f"{size}.{suffix}"
    made = ["-loop", "1", "-framerate", "25", "-t", "0.2", "-i", folder / "a.png", "-vf"]
    width, height = size.split("x")
    _ffmpeg(*made, f"scale={width}:{height},setsar={aspect}", "-c:v", codec, "-pix_fmt", "yuv420p", clip)
    return clip


def _pixels(folder: Path) -> dict[str, str]:
    image = cv2.imread(str(_picture(folder)))
    rows = {}
    for size, aspect, suffix, codec, shown in (
        ("1440x1080", "4/3", "mp4", "libx264", (1920, 1080)),
        ("720x576", "64/45", "mpg", "mpeg2video", (1024, 576)),
        ("720x480", "8/9", "mkv", "libx264", (640, 480)),
    ):
        wanted = cv2.resize(image, shown)
        rows[f"1 pixels of {aspect}, {size}"] = _difference(_stored(folder, size, aspect, suffix, codec), wanted)
    flat = _stored(folder, "512x384", "1", "mp4", "libx264")
    for name, matrix, wanted in (
        ("mirrored", (-1, 0, 0, 1), cv2.flip(image, 1)),
        ("upside-down", (1, 0, 0, -1), cv2.flip(image, 0)),
        ("turned by 90 degrees", (0, 1, -1, 0), cv2.rotate(image, cv2.ROTATE_90_CLOCKWISE)),
        ("turned and mirrored", (0, 1, 1, 0), cv2.transpose(image)),
    ):
        data = bytearray(flat.read_bytes())
        at = data.index(b"tkhd") + 4 + 40
        a, b, c, d = (part << 16 for part in matrix)
        data[at : at + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
        clip = folder / "turned.mp4"
        clip.write_bytes(data)
        rows[f"1 {name}"] = _difference(clip, wanted)
    return rows


def _times(folder: Path) -> dict[str, str]:
    film = ["-f", "lavfi", "-i", "testsrc=size=160x120:rate=25:duration=3"]
    for name, codec in (("v.mp4", "libx264"), ("v.webm", "libvpx")):
        _ffmpeg(*film, "-c:v", codec, "-pix_fmt", "yuv420p", folder / name)
    for name, codec in (("s.m4a", "aac"), ("s.webm", "libopus")):
        _ffmpeg("-f", "lavfi", "-i", "sine=duration=8", "-c:a", codec, folder / name)
    rows = {}
    for suffix in ("mp4", "mov", "mkv", "webm", "ts"):
        clip, kind = folder / f"late.{suffix}", "webm" if suffix == "webm" else "mp4"
        sound = folder / ("s.webm" if suffix == "webm" else "s.m4a")
        _ffmpeg(
            "-itsoffset", _LATE_S, "-i", folder / f"v.{kind}", "-i", sound, "-map", "0", "-map", "1", "-c", "copy", clip
        )
        show = ["-select_streams", "v:0", "-show_entries", "frame=pts_time", "-of", "json"]
        probed = subprocess.run(
            ["ffprobe", "-v", "error", *show, str(clip)], capture_output=True, check=True, timeout=60
        )
        wanted = [float(frame["pts_time"]) for frame in json.loads(probed.stdout)["frames"]]
        with mien.open_source(clip) as source:
            times = [frame.time_s for frame in source]
        false = ", false note" if any("cut short" in note for note in source.notes) else ""
        off = max(abs(a - b) for a, b in zip(times, wanted, strict=True))
        rows[f"4 late pictures, {suffix}"] = f"times off by {off:.3f} s{false}"
    return rows


def _told(name: str) -> str:
    try:
        with mien.open_source(name, timeout_s=1.0) as source:
            return f"{sum(1 for _ in source)} frames"
    except MienError as error:
        return str(error)


def _names(folder: Path) -> dict[str, str]:
    rows = {}
    with contextlib.chdir(folder):
        _ffmpeg("-i", "v.mp4", "-t", "1", "-c", "copy", "base.mp4")
        for name in ("12:30.mp4", "file:base.mp4"):
            Path(name).write_bytes(Path("v.mp4").read_bytes())
            rows[f"7 {name} (75 frames, base.mp4 has fewer)"] = _told(name)
        for codec, name in (("libaom-av1", "av1.webm"), ("libtheora", "theora.ogv")):
            _ffmpeg("-i", "v.mp4", "-t", "0.2", "-c:v", codec, *(("-cpu-used", "8") if "av1" in codec else ()), name)
            rows[f"7 {name}"] = _told(name)
        secret = _told("rtsp://me:secret@127.0.0.1:9/a")
        rows["7 password in a message"] = "shown" if "secret" in secret else "hidden"
    return rows


def main() -> None:
    """Make, read, print."""
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        rows = _pixels(folder) | _times(folder) | _names(folder)
    for name, result in rows.items():
        print(f"{name:52} {result}")
    print(json.dumps({"benchmark": "video_cases", "results": rows}))


if __name__ == "__main__":
    main()
