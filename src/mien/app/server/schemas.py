"""The shapes of answers, for `/openapi.json`: the same fields as `docs/schema/analysis.schema.json`."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

__all__ = [
    "AnalysisOut",
    "CropOut",
    "DataOut",
    "ErrorOut",
    "FaceOut",
    "JobOut",
    "ModelOut",
    "ReadyOut",
    "SamplesOut",
    "StateOut",
    "TimelineOut",
]


class _Out(BaseModel):
    model_config = ConfigDict(protected_namespaces=())


class FaceOut(_Out):
    """One face."""

    box: list[float] = Field(description="x1, y1, x2, y2 in pixels of the picture; may leave it.")
    score: float = Field(description="How sure the detector is, in its own scale.")
    emotion: str = Field(description="Most probable expression. It says how the face looks, not what a person feels.")
    confidence: float = Field(description="Calibrated probability of that expression, 0..1.")
    uncertain: bool = Field(
        description="Whether the confidence is below the threshold: then the expression is a guess."
    )
    probabilities: dict[str, float] = Field(description="Probability of every expression; they sum to 1.")
    landmarks: list[list[float]] | None = Field(description="Eyes, nose, corners of the mouth as x, y in pixels.")
    track: int | None = Field(None, description="The face's number over time; live and video only.")
    smooth: dict[str, float] | None = Field(None, description="Probabilities smoothed over time; live and video only.")


class AnalysisOut(_Out):
    """One picture, as docs/schema/analysis.schema.json describes it."""

    source: str
    width: int | None
    height: int | None
    detector: str | None
    model: str | None
    faces: list[FaceOut]
    error: str | None = Field(description="Why the picture could not be read, or null.")


class _ErrorBody(_Out):
    status: int
    code: str
    message: str


class ErrorOut(_Out):
    """Every error of the service."""

    error: _ErrorBody


class CropOut(_Out):
    """What the model's crops look like; docs/model-format.md."""

    size: int
    margin: float
    color: Literal["gray", "rgb"]
    align: Literal["none", "eyes"]
    shift_y: float
    least_tilt: float


class ModelOut(_Out):
    """What reads the faces, and how well."""

    version: str = Field(description="Version of mien.")
    name: str
    labels: list[str]
    colours: dict[str, str] = Field(description="Colour of each expression, as on the page.")
    crop: CropOut
    sha256: str
    bytes: int
    precision: str
    temperature: float
    uncertain_below: float = Field(description="Faces with less confidence are marked as uncertain.")
    license: str
    created: str
    training: dict[str, Any]
    metrics: dict[str, Any]
    evaluation: dict[str, Any] | None = Field(
        description="The shipped judgement of the model file, where there is one."
    )
    detector: str


class StateOut(_Out):
    """Whether the process lives."""

    status: Literal["ok"]


class ReadyOut(_Out):
    """Whether the models are loaded."""

    status: Literal["ready"]


class JobOut(_Out):
    """A video that is being read."""

    id: str
    state: Literal["waiting", "reading", "done", "failed"]
    progress: float | None = Field(description="0..1, or null while nobody knows how long the video is.")
    frames: int
    faces: int = Field(description="Rows of the time line: faces, summed over all frames.")
    duration_s: float | None
    width: int | None
    height: int | None
    notes: list[str]
    error: str | None


class TimelineOut(_Out):
    """A video's readings: one row per face and frame, in order of time; docs/video.md describes the columns."""

    labels: list[str]
    columns: list[str]
    rows: list[dict[str, Any]]


class SplitOut(_Out):
    """A split of a data set."""

    name: str = Field(description="train, validation, test, or empty where a picture has no split.")
    pictures: int
    counts: list[int] = Field(description="Pictures of every class, in the order of the labels.")


class MeanOut(_Out):
    """A mean face."""

    label: str
    of: int = Field(description="How many pictures it is made of; never fewer than 20.")
    png: str = Field(description="A data URL.")


class DataOut(_Out):
    """A data set without its pictures."""

    format: str
    name: str
    pictures: int
    sha256: str
    labels: list[str]
    colours: dict[str, str] = Field(description="Colour of each class, as on the page.")
    splits: list[SplitOut]
    unlabelled: int = Field(description="Pictures without a label.")
    unreadable: int = Field(description="Files that could not be read and are left out.")
    sizes: dict[str, Any] | None = Field(description="Width and height in pixels, and pictures by their longer side.")
    grey: float = Field(description="Share of grey pictures, 0..1.")
    means: list[MeanOut] = Field(description="Mean faces of the classes that have pictures enough.")
    faults: dict[str, int] = Field(description="Pictures with something wrong: copies, leaks, conflicts, blank.")


class SamplesOut(_Out):
    """Some pictures of a class."""

    label: str
    pictures: list[str] = Field(description="Data URLs.")
