"""Every reader of the project with small good files for it, to be damaged and read again.

A reader here is what a command calls: it returns something sensible or raises an error of the project.
"""

from __future__ import annotations

import contextlib
import io
import json
import random
import shutil
import sys
import warnings
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import damage
import numpy as np

__all__ = ["READERS", "Reader"]

_TESTS = Path(__file__).resolve().parents[1]
sys.path += [str(_TESTS / "data"), str(_TESTS / "media")]  # the makers of small data sets and clips

Rng = random.Random


@dataclass(frozen=True)
class Reader:
    """One reader.

    Args:
        name: what a person calls it.
        make: writes good files into a folder; the ones to damage.
        read: reads one file; returns after having checked what came.
        text: the files are text.
        native: code that is not Python reads them, so a bug may end the process.
        mend: sets checksums right again after the damage; applied every second time.
        harm: other damage than that of `damage.corrupt`.
        needs: packages without which the reader cannot run.

    """

    name: str
    make: Callable[[Path], Sequence[Path]]
    read: Callable[[Path], object]
    text: bool = False
    native: bool = False
    mend: Callable[[bytes], bytes] | None = None
    harm: Callable[[bytes, Rng], bytes] | None = None
    needs: tuple[str, ...] = ()

    def corrupted(self, whole: Sequence[bytes], rng: Rng) -> tuple[int, bytes]:
        """Which of the good files was taken, and its damaged bytes."""
        number = rng.randrange(len(whole))
        if self.harm is not None and rng.random() < 0.7:
            return number, self.harm(whole[number], rng)
        data = damage.corrupt(whole[number], rng, whole, self.text)
        return number, self.mend(data) if self.mend is not None and rng.random() < 0.5 else data


# Pictures


def _picture_files(kind: str) -> Callable[[Path], list[Path]]:
    def make(folder: Path) -> list[Path]:
        from PIL import Image

        rng = np.random.default_rng(0)
        soft = np.clip(rng.normal(128, 20, (24, 20, 3)).cumsum(0) / 4 % 256, 0, 255).astype(np.uint8)
        colour = Image.fromarray(soft)
        files = []
        for i, (picture, options) in enumerate(_variants(kind, colour)):
            path = folder / str(i) / f"frame.{kind.lower()}"
            path.parent.mkdir()
            picture.save(path, kind, **options)
            files.append(path)
        return files

    return make


def _variants(kind: str, colour: Any) -> list[tuple[Any, dict[str, Any]]]:
    from PIL import Image

    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "a face"
    grey, palette, clear = colour.convert("L"), colour.convert("P"), colour.convert("RGBA")
    deep = Image.fromarray(np.arange(480, dtype=np.uint16).reshape(24, 20) * 130)
    light = grey.convert("F").point(lambda v: v * (1 / 255) + 0)
    several = {"save_all": True, "append_images": [colour.rotate(90).resize(colour.size)]}
    variants: dict[str, list[tuple[Any, dict[str, Any]]]] = {
        "JPEG": [(colour, {"exif": exif}), (grey, {}), (colour, {"progressive": True}), (colour.convert("CMYK"), {})],
        "PNG": [(colour, {"exif": exif}), (palette, {}), (clear, {}), (deep, {}), (grey.convert("1"), {})],
        "WEBP": [(colour, {}), (clear, {"lossless": True}), (colour, several), (colour, {"exif": exif})],
        "GIF": [(palette, {}), (palette, several)],
        "BMP": [(colour, {}), (palette, {}), (grey, {})],
        "TIFF": [
            *((colour, {"compression": c}) for c in ("raw", "tiff_lzw", "jpeg", "packbits", "tiff_adobe_deflate")),
            *((colour, several), (deep, {}), (colour.convert("CMYK"), {}), (light, {})),
        ],
        "PPM": [(colour, {}), (grey, {}), (deep, {}), (grey.convert("1"), {})],
        "AVIF": [(colour, {}), (clear, {}), (colour, {"exif": exif})],
        "JPEG2000": [(colour, {}), (grey, {}), (clear, {})],
        "TGA": [(colour, {}), (colour, {"compression": "tga_rle"}), (palette, {})],
    }
    return variants[kind]


