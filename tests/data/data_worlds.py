"""A small data set in memory, and its files in every layout, written here without the code under test."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mien.core.labels import FER2013, FERPLUS_VOTES

USAGE = {"train": "Training", "validation": "PublicTest", "test": "PrivateTest"}


def drawn(seed: int, side: int = 48) -> NDArray[np.uint8]:
    """A grey picture (S, S) of soft blobs with fine structure, different for every seed."""
    rng = np.random.default_rng(seed)
    coarse = cv2.resize(rng.normal(size=(6, 6)), (side, side), interpolation=cv2.INTER_CUBIC)
    fine = cv2.resize(rng.normal(size=(20, 20)), (side, side), interpolation=cv2.INTER_CUBIC)
    image = 128 + 40 * coarse + 18 * fine
    return np.clip(image, 0, 255).astype(np.uint8)


@dataclass(frozen=True)
class World:
    """Pictures (48, 48) grey, the name of each one's class, its split, and FER+ votes (N, 10)."""

    images: list[NDArray[np.uint8]]
    names: list[str]
    splits: list[str]
    votes: NDArray[np.int64]


def make_world() -> World:
    """Twenty-eight pictures, four of every class: two in training, one in validation, one in test."""
    names = [name for name in FER2013 for _ in range(4)]
    splits = ["train", "train", "validation", "test"] * len(FER2013)
    order = sorted(range(len(names)), key=lambda i: ("train", "validation", "test").index(splits[i]))
    rng = np.random.default_rng(0)
    votes = rng.multinomial(10, [0.1] * 10, size=len(names))
    return World([drawn(i) for i in range(len(names))], [names[i] for i in order], [splits[i] for i in order], votes)


def png(image: NDArray[np.uint8]) -> bytes:
    """A PNG file, from (H, W) grey or (H, W, 3) RGB."""
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "PNG")
    return stream.getvalue()


def kaggle_csv(world: World, path: Path, header: str = "emotion,pixels,Usage", votes: bool = False) -> Path:
    """`fer2013.csv`, with the columns in the order of the header; FER+ votes beside it if wanted."""
    columns = [name.strip() for name in header.split(",")]
    lines = [header]
    for image, name, split in zip(world.images, world.names, world.splits, strict=True):
        pixels = " ".join(str(v) for v in image.reshape(-1))
        cells = {"emotion": str(FER2013.index(name)), "pixels": pixels, "Usage": USAGE[split]}
        lines.append(",".join(cells[column] for column in columns))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    if votes:
        rows = ["Usage,Image name," + ",".join(FERPLUS_VOTES.names)]
        for i, (split, row) in enumerate(zip(world.splits, world.votes, strict=True)):
            rows.append(f"{USAGE[split]},fer{i:07d}.png," + ",".join(str(v) for v in row))
        path.with_name("fer2013new.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


def folders(
    world: World, root: Path, spelling: dict[str, str] | None = None, split: dict[str, str] | None = None
) -> Path:
    """`split/class/number.png`; the dictionaries rename classes and splits, and a split "" has no level."""
    for i, (image, name, part) in enumerate(zip(world.images, world.names, world.splits, strict=True)):
        folder = root / (split or {}).get(part, part) / (spelling or {}).get(name, name)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{i:03d}.png").write_bytes(png(image))
    return root


def zipped(folder: Path, path: Path, method: int = zipfile.ZIP_DEFLATED) -> Path:
    """A folder as an archive, under one top folder as Kaggle packs it."""
    with zipfile.ZipFile(path, "w", method) as archive:
        for file in sorted(folder.rglob("*")):
            archive.write(file, Path("archive") / file.relative_to(folder))
    return path


def parquet(world: World, root: Path, labels: str = "numbers", votes: bool = True) -> Path:
    """A folder of train, validation and test.parquet; labels as "numbers", "text" or "named" (numbers, reversed)."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    root.mkdir(parents=True, exist_ok=True)
    backwards = FER2013.names[::-1]
    ways: dict[str, Callable[[str], object]] = {"numbers": FER2013.index, "text": str, "named": backwards.index}
    written = ways[labels]
    for part in ("train", "validation", "test"):
        rows = [i for i, split in enumerate(world.splits) if split == part]
        columns = {
            "image": [{"bytes": png(world.images[i]), "path": f"{part}-{i}.png"} for i in rows],
            "label": [written(world.names[i]) for i in rows],
        }
        for k, kind in enumerate(FERPLUS_VOTES if votes else ()):
            columns[f"ferplus_{kind.lower()}"] = world.votes[rows, k].tolist()
        table = pa.table(columns)
        if labels == "named":
            table = table.replace_schema_metadata({"mien": json.dumps({"labels": backwards})})
        pq.write_table(table, root / f"{part}.parquet")
    return root


def path_csv(world: World, root: Path, header: str = "path,label,split", sign: str = ",") -> Path:
    """A CSV of paths beside a folder of pictures; the columns subject and group if the header has them."""
    (root / "pictures").mkdir(parents=True)
    lines = [header.replace(",", sign)]
    for i, (image, name, split) in enumerate(zip(world.images, world.names, world.splits, strict=True)):
        (root / "pictures" / f"{i}.png").write_bytes(png(image))
        cells = {
            "path": f"pictures/{i}.png", "label": name, "split": split, "subject": f"p{i // 2}", "group": "ab"[i % 2],
        }  # fmt: skip
        lines.append(sign.join(cells[column.strip()] for column in header.split(",")))
    (root / "list.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return root / "list.csv"
