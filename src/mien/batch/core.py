"""One chunk in, one part out: the whole work of a process, the same in every engine.

A process opens its models once. Faces of many pictures are classified together; of the pictures themselves one is held
at a time. Which faces go together depends on the chunk alone, so a part has the same bytes whoever makes it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.batch.cursors import Content, Cursors, Given
from mien.batch.parts import Done, writing_part
from mien.batch.places import Folder, is_address
from mien.batch.plan import Chunk, passed_in
from mien.batch.rows import PASSED_OVER, FaceRows, InputRow, InputRows, Place, code_of, faces_schema, inputs_schema
from mien.batch.settings import Settings
from mien.core.errors import ImageError, MienError, ModelError, VideoError
from mien.core.text import printable
from mien.core.types import Face
from mien.infer.plug import model_file
from mien.pictures.decode import load_image
from mien.pictures.moving import HELD, pictures_in
from mien.pictures.quiet import QUIET

__all__ = ["Worker"]

_CROPS = 64
"""Faces that are classified together; the classifier cuts them to what its runtime likes best."""
_FACES_HELD = 4096  # rows of a video that wait in memory

Watch = Callable[[int], None]


@dataclass
class _Counts:
    inputs: int = 0
    faces: int = 0
    errors: int = 0
    frames: int = 0


@dataclass
class _Waiting:
    """Faces whose crops are not classified yet."""

    places: list[tuple[Place, int, Face]] = field(default_factory=list)
    crops: list[NDArray[np.uint8]] = field(default_factory=list)


class Worker:
    """Reads chunks and writes parts; used by one thread.

    Args:
        settings: how to read.
        folder: the result folder.
        job: the job's identity, for the parts' metadata.

    Raises:
        MienError: a model or detector cannot be opened.

    """

    def __init__(self, settings: Settings, folder: Folder, job: str) -> None:
        import pyarrow as pa

        cv2.setNumThreads(1)
        pa.set_cpu_count(1)
        pa.set_io_thread_count(1)
        self._settings, self._folder = settings, folder
        self._cursors = Cursors()
        self._analyzer = settings.analyzer(settings.max_faces)
        classifier = model_file(self._analyzer.classifier)
        info = classifier.info
        facts = {"job": job, "model": info.name, "model_sha256": classifier.sha256}
        facts |= {"detector": self._analyzer.detector.name}
        self._faces_schema = faces_schema(info.labels, facts, settings.keep_columns)
        self._inputs_schema = inputs_schema(facts, settings.keep_columns)

    def run(self, chunk: Chunk, watch: Watch | None = None, refused: Collection[int] = ()) -> Done:
        """Make the part of a chunk.

        Args:
            chunk: what to read.
            watch: told the position in the chunk of every input before it is touched.
            refused: positions that must not be touched, because a process died of them.

        Raises:
            OutputError: the part cannot be written.
            ModelError: the classifier fails.

        """
        analyzer, kept = self._analyzer, len(self._settings.keep_columns)
        faces = FaceRows(self._faces_schema, analyzer.labels, analyzer.uncertain_below, kept)
        inputs = InputRows(self._inputs_schema, kept)
        counts = _Counts()
        with QUIET, writing_part(self._folder, chunk.part, self._faces_schema, self._inputs_schema) as part:
            if chunk.kind == "video":
                if watch is not None:
                    watch(0)
                row = _refusal("video") if refused else self._video(chunk, faces, part.faces)
                inputs.add(Place(chunk.first, chunk.shown), row)
                counts = _Counts(1, row.faces, row.error is not None, row.frames or 0)
            elif chunk.kind == "passed":
                _passed_over(chunk, inputs)
            else:
                self._pictures(chunk, faces, inputs, counts, watch or _ignore, refused)
            part.faces(faces.take())
            done = Done(chunk.part, counts.inputs, counts.faces, int(counts.errors), counts.frames)
            part.inputs(inputs.take(), done)
        return done

    def close(self) -> None:
        """Let go of the source that is open."""
        self._cursors.close()

    def _pictures(
        self, chunk: Chunk, faces: FaceRows, inputs: InputRows, counts: _Counts, watch: Watch, refused: Collection[int]
    ) -> None:
        waiting = _Waiting()
        for index, given in enumerate(self._given(chunk, watch)):
            place = Place(chunk.first + index, given.source, given.member, given.row, given.kept)
            row = _refusal("image") if index in refused else self._picture(place, given, waiting)
            if given.note:
                row = replace(row, note=" ".join(filter(None, (printable(given.note), row.note))))
            inputs.add(place, row)
            counts.inputs += 1
            counts.faces += row.faces
            counts.errors += row.error is not None
            if len(waiting.places) >= _CROPS:
                self._classify(waiting, faces)
        self._classify(waiting, faces)

    def _given(self, chunk: Chunk, watch: Watch) -> Iterator[Given]:
        watch(0)
        for index, given in enumerate(self._cursors.read(chunk, self._settings.column, self._settings.keep_columns)):
            yield given
            watch(index + 1)

    def _picture(self, place: Place, given: Given, waiting: _Waiting) -> InputRow:
        """The row of one picture; its crops join those that wait."""
        if given.content is None:
            return InputRow("image", error=_error(given, given.problem), code=given.code)
        try:
            image = load_image(given.content, max_pixels=self._settings.max_pixels)
        except ImageError as error:
            return InputRow("image", error=_error(given, error), code=code_of(error))
        height, width = image.shape[:2]
        try:
            found, crops = self._analyzer.cut(image)
        except (ModelError, MemoryError, cv2.error) as error:
            reason = f"no faces could be looked for in {width} x {height} pixels ({_reason(error)})"
            return InputRow("image", width, height, error=_error(given, reason), code="failed")
        waiting.crops.append(crops)
        waiting.places += [(place, number, face) for number, face in enumerate(found)]
        return InputRow("image", width, height, faces=len(found), note=_note(given.content))

    def _classify(self, waiting: _Waiting, faces: FaceRows) -> None:
        if waiting.places:
            values = self._analyzer.classifier.classify(np.concatenate(waiting.crops))  # (N, K)
            for (place, number, face), row in zip(waiting.places, values, strict=True):
                faces.add(place, number, face, row)
        waiting.places, waiting.crops = [], []

    def _video(self, chunk: Chunk, faces: FaceRows, write: Callable[[Any], None]) -> InputRow:
        """The row of a video; its faces are written as they come."""
        from mien.media.source import open_source

        if is_address(chunk.base):
            text = f"{chunk.shown}: a video in an object store; copy it to a disk first."
            return InputRow("video", error=text, code="unsupported")
        # The largest faces are chosen per video, so that a shown face stays in; the detector finds them all.
        limit = self._settings.max_faces
        # Pictures may be turned; a video says itself how it is shown.
        same = limit is None and self._settings.rotate == 0
        analyzer = self._analyzer if same else replace(self._settings, rotate=0).analyzer(None)
        place, found, frames, size = Place(chunk.first, chunk.shown), 0, 0, (None, None)
        reader = analyzer.reader(max_faces=limit)
        error = note = code = None
        try:
            with open_source(chunk.base, every_s=self._settings.every_s) as source:
                size = (source.width, source.height)
                for frame in source:
                    readings = reader.read(frame)
                    for number, reading in enumerate(readings):
                        faces.add_reading(place, number, frame.index, frame.time_s, reading)
                    found, frames = found + len(readings), frames + 1
                    if len(faces) >= _FACES_HELD:
                        write(faces.take())
                note = " ".join(source.notes) or None
        except VideoError as problem:
            error, code = problem.about(chunk.shown), code_of(problem)
        except (MienError, MemoryError, cv2.error) as problem:
            error, code = f"{chunk.shown}: reading stopped after {frames} frames ({_reason(problem)}).", "failed"
        return InputRow("video", *size, frames, found, error, note, code)


def _passed_over(chunk: Chunk, inputs: InputRows) -> None:
    """Rows that stand for files that are no inputs, one for each suffix in a folder or an archive."""
    for name, times in passed_in(chunk):
        source, _, pattern = name.rpartition("/")
        inputs.add(Place(None, source, pattern), InputRow("other", code=PASSED_OVER, files=times))


def _note(content: Content) -> str | None:
    held = pictures_in(content) if isinstance(content, bytes) else 1
    return f"{HELD.format(count=held)}." if held > 1 else None


def _ignore(_index: int) -> None:
    """Nobody watches."""


def _refusal(kind: str) -> InputRow:
    text = "The process that read it ended unexpectedly, twice, so it is left out; the file is corrupted or hostile."
    return InputRow(kind, error=text, code="ended_process")


def _reason(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else "too little memory"


def _error(given: Given, problem: str | ImageError) -> str:
    """A printable sentence that names the input."""
    text = problem.about(given.name) if isinstance(problem, ImageError) else f"{given.name}: {problem}"
    return printable(text if text.endswith(".") else f"{text}.")
