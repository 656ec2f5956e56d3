"""A synthetic study with known truth: 3 participants x 12 clips of 40 frames, 10 per second, without any video.

Every clip: 1 s neutral (p_happy .2 + a), 1.5 s happy (.7 + b and .9 + b in turn), .5 s without a face, .5 s happy but
turned away, .5 s neutral and uncertain (.4); a is .01 per participant, b is .001 per clip.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mien.core.types import Face, Frame, Reading
from mien.media.timeline import TimelineSink
from mien.study.job import read_all
from mien.study.read import Places, Record, stamp_of
from mien.study.read import Reading as HowRead

LABELS = ("happy", "neutral")
FRONT = ((20.0, 20.0), (40.0, 20.0), (30.0, 30.0), (22.0, 40.0), (38.0, 40.0))
TURNED = ((20.0, 20.0), (40.0, 20.0), (46.0, 30.0), (22.0, 40.0), (38.0, 40.0))
PICTURE = np.random.default_rng(0).integers(60, 200, (96, 96, 3), np.uint8)
FACTS = {"mien": "0.1.0", "model": "fake", "model_sha256": "ab" * 32, "detector": "fake", "labels": ", ".join(LABELS)}
CLIPS = [(p, c) for p in range(3) for c in range(12)]


def name_of(p: int, c: int) -> str:
    """The file of a clip: participant and condition."""
    return f"P{p}_c{c:02}.mp4"


def truth(i: int, a: float, b: float) -> tuple[float, str, bool] | None:
    """What frame i shows: (probability of happy, label, turned), or nothing."""
    if i < 10:
        return 0.2 + a, "neutral", False
    if i < 25:
        return (0.9 if i % 2 else 0.7) + b, "happy", False
    if i < 30:
        return None
    return (0.8, "happy", True) if i < 35 else (0.4, "neutral", False)


def reading(happy: float, label: str, turned: bool, track: int = 1, size: float = 50.0) -> Reading:
    """One face; smoothed probabilities are the raw ones, but that of the held label decides what is uncertain."""
    face = Face((10.0, 10.0, 10.0 + size, 10.0 + size), 0.9, TURNED if turned else FRONT)
    held = max(happy, 1 - happy) if happy != 0.4 else 0.3
    smooth = (held, 1 - held) if label == "happy" else (1 - held, held)
    return Reading(face, LABELS, (happy, 1 - happy), track, smooth, label, 0.35)


def write_line(path: Path, frames: list[list[Reading]], fps: float = 10.0) -> None:
    """A time line with these readings per frame."""
    sink = TimelineSink(path, LABELS, empty_frames=True)
    for i, readings in enumerate(frames):
        sink.write(Frame(PICTURE, i, i / fps), readings)
    sink.close()


def make_study(folder: Path, suffix: str = ".csv") -> tuple[Path, Path]:
    """Folder of (empty) videos and folder of results in which all of them are read."""
    videos, out = folder / "videos", folder / "out"
    videos.mkdir()
    read_all(videos, [], out, HowRead(suffix=suffix))
    places = Places(out, suffix)
    (out / "timelines").mkdir()
    for p, c in CLIPS:
        file = name_of(p, c)
        (videos / file).touch()
        seen = [truth(i, 0.01 * p, 0.001 * c) for i in range(40)]
        write_line(places.timeline(file), [[] if s is None else [reading(*s)] for s in seen])
        facts = {
            "mien": "0.1.0",
            "model": "fake",
            "model_sha256": "ab" * 32,
            "detector": "fake",
            "labels": "happy, neutral",
        }
        places.keep(Record(file, stamp_of(videos / file), 40, 35, 3.9, facts=facts))
    return videos, out
