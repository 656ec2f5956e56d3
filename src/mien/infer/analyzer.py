"""The whole way from a picture to readings: load, detect, crop, classify.

Composes the other modules of this room and holds no state but the opened models.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, final

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PilImage

from mien.core.errors import InputError
from mien.core.types import Analysis, Classifier, Detector, Face, Frame, Image, Reading
from mien.infer.crop import crop_faces, fit_crops
from mien.infer.options import AnalyzerOptions
from mien.infer.plug import as_classifier, as_detector
from mien.pictures.decode import ColorOrder, ImageSource, load_image

if TYPE_CHECKING:
    from mien.infer.stream import StreamOptions, StreamReader

__all__ = ["Analyzer", "analyze"]

_T = TypeVar("_T")

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
    ) -> None:
        self.options = AnalyzerOptions(
            model, detector, detect_side, min_face, max_faces, min_confidence, threads, max_pixels
        )
        self.classifier: Classifier = as_classifier(model, threads)
        self.detector: Detector = as_detector(detector, self.options.looking)

    @classmethod
    def of(cls, options: AnalyzerOptions) -> Analyzer:
        """The analyzer of some options.

        Raises:
            OptionError, ModelError, StoreError: as the constructor.

        """
        return cls(**{field.name: getattr(options, field.name) for field in fields(AnalyzerOptions)})

    @property
    def uncertain_below(self) -> float:
        """Readings with a smaller confidence are uncertain, in 0..1."""
        own = self.options.min_confidence
        return self.classifier.uncertain_below if own is None else own

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
        _refuse_single(images)
        found: list[list[Reading]] = []
        for chunk in _chunks(images, _CHUNK):
            found += self._read([load_image(i, color=color, max_pixels=self.options.max_pixels) for i in chunk])
        return found

    def report(self, source: ImageSource, *, color: ColorOrder = "bgr", name: str | None = None) -> Analysis:
        """One picture as a record that also tells its size, the detector and the model.

        Raises:
            ImageError: the picture cannot be read.

        """
        picture = load_image(source, color=color, max_pixels=self.options.max_pixels)
        return self._analysis(name or _name_of(source), picture, self._read([picture])[0])

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
        _refuse_single(sources)
        for chunk in _chunks(sources, _CHUNK):
            loaded = [self._try_load(source) for source in chunk]
            pictures = [item for item in loaded if isinstance(item, np.ndarray)]
            readings = iter(self._read(pictures))
            for source, item in zip(chunk, loaded, strict=True):
                name = _name_of(source)
                if isinstance(item, InputError):
                    yield None, Analysis(name, None, None, self.detector.name, self._model_name, error=str(item))
                else:
                    yield item, self._analysis(name, item, next(readings))

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
        _refuse_single(crops)
        checked = [_check_crop(crop, i) for i, crop in enumerate(crops)]
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
        faces = [list(self.detector.detect(picture)) for picture in pictures]
        spec = self.classifier.crop
        crops = [crop_faces(picture, found, spec) for picture, found in zip(pictures, faces, strict=True)]
        if not any(len(c) for c in crops):
            return [[] for _ in pictures]
        rows = iter(self.classifier.classify(np.concatenate(crops)))
        return [[self._reading(face, next(rows)) for face in found] for found in faces]

    def _reading(self, face: Face, row: NDArray[np.float32]) -> Reading:
        return Reading(face, self.labels, tuple(row.tolist()), uncertain_below=self.uncertain_below)


@dataclass
class _Shared:
    """The analyzer of `mien.analyze`, made at its first call."""

    analyzer: Analyzer | None = None


_shared = _Shared()


def analyze(image: ImageSource, *, color: ColorOrder = "bgr") -> list[Reading]:
    """Readings of all faces of a picture, with the default model and detector.

    Args:
        image: path, bytes, NumPy array ((H, W), (H, W, 3) or (H, W, 4); uint8, uint16 or float in 0..1) or Pillow
            image.
        color: channel order of an array, "bgr" or "rgb".

    Returns:
        One `Reading` per face, best face first; an empty list when there is no face.

    Raises:
        ImageError: the picture cannot be read; the text says why.

    """
    if _shared.analyzer is None:
        _shared.analyzer = Analyzer()
    return _shared.analyzer.analyze(image, color=color)


def _chunks(items: Iterable[_T], size: int) -> Iterator[list[_T]]:
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk


def _refuse_single(pictures: object) -> None:
    """A single picture would be taken for a row of them: a path letter by letter, an array row by row."""
    single = isinstance(pictures, str | bytes | bytearray | memoryview | os.PathLike | PilImage.Image)
    if isinstance(pictures, np.ndarray):
        _, width, channels = pictures.shape if pictures.ndim == 3 else (0, 0, 0)
        single = pictures.ndim == 2 or (channels in (3, 4) and width != channels)
    if single:
        raise InputError(f"Expected several pictures, got a single {type(pictures).__name__}; put it into a list.")


def _name_of(source: ImageSource) -> str:
    return os.fspath(source) if isinstance(source, str | os.PathLike) else f"<{type(source).__name__}>"


def _check_crop(crop: object, index: int) -> NDArray[np.uint8]:
    ok = isinstance(crop, np.ndarray) and crop.dtype == np.uint8 and crop.size > 0
    if ok and isinstance(crop, np.ndarray) and (crop.ndim == 2 or (crop.ndim == 3 and crop.shape[2] == 3)):
        return crop
    got = f"{crop.dtype} {crop.shape}" if isinstance(crop, np.ndarray) else type(crop).__name__
    raise InputError(f"Expected uint8 crops of shape (S, S) or (S, S, 3), got {got} at position {index}.")
