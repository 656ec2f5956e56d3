"""`mien detect`: boxes and landmarks of the faces in photographs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mien.app.inputs import ANNOTATED, Inputs
from mien.app.options import analyzer_options
from mien.app.records import plain, totals
from mien.app.terminal import console, notice
from mien.core.errors import ImageError
from mien.core.files import make_folder
from mien.core.types import Detector, Face, Image

if TYPE_CHECKING:
    from mien.infer.options import AnalyzerOptions, Rotate


@dataclass(frozen=True, eq=False)
class _Record:
    source: str
    image: Image | None
    faces: Sequence[Face]
    error: str | None = None

    def to_dict(self, detector: str) -> dict[str, Any]:
        height, width = (None, None) if self.image is None else self.image.shape[:2]
        faces = [
            {"box": f.box, "score": f.score, "landmarks": None if f.landmarks is None else f.landmarks}
            for f in self.faces
        ]
        body = {"source": self.source, "width": width, "height": height, "detector": detector}
        return {**body, "faces": faces, "error": self.error}


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@analyzer_options("detector", "min_face", "max_faces", "detect_side", "device", "rotate")
@click.option(
    "--min-score",
    type=click.FloatRange(0, 1),
    metavar="P",
    help="Leave out faces with a smaller score, 0 to 1.  [default: the detector's own]",
)
@click.option(
    "--annotate",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Write each picture with boxes and landmarks into this folder.",
)
@click.option(
    "--format", "kind", type=click.Choice(("table", "json")), default="table", show_default=True, help="Output format."
)
def command(
    paths: tuple[str, ...], *, kind: str, annotate: Path | None, min_score: float | None, analysis: AnalyzerOptions
) -> None:
    """Find the faces in photographs.

    PATH is a picture, a folder (with its subfolders) or a quoted pattern such as 'party/*.jpg'. A box is x1, y1, x2,
    y2 in pixels; landmarks are right eye, left eye, nose, right and left mouth corner (the person's right).

    A picture that cannot be read becomes a record with an error and does not stop the others; the exit status is
    then 1.
    """
    from mien.infer.detect import open_detector

    detector = open_detector(str(analysis.detector), replace(analysis.looking, min_score=min_score))
    if annotate is not None:
        make_folder(annotate)
    inputs = Inputs(paths, annotate)
    records = []
    for number, record in enumerate(_records(inputs, detector, analysis.rotate)):
        if annotate is not None and record.image is not None:
            _annotate(annotate / f"{number:04d}-{Path(record.source).stem}{ANNOTATED}", record)
        records.append(record.to_dict(detector.name))
    if kind == "json":
        click.echo(json.dumps(records, ensure_ascii=False, allow_nan=False, indent=1))
    else:
        _show(records)
    failed = sum(record["error"] is not None for record in records)
    notice(totals(len(records), sum(len(r["faces"]) for r in records), failed) + inputs.remarks())
    if failed:
        raise SystemExit(1)


def _records(inputs: Inputs, detector: Detector, rotate: Rotate) -> Iterator[_Record]:
    from mien.infer.turn import find_faces
    from mien.pictures.decode import load_image

    for path, problem in inputs.found:
        if problem is not None:
            yield _Record(path, None, (), problem)
            continue
        try:
            image = load_image(path)
        except ImageError as error:
            yield _Record(path, None, (), str(error))
            continue
        inputs.look(path)
        yield _Record(path, image, find_faces(detector, image, rotate).faces_as_given())


def _annotate(path: Path, record: _Record) -> None:
    from mien.draw.marks import draw_faces
    from mien.pictures.write import write_picture

    if record.image is not None:
        write_picture(path, draw_faces(record.image, record.faces))


def _show(records: Sequence[dict[str, Any]]) -> None:
    from rich.table import Column, Table

    picture = Column("Picture", overflow="fold")
    table = Table(picture, "Face", "Score", "Box (x1 y1 x2 y2, px)", "Eyes (right, left)", box=None, pad_edge=False)
    for record in records:
        if record["error"] is not None:
            continue
        name = plain(record["source"])
        if not record["faces"]:
            table.add_row(name, "-", "", "no face")
        for number, face in enumerate(record["faces"], 1):
            points = face["landmarks"]
            eyes = "" if points is None else "  ".join(f"{x:.0f},{y:.0f}" for x, y in points[:2])
            box = " ".join(f"{v:.0f}" for v in face["box"])
            table.add_row(name, str(number), f"{face['score']:.2f}", box, eyes)
    out = console()
    if table.rows:
        out.print(table)
    for record in records:
        if record["error"] is not None:
            out.print(f"[red]error[/red] {plain(record['error'])}", soft_wrap=True)
