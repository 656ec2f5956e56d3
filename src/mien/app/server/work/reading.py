"""What is done where the models are, in a worker's thread or process: pictures and live frames to readings.

The functions are plain and their arguments and results can be pickled, so that both kinds of workers do the same.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Generic, TypeVar, final

from mien.infer.options import AnalyzerOptions

if TYPE_CHECKING:
    from mien.core.types import Analysis, Reading
    from mien.infer.analyzer import Analyzer
    from mien.infer.stream import StreamReader

__all__ = [
    "Facts",
    "LiveFrame",
    "Models",
    "Spoken",
    "Timed",
    "end_stream",
    "facts_of",
    "read_frame",
    "read_picture",
    "spoken_of",
]

_T = TypeVar("_T")


@dataclass(frozen=True)
class Facts:
    """What is known of the models when they have been opened."""

    labels: tuple[str, ...]
    model: str
    detector: str
    model_file: str
    told: Mapping[str, Any]
    """What `/v1/model` answers."""


@dataclass(frozen=True)
class Timed(Generic[_T]):
    """A result, and the seconds that each stage of the way to it took."""

    value: _T
    stages: Mapping[str, float]


@dataclass(frozen=True)
class LiveFrame:
    """A frame of a live connection and the bounds that hold for it."""

    stream: str
    """Whose frame it is."""
    number: int
    time_s: float
    picture: bytes
    most_pixels: int
    most_faces: int
    model: str | None = None
    """A packaged model instead of the usual one; the same for all frames of a connection."""


@final
class _Clock:
    """Seconds by stage."""

    def __init__(self) -> None:
        self.stages: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Measure what is done in the block."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.stages[name] = self.stages.get(name, 0.0) + time.perf_counter() - start


@dataclass(eq=False)
class Models:
    """The opened models of one worker, and the state of the live connections that it serves.

    Args:
        options: how pictures are read.

    Raises:
        OptionError, ModelError, StoreError: as `mien.Analyzer`.

    """

    options: AnalyzerOptions
    analyzer: Analyzer = field(init=False)
    _others: dict[str, Analyzer] = field(default_factory=dict)
    streams: dict[str, tuple[StreamReader, float]] = field(default_factory=dict)
    """What each live connection's frames have told so far, and the time of the last one."""

    def __post_init__(self) -> None:
        from mien.infer.analyzer import Analyzer

        self.analyzer = Analyzer.of(self.options)

    def chosen(self, model: str | None) -> Analyzer:
        """The analyzer with another packaged model, which is opened when it is first asked for; None: the usual one."""
        from mien.infer.analyzer import Analyzer

        if model is None:
            return self.analyzer
        if model not in self._others:
            changed = replace(self.analyzer.options, model=model, detector=self.analyzer.detector)
            self._others[model] = Analyzer.of(changed)
        return self._others[model]


@dataclass(frozen=True)
class Spoken:
    """What a live connection is told of its model."""

    labels: tuple[str, ...]
    model: str
    uncertain_below: float


def spoken_of(models: Models, model: str | None) -> Spoken:
    """What a live connection is told of its model, which is opened when it is first asked for; None: the usual one."""
    from mien.infer.plug import model_file

    analyzer = models.chosen(model)
    return Spoken(tuple(analyzer.labels), model_file(analyzer.classifier).name, analyzer.uncertain_below)


def facts_of(models: Models) -> Facts:
    """What the service tells about its models."""
    from mien.app.server.pagefiles import model_facts
    from mien.infer.plug import model_file

    analyzer = models.analyzer
    classifier = model_file(analyzer.classifier)
    told = model_facts(classifier, analyzer.detector.name, analyzer.uncertain_below)
    return Facts(tuple(analyzer.labels), classifier.name, analyzer.detector.name, str(classifier.path), told)


def read_picture(models: Models, data: bytes, name: str, model: str | None) -> Timed[Analysis]:
    """One picture, as `Analyzer.report` reads it, with the seconds of decoding, detection and classification.

    Raises:
        ImageError: the picture cannot be read.

    """
    from mien.pictures.decode import load_image

    analyzer, clock = models.chosen(model), _Clock()
    with clock.stage("decode"):
        picture = load_image(data, max_pixels=analyzer.options.max_pixels)
    with clock.stage("detect"):
        faces, crops = analyzer.cut(picture)
    with clock.stage("classify"):
        analysis = analyzer.report_cut(name, picture, faces, crops)
    return Timed(analysis, clock.stages)


def read_frame(models: Models, frame: LiveFrame) -> Timed[tuple[tuple[int, int], list[Reading]]]:
    """Size (width, height) and readings of a live frame.

    Raises:
        ImageError: the picture cannot be read.

    """
    from mien.core.types import Frame
    from mien.pictures.decode import load_image

    clock = _Clock()
    with clock.stage("decode"):
        image = load_image(frame.picture, max_pixels=frame.most_pixels)
    if frame.stream not in models.streams:
        reader = models.chosen(frame.model).reader(max_faces=frame.most_faces)
        models.streams[frame.stream] = (reader, frame.time_s)
    reader, last_s = models.streams[frame.stream]
    last_s = max(last_s, frame.time_s)
    models.streams[frame.stream] = (reader, last_s)
    with clock.stage("read"):
        readings = reader.read(Frame(image, frame.number, last_s))
    return Timed(((image.shape[1], image.shape[0]), readings), clock.stages)


def end_stream(models: Models, stream: str) -> None:
    """Forget a live connection."""
    models.streams.pop(stream, None)
