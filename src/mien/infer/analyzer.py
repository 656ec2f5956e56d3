"""The whole way from a picture to readings: load, detect, crop, classify.

Composes the other modules of this room and holds no state but the opened models.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mien.core.errors import InputError, OptionError
from mien.core.types import Analysis, Classifier, Detector, Face, Frame, Image, Reading
from mien.infer.crop import crop_faces, fit_crops
from mien.infer.detectors.table import detector_row
from mien.infer.given import check_crop, chunks, faces_at, name_of, refuse_single
from mien.infer.options import AnalyzerOptions, Rotate
from mien.infer.plug import as_classifier, as_detector
from mien.infer.turn import find_faces
from mien.pictures.decode import ColorOrder, ImageSource, load_image

if TYPE_CHECKING:
    from mien.infer.stream import StreamOptions, StreamReader

__all__ = ["Analyzer"]

_CHUNK = 16
"""Pictures held at once by `reports`: enough to fill the classifier's batches, little memory."""


@final
class Analyzer:
    """Reads expressions from pictures; opens its models once. Threads may share it.

    Args:
        model: shipped name, `.onnx` file, folder of a training run, or an object that is a `mien.Classifier`.
        detector: name or file, as `mien.infer.detect.open_detector` takes it, or an object that is a `mien.Detector`
            (which gets pictures in their full size).
        detect_side: longest side at which faces are looked for; None for full size (finds tiny faces, slower).
        min_face: leave out faces smaller than this, in pixels of the picture.
        max_faces: read at most this many faces of a picture, the largest ones.
        min_confidence: readings with a smaller confidence are marked as uncertain, in 0..1; None takes the model's own
            threshold (`docs/judging.md`).
        threads: threads of the classifier's runtime, 1 to 256; one is fastest for single faces.
        max_pixels: largest picture to decode.
        device: what computes: "cpu", "cuda", "rocm", "coreml", "directml", "openvino", or "auto" for the first of
            them that is there (`docs/devices.md`).
        rotate: degrees clockwise by which pictures are turned before faces are looked for, 0, 90, 180 or 270, or "auto"
            for the direction whose faces are surest. Boxes are those of the picture as it was given.

    Raises:
        OptionError: unknown name or impossible value.
        ModelError, StoreError: a model file is missing or damaged.

    """

    def __init__(
        self,
        model: str | Path | Classifier = AnalyzerOptions.model,
        detector: str | Path | Detector = AnalyzerOptions.detector,
        *,
        detect_side: int | None = AnalyzerOptions.detect_side,
        min_face: float = AnalyzerOptions.min_face,
        max_faces: int | None = AnalyzerOptions.max_faces,
        min_confidence: float | None = AnalyzerOptions.min_confidence,
        threads: int = AnalyzerOptions.threads,
        max_pixels: int = AnalyzerOptions.max_pixels,
        device: str = AnalyzerOptions.device,
        rotate: Rotate = AnalyzerOptions.rotate,
    ) -> None:
        self.options = AnalyzerOptions(
            model, detector, detect_side, min_face, max_faces, min_confidence, threads, max_pixels, device, rotate
        )
        self.classifier: Classifier = as_classifier(model, threads, device)
        self.detector: Detector = as_detector(detector, self.options.looking)

    @classmethod
    def of(cls, options: AnalyzerOptions) -> Analyzer:
        """The analyzer of some options.

        Raises:
            OptionError, ModelError, StoreError: as the constructor.

        """
        return cls(**{field.name: getattr(options, field.name) for field in fields(AnalyzerOptions)})

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled and copied by its options: the models are opened again where it arrives."""
        return Analyzer.of, (self.options,)

    @property
    def uncertain_below(self) -> float:
        """Readings with a smaller confidence are uncertain, in 0..1."""
        own = self.options.min_confidence
        return self.classifier.uncertain_below if own is None else own

    @property
    def sure_score(self) -> float:
        """Mean score from which on a face in a video is plausible, in the detector's scale; 0 where none is known."""
        row = detector_row(self.detector.name)
        return 0.0 if row is None else row.sure_score

    @property
    def labels(self) -> tuple[str, ...]:
        """The K labels, in the order of the columns of `classify`."""
        return self.classifier.labels

    def analyze(self, image: ImageSource, *, color: ColorOrder = "bgr") -> list[Reading]:
        """Readings of all faces of a picture, best face first; an empty list when there is no face.

        Args:
            image: path, bytes, NumPy array or Pillow image, as `mien.pictures.decode.load_image` takes them.
            color: channel order of an array.

        Raises:
            ImageError: the picture cannot be read.

        """
        picture = load_image(image, color=color, max_pixels=self.options.max_pixels)
        return self._read([picture])[0]

    def analyze_batch(self, images: Iterable[ImageSource], *, color: ColorOrder = "bgr") -> list[list[Reading]]:
        """Readings of several pictures, in their order; the faces of all of them are classified together.

        Args:
            images: pictures as `analyze` takes them, also of different kinds and sizes; may be empty.
            color: channel order of arrays.

        Raises:
            ImageError: a picture cannot be read (use `reports` to go on after such a one).
            InputError: a single picture instead of several.

        """
        refuse_single(images)
        found: list[list[Reading]] = []
        for chunk in chunks(images, _CHUNK):
            found += self._read([load_image(i, color=color, max_pixels=self.options.max_pixels) for i in chunk])
        return found

    def report(self, source: ImageSource, *, color: ColorOrder = "bgr", name: str | None = None) -> Analysis:
        """One picture as a record that also tells its size, the detector and the model.

        Raises:
            ImageError: the picture cannot be read.

        """
        picture = load_image(source, color=color, max_pixels=self.options.max_pixels)
        return self._analysis(name or name_of(source), picture, self._read([picture])[0])

    def reports(self, sources: Iterable[ImageSource]) -> Iterator[Analysis]:
        """Records of many pictures, in order; one that cannot be read becomes a record with `error`.

        Args:
            sources: paths, or pictures of the other kinds that `analyze` takes.

        Raises:
            InputError: a single picture instead of several.

        """
        for _, analysis in self.reports_with_images(sources):
            yield analysis

    def reports_with_images(self, sources: Iterable[ImageSource]) -> Iterator[tuple[Image | None, Analysis]]:
        """As `reports`, each with the decoded picture, (H, W, 3) uint8 BGR (None when it could not be read)."""
        refuse_single(sources)
        for chunk in chunks(sources, _CHUNK):
            loaded = [self._try_load(source) for source in chunk]
            pictures = [item for item in loaded if isinstance(item, np.ndarray)]
            readings = iter(self._read(pictures))
            for source, item in zip(chunk, loaded, strict=True):
                name = name_of(source)
                if isinstance(item, InputError):
                    yield None, Analysis(name, None, None, self.detector.name, self._model_name, error=str(item))
                else:
                    yield item, self._analysis(name, item, next(readings))

    def read(
        self, image: ImageSource, boxes: ArrayLike, landmarks: ArrayLike | None = None, *, color: ColorOrder = "bgr"
    ) -> list[Reading]:
        """Readings of faces that the caller has found, in their order, cut out as in training.

        Args:
            image: as `analyze` takes it.
            boxes: (N, 4), x1, y1, x2, y2 in pixels of the upright picture; N may be 0. A box holds a face from the
                forehead to the chin; the model's margin is added.
            landmarks: (N, 5, 2): right eye, left eye, nose, right and left mouth corner (the person's right); with them
                tilted faces are turned upright, where the model wants that.
            color: channel order of an array.

        Raises:
            ImageError: the picture cannot be read.
            InputError: boxes or landmarks of another shape, or a box without area.

        """
        picture = load_image(image, color=color, max_pixels=self.options.max_pixels)
        faces = faces_at(boxes, landmarks)
        return self._readings([faces], [crop_faces(picture, faces, self.classifier.crop)])[0]

    def cut(self, picture: Image) -> tuple[list[Face], NDArray[np.uint8]]:
        """Faces of a decoded picture, in its pixels, and their crops as the classifier takes them.

        Args:
            picture: (H, W, 3) uint8 BGR.

        """
        found = find_faces(self.detector, picture, self.options.rotate)
        return found.faces_as_given(), crop_faces(found.upright, found.faces, self.classifier.crop)

    def report_cut(self, name: str, picture: Image, faces: Sequence[Face], crops: NDArray[np.uint8]) -> Analysis:
        """One decoded picture as a record, from its faces and their crops as `cut` gives them.

        Args:
            name: what to call the picture.
            picture: (H, W, 3) uint8 BGR.
            faces: N faces.
            crops: (N, S, S) or (N, S, S, 3) uint8.

        """
        return self._analysis(name, picture, self._readings([list(faces)], [crops])[0])

    def classify(self, crops: NDArray[np.uint8] | Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """Probabilities of face crops that were cut out already.

        Args:
            crops: (N, S, S) uint8 grey of any S, (N, S, S, 3) BGR, or a list of such pictures of any sizes; N may be
                0.

        Returns:
            (N, K) float32, columns in the order of `labels`.

        Raises:
            InputError: another type or shape.

        """
        refuse_single(crops)
        checked = [check_crop(crop, i) for i, crop in enumerate(crops)]
        return self.classifier.classify(fit_crops(checked, self.classifier.crop))

    def stream(
        self, frames: Iterable[Frame], options: StreamOptions | None = None, **changes: Any
    ) -> Iterator[tuple[Frame, list[Reading]]]:
        """Readings of a video, with stable tracks and steady labels.

        Args:
            frames: in order of time, as `mien.open_source` gives them; may be endless.
            options: how the video is read; None for the defaults.
            changes: fields of `StreamOptions` that replace those of `options`.

        Returns:
            An iterator of each frame with its readings; a frame without faces comes with an empty list.

        Raises:
            OptionError: an unknown option, or an impossible value of one.
            InputError: something else than frames.

        """
        if isinstance(frames, str | bytes | os.PathLike):
            raise InputError("Expected frames, got a path; open it with mien.open_source(path).")
        reader = self.reader(options, **changes)
        return ((frame, reader.read(frame)) for frame in frames)

    def reader(self, options: StreamOptions | None = None, **changes: Any) -> StreamReader:
        """The state of one video, which reads it frame by frame; `options` and `changes` as for `stream`."""
        from mien.infer.stream import StreamOptions, StreamReader

        if self.options.rotate != 0:
            raise OptionError("rotate is for pictures; turn the frames of a video before they are read (cv2.rotate).")
        wanted = (options or StreamOptions()).changed(**changes)
        if wanted.uncertain_below is None:
            wanted = wanted.changed(uncertain_below=self.options.min_confidence)
        return StreamReader(self.detector, self.classifier, wanted)

    @property
    def _model_name(self) -> str:
        return self.classifier.name

    def _try_load(self, source: ImageSource) -> Image | InputError:
        try:
            return load_image(source, max_pixels=self.options.max_pixels)
        except InputError as error:
            return error

    def _analysis(self, name: str, picture: Image, readings: list[Reading]) -> Analysis:
        height, width = picture.shape[:2]
        return Analysis(name, width, height, self.detector.name, self._model_name, tuple(readings))

    def _read(self, pictures: Sequence[Image]) -> list[list[Reading]]:
        """Detect in each picture, then classify the faces of all of them at once."""
        cut = [self.cut(picture) for picture in pictures]
        return self._readings([faces for faces, _ in cut], [crops for _, crops in cut])

    def _readings(self, faces: Sequence[list[Face]], crops: Sequence[NDArray[np.uint8]]) -> list[list[Reading]]:
        """Readings of the faces of several pictures, which are classified at once."""
        if not any(len(c) for c in crops):
            return [[] for _ in faces]
        rows = iter(self.classifier.classify(np.concatenate(crops)))
        return [[self._reading(face, next(rows)) for face in found] for found in faces]

    def _reading(self, face: Face, row: NDArray[np.float32]) -> Reading:
        return Reading(face, self.labels, tuple(row.tolist()), uncertain_below=self.uncertain_below)
