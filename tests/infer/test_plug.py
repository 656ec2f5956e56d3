"""Detectors and classifiers of the caller's own, in pictures and in videos."""

import threading

import numpy as np
import pytest

import mien
from mien.core.errors import ModelError, OptionError


class Corner:
    """Finds two faces of known places in every picture, and notices when two threads are inside at once."""

    name = "corner"

    def __init__(self) -> None:
        self.inside = self.most = 0
        self.seen: list[tuple[int, ...]] = []

    def detect(self, image):
        self.inside += 1
        self.most = max(self.most, self.inside)
        self.seen.append(image.shape)
        threading.Event().wait(0.002)
        self.inside -= 1
        return [mien.Face((0, 0, 10, 10), 0.5), mien.Face((20, 20, 60, 60), 0.9)]


class Light:
    """The brighter, the happier."""

    name = "light"
    labels = ("happy", "sad")
    crop = mien.CropSpec(size=16)
    uncertain_below = 0.75

    def classify(self, crops):
        happy = crops.reshape(len(crops), -1).mean(1) / 255
        return np.stack([happy, 1 - happy], axis=1)


def _picture(value: int = 255) -> np.ndarray:
    return np.full((80, 2000, 3), value, np.uint8)


def test_both_in_a_picture():
    """Names, labels, threshold and order are those of the objects; the picture comes whole."""
    detector = Corner()
    analyzer = mien.Analyzer(Light(), detector)

    report = analyzer.report(_picture())

    assert (report.model, report.detector) == ("light", "corner")
    assert [face.score for face in report.faces] == [0.9, 0.5]
    assert [face.probabilities for face in report.faces] == [{"happy": 1.0, "sad": 0.0}] * 2
    assert analyzer.uncertain_below == 0.75
    assert detector.seen == [(80, 2000, 3)]


def test_both_in_a_video():
    """The stream asks the same objects, and an uncertain reading is one by their threshold."""
    picture = (
        np.random.default_rng(0).integers(140, 220, (80, 2000, 3)).astype(np.uint8)
    )  # an appearance to tell faces by
    frames = [mien.Frame(picture, i, i / 25) for i in range(3)]

    found = list(mien.Analyzer(Light(), Corner()).stream(frames, detector_every=1))

    assert [[face.track for face in readings] for _, readings in found] == [[1, 2]] * 3
    assert all(face.emotion == "happy" and face.uncertain for _, readings in found for face in readings)


def test_faces_are_chosen_as_for_other_detectors():
    """The smallest face and the number of faces are heeded."""
    assert len(mien.Analyzer(Light(), Corner(), min_face=20).analyze(_picture())) == 1
    assert len(mien.Analyzer(Light(), Corner(), max_faces=1).analyze(_picture())) == 1


@pytest.mark.parametrize("safe", [False, True])
def test_threads(safe):
    """Threads go in one by one unless the detector says that it is thread-safe."""
    detector = Corner()
    detector.thread_safe = safe  # type: ignore[attr-defined]  # what a detector of one's own may say
    analyzer = mien.Analyzer(Light(), detector)
    workers = [threading.Thread(target=analyzer.analyze, args=(_picture(),)) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert len(detector.seen) == 8
    assert detector.most == 1 or safe


class Wrong(Light):
    def __init__(self, answer) -> None:
        self.answer = answer

    def classify(self, crops):
        return self.answer


@pytest.mark.parametrize(
    "answer", [np.ones((1, 2)), np.ones((2, 3)), np.ones((2, 2)), [[-1, 2], [0, 1]], np.full((2, 2), np.nan)]
)
def test_answers_that_are_no_probabilities(answer):
    """A classifier that gives another shape, or rows that do not sum to 1, is told so by its name."""
    with pytest.raises(ModelError, match="The model light must give probabilities"):
        mien.Analyzer(Wrong(answer), Corner()).analyze(_picture())


@pytest.mark.parametrize(
    "face", [(0, 0, 1, 1), None, mien.Face((0, 0, 1), 1.0), mien.Face((0, 0, 1, float("nan")), 1.0)]
)
def test_answers_that_are_no_faces(face):
    """A detector that gives something else than faces is told so by its name."""

    class Odd:
        name = "odd"

        def detect(self, image):
            return [face]

    with pytest.raises(ModelError, match="The detector odd must give mien.Face"):
        mien.Analyzer(Light(), Odd()).analyze(_picture())


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"detector": object()}, "Expected a detector as a name, a file or an object with name and detect"),
        ({"detector": Corner}, "got the class Corner itself"),
        ({"model": Corner()}, "Expected a model as a name, a file or an object with .* which has no labels"),
        ({"model": 3}, "got a int, which has no name"),
        ({"detector": "corner"}, "Unknown detector 'corner'"),
    ],
)
def test_objects_that_are_none(arguments, text):
    """What is neither a name nor such an object is refused, with what it lacks."""
    with pytest.raises(OptionError, match=text):
        mien.Analyzer(**{"model": Light(), "detector": Corner()} | arguments)


@pytest.mark.parametrize("part", [{"labels": ()}, {"labels": (1, 2)}, {"crop": 48}, {"uncertain_below": 3}])
def test_impossible_facts_of_a_classifier(part):
    """What the classifier says of itself is checked before the first picture."""
    model = Light()
    for name, value in part.items():
        setattr(model, name, value)
    with pytest.raises(OptionError, match="of the model light"):
        mien.Analyzer(model, Corner())


def test_options_of_a_stream():
    """An unknown option is one sentence with the nearest name; a value of another type as well."""
    analyzer = mien.Analyzer(Light(), Corner())

    with pytest.raises(OptionError, match="Unknown option of a stream 'max_face'. Did you mean 'max_faces'"):
        analyzer.stream([], max_face=1)
    with pytest.raises(OptionError, match="Unknown option of a stream 'smoothing'"):
        analyzer.stream([], smoothing=1)
    for bad in ({"hold_s": "1"}, {"margin": None}, {"time_constant_s": float("nan")}, {"uncertain_below": 2}):
        with pytest.raises(OptionError):
            analyzer.stream([], **bad)
    assert list(analyzer.stream([], mien.StreamOptions(hold_s=1.0), max_faces=2)) == []


def test_the_threshold_of_a_stream():
    """What is asked for counts first, then the analyzer's, then the model's."""
    frames = [mien.Frame(_picture(180), 0, 0.0)]

    def threshold(analyzer, *options):
        return next(analyzer.stream(frames, *options))[1][0].uncertain_below

    assert threshold(mien.Analyzer(Light(), Corner())) == 0.75
    assert threshold(mien.Analyzer(Light(), Corner(), min_confidence=0.3)) == 0.3
    assert (
        threshold(mien.Analyzer(Light(), Corner(), min_confidence=0.3), mien.StreamOptions(uncertain_below=0.1)) == 0.1
    )
    assert threshold(mien.Analyzer(Light(), Corner(), min_confidence=0.3), mien.StreamOptions(hold_s=1.0)) == 0.3


def test_arguments_are_the_options():
    """The arguments of `Analyzer` are the fields of `AnalyzerOptions`, in the same order and with the same defaults."""
    import inspect
    from dataclasses import fields

    given = inspect.signature(mien.Analyzer).parameters
    known = {field.name: field.default for field in fields(mien.AnalyzerOptions)}

    assert {name: parameter.default for name, parameter in given.items()} == known
    assert list(given) == list(known)
