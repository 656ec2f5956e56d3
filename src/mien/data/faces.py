"""Photographs with boxes of faces: Parquet tables, the layout of WIDER FACE, Pascal VOC files.

Boxes that are neither face nor background are kept as `ignore`. Pictures stay compressed until they are asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mien.core.errors import DataError, MissingExtraError
from mien.core.files import is_file
from mien.core.types import Image
from mien.data.pictures import Encoded, File, Picture
from mien.pictures.formats import suffixes

__all__ = ["FacePicture", "load_bgr", "read_faces"]

Floats = NDArray[np.float32]

_WIDER_LISTS = "*_bbx_gt.txt"
_WIDER_INVALID = 7  # column of a face's line that is 1 where the box is not to be judged
_WIDER_CONDITIONS = {4: "blurred", 6: "extreme light", 8: "occluded", 9: "unusual pose"}  # by column


@dataclass(frozen=True, slots=True, eq=False)
class FacePicture:
    """One photograph and what is known of its faces.

    Args:
        name: for messages.
        picture: the photograph.
        boxes: (N, 4) faces, xyxy px.
        landmarks: (N, 5, 2) px, NaN where a face has none.
        ignore: (M, 4) boxes that are neither face nor background, xyxy px.
        conditions: for each face what makes it hard, such as "profile" or "blurred"; empty where nobody says.

    """

    name: str
    picture: Picture
    boxes: Floats
    landmarks: Floats
    ignore: Floats
    conditions: tuple[frozenset[str], ...] = ()


def load_bgr(item: FacePicture) -> Image:
    """Pixels of a photograph as (H, W, 3) uint8 BGR.

    Raises:
        DataError: the picture cannot be read.

    """
    try:
        pixels = item.picture.load()
    except DataError as error:
        raise DataError(f"{item.name}: {error}.") from error
    return np.repeat(pixels[..., None], 3, axis=2) if pixels.ndim == 2 else pixels


def read_faces(source: Path | str) -> list[FacePicture]:
    """Photographs with boxes from a Parquet file or a folder of them, a WIDER FACE list or folder, or a VOC folder.

    Parquet: columns `image` (struct with `bytes`, or bytes), `boxes` (xyxy per face), and optionally `landmarks`
    (ten numbers per face, or null), `ignore` and `conditions` (names per face, such as ["profile", "dark"]; or names
    for all faces of the picture). WIDER FACE (Yang et al. 2016): `*_bbx_gt.txt` beside or below the pictures; a box
    that is marked invalid becomes `ignore`; blur, light, occlusion and pose become conditions. Pascal VOC: one `.xml`
    per picture; every object is a face, a difficult one `ignore`.

    Raises:
        DataError: there is nothing of a known layout, or a file contradicts its layout.
        MissingExtraError: pyarrow is not installed.

    """
    path = Path(source)
    if not path.exists():
        raise DataError(f"There is no {path}; expected photographs with face boxes.")
    for reader in (_parquet, _wider, _voc):
        found = list(reader(path))
        if found:
            return found
    raise DataError(
        f"{path} holds no photographs with face boxes: expected Parquet files with a column 'boxes', a WIDER FACE list "
        f"({_WIDER_LISTS}), or Pascal VOC .xml files."
    )


def _files(path: Path, pattern: str) -> list[Path]:
    if path.is_dir():
        return sorted(path.rglob(pattern))
    return [path] if path.match(pattern) else []


def _item(
    name: str,
    picture: Picture,
    boxes: ArrayLike,
    landmarks: ArrayLike | None,
    ignore: ArrayLike,
    conditions: Sequence[frozenset[str]] = (),
) -> FacePicture:
    face = _boxes(boxes, name)
    points = np.full((len(face), 5, 2), np.nan, np.float32)
    if landmarks is not None:
        points = np.asarray(landmarks, np.float32).reshape(-1, 5, 2)
    if len(points) != len(face):
        raise DataError(f"{name}: {len(face)} boxes but landmarks of {len(points)} faces.")
    if conditions and len(conditions) != len(face):
        raise DataError(f"{name}: {len(face)} boxes but conditions of {len(conditions)} faces.")
    return FacePicture(name, picture, face, points, _boxes(ignore, name), tuple(conditions))


def _boxes(values: ArrayLike, name: str) -> Floats:
    boxes = np.asarray(values, np.float32).reshape(-1, 4)
    if not np.isfinite(boxes).all() or (boxes[:, 2:] <= boxes[:, :2]).any():
        raise DataError(f"{name}: a box must have finite edges x1 < x2 and y1 < y2.")
    return boxes


def _parquet(path: Path) -> Iterator[FacePicture]:
    files = _files(path, "*.parquet")
    if not files:
        return
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise MissingExtraError("Reading Parquet", "pyarrow", "data") from error
    for file in files:
        try:
            table = pq.read_table(file)
            table.validate(full=True)
            names = list(table.column_names)
        except (pa.ArrowException, OSError, ValueError) as error:
            raise DataError(f"{file} is not a Parquet file that can be read: {error}.") from error
        missing = {"image", "boxes"} - set(names)
        if missing:
            raise DataError(f"{file} has no column {', '.join(sorted(missing))}; expected photographs with face boxes.")
        for number, row in enumerate(table.to_pylist()):
            yield _parquet_row(row, f"{file.name}:{number}")


def _parquet_row(row: dict[str, Any], where: str) -> FacePicture:
    image = row["image"]
    data = image.get("bytes") if isinstance(image, dict) else image
    if not isinstance(data, bytes):
        raise DataError(f"{where}: the column 'image' holds no bytes.")
    name = image.get("path") if isinstance(image, dict) else None
    try:
        points = row.get("landmarks")
        if points is not None:
            points = [[np.nan] * 10 if p is None else p for p in points]
        boxes = row["boxes"] or []
        known = _conditions(row.get("conditions") or [], len(boxes))
        return _item(name or where, Encoded(data), boxes, points or None, row.get("ignore") or [], known)
    except (ValueError, TypeError) as error:
        raise DataError(f"{where}: expected boxes of 4 and landmarks of 10 numbers per face ({error}).") from error


def _conditions(value: Sequence[Any], faces: int) -> list[frozenset[str]]:
    """Names of each face; a plain list of names holds for all faces of the picture."""
    if any(isinstance(part, str) for part in value):
        return [frozenset(str(part) for part in value)] * faces
    return [frozenset(str(name) for name in part or ()) for part in value]


def _wider(path: Path) -> Iterator[FacePicture]:
    for file in _files(path, _WIDER_LISTS):
        try:
            lines = iter(file.read_text("utf-8").splitlines())
        except (OSError, UnicodeDecodeError) as error:
            raise DataError(f"{file} cannot be read as a list of faces: {error}.") from error
        for line in lines:
            if line.strip():
                yield _wider_item(file, line.strip(), lines)


def _wider_item(file: Path, name: str, lines: Iterator[str]) -> FacePicture:
    try:
        count = int(next(lines))
        rows = [[float(v) for v in next(lines).split()] for _ in range(max(count, 1))]  # "0" is followed by a zero line
    except (StopIteration, ValueError) as error:
        raise DataError(f"{file}: {name} is not followed by the number of its faces and a line for each.") from error
    boxes: list[tuple[float, ...]] = []
    ignore: list[tuple[float, ...]] = []
    conditions: list[frozenset[str]] = []
    for row in rows[:count]:
        if len(row) < 4:
            raise DataError(f"{file}: a face of {name} has {len(row)} numbers; expected x, y, width, height.")
        x, y, w, h = row[:4]
        if w <= 0 or h <= 0:
            continue  # the original lists hold a few empty boxes
        invalid = len(row) > _WIDER_INVALID and row[_WIDER_INVALID] == 1
        (ignore if invalid else boxes).append((x, y, x + w, y + h))
        if not invalid:
            named = (text for column, text in _WIDER_CONDITIONS.items() if column < len(row) and row[column] > 0)
            conditions.append(frozenset(named))
    return _item(name, File(_wider_picture(file, name)), boxes, None, ignore, conditions)


def _wider_picture(file: Path, name: str) -> Path:
    split = file.name.removesuffix("_bbx_gt.txt")  # such as wider_face_val
    folder = split.replace("wider_face_", "WIDER_")
    roots = (file.parent, file.parent / "images", file.parent.parent / folder / "images", file.parent.parent / "images")
    for root in roots:
        if is_file(root / name):
            return root / name
    raise DataError(f"{file} names {name}, which is in none of {', '.join(str(r) for r in roots)}.")


def _voc(path: Path) -> Iterator[FacePicture]:
    for file in _files(path, "*.xml"):
        try:
            root = ElementTree.fromstring(file.read_bytes())
        except (ElementTree.ParseError, OSError, LookupError, ValueError) as error:  # the latter for odd encodings
            raise DataError(f"{file} is not XML that can be read: {error}.") from error
        if root.tag == "annotation":
            yield _voc_item(file, root)


def _voc_item(file: Path, root: ElementTree.Element) -> FacePicture:
    boxes: list[list[float]] = []
    ignore: list[list[float]] = []
    for thing in root.iter("object"):
        try:
            box = [float(thing.findtext(f"bndbox/{key}", "")) for key in ("xmin", "ymin", "xmax", "ymax")]
        except ValueError as error:
            raise DataError(f"{file}: an object has no bndbox with xmin, ymin, xmax and ymax.") from error
        (ignore if thing.findtext("difficult", "0").strip() == "1" else boxes).append(box)
    return _item(file.stem, File(_voc_picture(file, root.findtext("filename", ""))), boxes, None, ignore)


def _voc_picture(file: Path, name: str) -> Path:
    names: Sequence[str] = [name] if name else [file.stem + suffix for suffix in suffixes()]
    for folder in (file.parent, file.parent.parent / "JPEGImages", file.parent.parent / "images"):
        for candidate in names:
            if is_file(folder / candidate):
                return folder / candidate
    raise DataError(f"{file} has no picture {' or '.join(names)} beside it, in ../JPEGImages or in ../images.")