def _read_picture(path: Path) -> None:
    from mien.core.errors import DataError, VideoError
    from mien.data.pictures import decode
    from mien.media.source import open_source
    from mien.pictures.decode import load_image

    # Training has a quicker way for some WebP files, and a folder of frames is decoded by OpenCV.
    with contextlib.suppress(DataError):
        assert decode(path.read_bytes()).dtype == np.uint8
    with contextlib.suppress(VideoError), open_source(path.parent, max_pixels=4_000_000) as source:
        for frame in source:
            assert frame.image.shape[2] == 3
    image = load_image(path, max_pixels=4_000_000)
    assert image.dtype == np.uint8
    assert image.ndim == 3
    assert image.shape[2] == 3


def _pictures(kind: str) -> Reader:
    mend = damage.mend_png if kind == "PNG" else None
    return Reader(f"picture, {kind}", _picture_files(kind), _read_picture, mend=mend)


# Data sets


def _small() -> Any:
    from data_worlds import make_world

    return make_world()


def _make_kaggle(folder: Path) -> list[Path]:
    from data_worlds import kaggle_csv

    world = _small()
    cut = type(world)([image[:6, :6] for image in world.images], world.names, world.splits, world.votes)
    kaggle_csv(cut, folder / "fer2013.csv", votes=True)
    (folder / "plain").mkdir()
    return [folder / "fer2013.csv", folder / "fer2013new.csv", kaggle_csv(cut, folder / "plain" / "fer2013.csv")]


def _read_data(path: Path) -> None:
    from mien.data import read

    manifest = read(path)
    assert len(manifest)
    for i in range(len(manifest)):
        assert manifest.load(i).dtype == np.uint8
    for name in (*manifest.names, *manifest.labels):
        name.encode()


def _make_paths(folder: Path) -> list[Path]:
    from data_worlds import path_csv

    from mien.data import read
    from mien.data.formats import selection

    table = path_csv(_small(), folder / "set", "path,label,split,subject,group")
    chosen = folder / "chosen.csv"
    selection.write(chosen, table, read(table))
    return [table, chosen]


def _make_zip(folder: Path) -> list[Path]:
    from data_worlds import folders, zipped

    root = folders(_small(), folder / "pictures")
    return [zipped(root, folder / "a.zip"), zipped(root, folder / "b.zip", zipfile.ZIP_STORED)]


def _odd_zip(data: bytes, rng: Rng) -> bytes:
    """The archive packed anew with an odd name, size or member."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        entries = old.infolist()
        for entry in rng.sample(entries, 6):
            names = (entry.filename, "../" * 9 + "etc/passwd", "/etc/passwd", "C:\\a.png", "a\\..\\b.png", "a" * 300)
            content = rng.choice((old.read(entry), b"", b"{}", bytes(1 << 22)))
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # two members of one name
                new.writestr(rng.choice((*names, "\x01\u202e.png", "train/happy/.png", "")) or "x", content)
    return out.getvalue()


def _make_parquet(folder: Path) -> list[Path]:
    from data_worlds import parquet

    parquet(_small(), folder / "a", "named")
    parquet(_small(), folder / "b", "text", votes=False)
    return [folder / "a" / "test.parquet", folder / "b" / "train.parquet"]


def _make_faces_parquet(folder: Path) -> list[Path]:
    import pyarrow as pa
    import pyarrow.parquet as pq
    from data_worlds import png

    image = png(_small().images[0])
    columns = {
        "image": [{"bytes": image, "path": "a.png"}] * 3,
        "boxes": [[[1.0, 2.0, 20.0, 30.0]], [], [[3.0, 3.0, 9.0, 9.0]]],
        "landmarks": [[[5.0] * 10], [], [None]],
        "ignore": [[], [[0.0, 0.0, 4.0, 4.0]], []],
    }
    pq.write_table(pa.table(columns), folder / "faces.parquet")
    return [folder / "faces.parquet"]


def _make_wider(folder: Path) -> list[Path]:
    from data_worlds import png

    (folder / "images").mkdir()
    for name in ("a.jpg", "b.jpg"):
        (folder / "images" / name).write_bytes(png(_small().images[0]))
    path = folder / "wider_face_val_bbx_gt.txt"
    path.write_text("a.jpg\n2\n1 2 10 12 0 0 0 0 0 0\n5 5 9 9 0 0 0 1 0 0\nb.jpg\n0\n0 0 0 0 0 0 0 0 0 0\n")
    return [path]


def _make_voc(folder: Path) -> list[Path]:
    from data_worlds import png

    (folder / "a.png").write_bytes(png(_small().images[0]))
    box = "<bndbox><xmin>1</xmin><ymin>2</ymin><xmax>20</xmax><ymax>30</ymax></bndbox>"
    path = folder / "a.xml"
    path.write_text(
        f'<?xml version="1.0" encoding="utf-8"?>\n<annotation><filename>a.png</filename><object><name>face</name>'
        f"<difficult>0</difficult>{box}</object><object>{box}</object></annotation>\n"
    )
    return [path]


def _read_faces(path: Path) -> None:
    from mien.core.errors import DataError
    from mien.data.faces import load_bgr, read_faces

    for item in read_faces(path):
        assert np.isfinite(item.boxes).all()
        assert item.landmarks.shape == (len(item.boxes), 5, 2)
        try:
            load_bgr(item)
        except DataError as error:
            assert str(error)  # a picture that cannot be read is a right outcome too


# Settings, evaluations, runs


def _make_settings(folder: Path) -> list[Path]:
    from mien.learn.config import Config, Stage
    from mien.learn.settings import to_toml

    (folder / "a.toml").write_text(to_toml(Config(stages=(Stage("head-only", 2, 0.1), Stage("3", 3)))))
    (folder / "b.toml").write_text('model = "ann"\nepochs = 5\n[augmentation]\nerase = 0.25\n')
    return [folder / "a.toml", folder / "b.toml"]


def _read_settings(path: Path) -> None:
    from mien.learn.config import Config
    from mien.learn.settings import read_config

    assert isinstance(read_config(path), Config)


def _make_evaluation(folder: Path) -> list[Path]:
    from importlib import resources

    source = Path(str(resources.files("mien") / "assets" / "models" / "fer2013.evaluation.json"))
    return [Path(shutil.copy(source, folder / "evaluation.json"))]


def _odd_json_file(data: bytes, rng: Rng) -> bytes:
    return json.dumps(damage.odd_json(json.loads(data), rng)).encode()


def _read_evaluation(path: Path) -> None:
    from mien.evaluate.records import protocol_rows, read_evaluation

    protocol_rows(read_evaluation(path))


# Model files


def _make_models(folder: Path) -> list[Path]:
    golden = _TESTS / "golden"
    return [Path(shutil.copy(golden / name, folder / name)) for name in ("tiny.onnx", "bright.onnx")]


def _odd_model(data: bytes, rng: Rng) -> bytes:
    """The model with odd metadata, or with other names, shapes, types or nodes."""
    import onnx

    model = onnx.load_from_string(data)
    graph, way = model.graph, rng.randrange(6)
    if way <= 2:
        entry = model.metadata_props[0]
        entry.value = _utf8(json.dumps(damage.odd_json(json.loads(entry.value), rng)))
    elif way == 3 and graph.initializer:
        tensor = rng.choice(graph.initializer)
        tensor.raw_data = damage.corrupt(tensor.raw_data or b"\0" * 8, rng)
    elif way == 4:
        node = rng.choice(graph.node)
        node.op_type = rng.choice(("Add", "Exp", "Log", "Reshape", "Shape", "Sqrt", "Nothing", "Loop", "Expand"))
    else:
        value = rng.choice((*graph.input, *graph.output))
        value.name = rng.choice((value.name, "other", ""))
        for dim in value.type.tensor_type.shape.dim:
            dim.dim_value = rng.choice((0, 1, 3, 8, 2**40, -1))
    return model.SerializeToString()


def _utf8(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def _read_model(path: Path) -> None:
    from mien.core.errors import ModelError
    from mien.infer.classify import load_classifier
    from mien.infer.detect import open_detector

    rng = np.random.default_rng(0)
    refusal = None
    try:
        classifier = load_classifier(path)
    except ModelError as error:
        refusal = error
    else:
        side, deep = classifier.crop.size, () if classifier.crop.color == "gray" else (3,)
        rows = classifier.classify(rng.integers(0, 256, (3, side, side, *deep)).astype(np.uint8))
        assert np.isfinite(rows).all()
        assert abs(rows.sum(1) - 1).max() < 0.01
        json.dumps([*classifier.labels, classifier.info.name], ensure_ascii=False).encode()
        return
    try:
        detector = open_detector(path)
    except ModelError:
        raise refusal from None
    for face in detector.detect(rng.integers(0, 256, (64, 96, 3)).astype(np.uint8)):
        assert np.isfinite(face.box).all()


def _make_weights(folder: Path) -> list[Path]:
    from mien.core.contract import CropSpec
    from mien.learn.models import build
    from mien.learn.saved import ModelCard
    from mien.learn.weights import save_weights

    heads = {"label": ("happy", "sad")}
    save_weights(build("ann", {"label": 2}, size=8, color="gray"), folder / "model.safetensors")
    ModelCard("ann", heads, CropSpec(8), {"label": 1.0}).write(folder)
    return [folder / "model.safetensors", folder / "model.json"]


def _odd_run(data: bytes, rng: Rng) -> bytes:
    return _odd_json_file(data, rng) if data.startswith(b"{") else damage.corrupt(data, rng)


def _read_run(path: Path) -> None:
    from mien.learn.saved import load_network

    load_network(path.parent)


# Videos


def _make_videos(folder: Path) -> list[Path]:
    from made_clips import numbered, write_clip

    return [write_clip(folder / f"a{suffix}", numbered(12)) for suffix in (".mp4", ".avi", ".webm")]


def _read_video(path: Path) -> None:
    from mien.media.source import open_source

    last = -1.0
    with open_source(path) as source:
        for i, frame in enumerate(source):
            assert frame.image.dtype == np.uint8
            assert frame.time_s >= last
            last = frame.time_s
            if i > 500:
                break


READERS: dict[str, Reader] = {
    reader.name: reader
    for reader in (
        *(_pictures(k) for k in ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "AVIF", "JPEG2000", "TGA")),
        Reader("data set, CSV of pixels and votes", _make_kaggle, _read_data, text=True),
        Reader("data set, CSV of paths and selections", _make_paths, _read_data, text=True),
        Reader("data set, zip archive", _make_zip, _read_data, harm=_odd_zip),
        Reader("data set, Parquet", _make_parquet, _read_data, native=True, needs=("pyarrow",)),
        Reader("faces, Parquet", _make_faces_parquet, _read_faces, native=True, needs=("pyarrow",)),
        Reader("faces, WIDER FACE list", _make_wider, _read_faces, text=True),
        Reader("faces, Pascal VOC", _make_voc, _read_faces, text=True),
        Reader("settings, TOML", _make_settings, _read_settings, text=True, needs=("torch",)),
        Reader("evaluation, JSON", _make_evaluation, _read_evaluation, text=True, harm=_odd_json_file),
        Reader("model file, ONNX", _make_models, _read_model, native=True, harm=_odd_model, needs=("onnx",)),
        Reader("training run", _make_weights, _read_run, harm=_odd_run, needs=("torch", "safetensors")),
        Reader("video, MP4, AVI and WebM", _make_videos, _read_video, native=True),
    )
}  # fmt: skip
