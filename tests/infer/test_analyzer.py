"""The whole way from a picture to readings, with the golden model and with detectors that need no file."""

import json
import pickle
from dataclasses import FrozenInstanceError
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from PIL import Image as PilImage

import mien
from mien.core.errors import ImageError, InputError, OptionError
from mien.infer.analyzer import Analyzer

SCHEMA = Path(__file__).parents[2] / "docs" / "schema" / "analysis.schema.json"


@pytest.fixture(scope="module")
def analyzer(tiny_model) -> Analyzer:
    return Analyzer(tiny_model, "mien")


def test_a_photograph(analyzer, astronaut):
    """One face with its box, its probabilities and the most probable label."""
    readings = analyzer.analyze(astronaut)

    assert len(readings) == 1
    reading = readings[0]
    assert set(reading.probabilities) == {"sad", "happy"}
    assert sum(reading.probabilities.values()) == pytest.approx(1, abs=1e-5)
    assert reading.confidence == max(reading.probabilities.values()) == reading.probabilities[reading.emotion]
    x1, y1, x2, y2 = reading.box
    assert 150 < x1 < 200
    assert 240 < x2 < 300
    assert 40 < y1 < 80
    assert 150 < y2 < 200


@pytest.mark.parametrize(("least", "uncertain"), [(None, False), (0.0, False), (1.0, True)])
def test_the_least_confidence(tiny_model, hopper, least, uncertain):
    """The threshold of the model file (a half where it says nothing), or the one that is asked for; in videos too."""
    from mien.core.types import Frame

    analyzer = Analyzer(tiny_model, "none", min_confidence=least)
    (reading,) = analyzer.analyze(hopper)
    ((_, (streamed,)),) = analyzer.stream([Frame(hopper, 0, 0.0)])

    assert analyzer.uncertain_below == (0.5 if least is None else least)
    assert (reading.uncertain, streamed.uncertain) == (uncertain, uncertain)


@pytest.mark.parametrize("least", [-0.1, 1.1, float("nan"), "0.5"])
def test_an_impossible_least_confidence(tiny_model, least):
    """Shares lie in 0..1."""
    with pytest.raises(OptionError, match="must lie in 0..1"):
        Analyzer(tiny_model, "none", min_confidence=least)


def test_no_face_is_an_empty_list(analyzer, coffee):
    """Absence is not an error."""
    assert analyzer.analyze(coffee) == []
    assert analyzer.analyze(np.zeros((1, 1, 3), np.uint8)) == []


def test_a_batch_is_what_single_calls_give(analyzer, astronaut, hopper, coffee):
    """The faces of all pictures go through the classifier together, and each comes back to its own picture."""
    pictures = [astronaut, coffee, hopper] * 7

    together = analyzer.analyze_batch(pictures)

    single = [analyzer.analyze(picture) for picture in pictures[:3]] * 7
    assert [[r.box for r in found] for found in together] == [[r.box for r in found] for found in single]
    for found, expected in zip(together, single, strict=True):
        for a, b in zip(found, expected, strict=True):
            assert a.values == pytest.approx(b.values, abs=1e-6)


def test_readings_are_frozen_values(analyzer, astronaut):
    """A reading cannot be changed, can be compared, hashed and sent to another process, and becomes plain JSON."""
    reading = analyzer.analyze(astronaut)[0]
    with pytest.raises(FrozenInstanceError):
        reading.track = 3  # type: ignore[misc]

    assert pickle.loads(pickle.dumps(reading)) == reading
    assert hash(reading) == hash(pickle.loads(pickle.dumps(reading)))
    assert json.loads(json.dumps(reading.to_dict())) == reading.to_dict()


def test_a_report_fits_the_schema(analyzer, hopper_file, astronaut, tmp_path):
    """The documented JSON: for a picture with a face, from memory, and for a file that cannot be read."""
    schema = json.loads(SCHEMA.read_text("utf-8"))
    (tmp_path / "broken.jpg").write_bytes(hopper_file.read_bytes()[:9000])
    records = list(analyzer.reports([hopper_file, tmp_path / "broken.jpg", tmp_path / "no.png"]))
    records.append(analyzer.report(astronaut))

    for record in records:
        jsonschema.validate(record.to_dict(), schema)
    assert [r.error is None for r in records] == [True, False, False, True]
    assert (records[0].width, records[0].height) == (512, 600)
    assert records[0].detector == "mien"
    assert records[3].source == "<ndarray>"


def test_classify_crops_of_any_size(analyzer):
    """Arrays and lists of grey or BGR crops; columns are in the order of `labels`."""
    dark, light = np.zeros((2, 30, 30), np.uint8), np.full((50, 40, 3), 255, np.uint8)

    assert analyzer.labels == ("sad", "happy")
    assert analyzer.classify(dark).argmax(1).tolist() == [0, 0]
    assert analyzer.classify([dark[0], light]).argmax(1).tolist() == [0, 1]
    assert analyzer.classify([]).shape == (0, 2)
    for bad in ([np.zeros((4, 4), float)], [None], np.zeros((2, 4, 4, 1), np.uint8)):
        with pytest.raises(InputError, match="Expected uint8 crops"):
            analyzer.classify(bad)


def test_the_whole_picture_as_one_crop(tiny_model):
    """Detector "none": the picture is the crop, as with FER-2013's own pictures."""
    analyzer = Analyzer(tiny_model, "none")
    light = np.full((48, 48), 255, np.uint8)

    readings = analyzer.analyze(light)

    assert [r.emotion for r in readings] == ["happy"]
    assert readings[0].values == pytest.approx(tuple(analyzer.classify(light[None])[0]))


def test_colour_order_matters_to_the_crop(tiny_model):
    """A red picture read in the wrong order has another grey value, so the order must be named."""
    analyzer = Analyzer(tiny_model, "none")
    red_rgb = np.zeros((20, 20, 3), np.uint8)
    red_rgb[..., 0] = 255

    assert analyzer.analyze(red_rgb, color="rgb") != analyzer.analyze(red_rgb)


def test_wrong_use_is_said(analyzer, tiny_model):
    """What cannot be read is an error with a sentence, also in a batch."""
    with pytest.raises(ImageError, match="does not exist"):
        analyzer.analyze("no-such-file.jpg")
    with pytest.raises(ImageError, match="floats in 0..1"):
        analyzer.analyze_batch([np.full((4, 4), 9.0)])
    with pytest.raises(OptionError, match="must be at least 64 px"):
        Analyzer(tiny_model, detect_side=3)


def test_public_names_exist():
    """Everything that the package promises can be had from it, and nothing unknown."""
    for name in mien.__all__:
        assert getattr(mien, name) is not None
    assert set(mien.__all__) <= set(dir(mien))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = mien.nothing


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("threads", 100_000),
        ("threads", 1.5),
        ("threads", "2"),
        ("min_face", float("nan")),
        ("min_face", None),
        ("max_faces", 1.5),
        ("detect_side", float("nan")),
        ("detect_side", "640"),
        ("max_pixels", float("nan")),
        ("max_pixels", 0),
        ("max_pixels", None),
    ],
)
def test_impossible_values_of_options(tiny_model, option, value):
    """A value of another type, one that is no number, and one that would exhaust the machine are refused by a
    sentence.
    """
    with pytest.raises(OptionError, match="got "):
        Analyzer(tiny_model, **{option: value})


def test_a_single_picture_is_not_several(analyzer, hopper, hopper_file):
    """A path is not read letter by letter, nor a picture row by row."""
    for single in (str(hopper_file), hopper_file, hopper_file.read_bytes(), hopper, PilImage.fromarray(hopper)):
        with pytest.raises(InputError, match="put it into a list"):
            analyzer.analyze_batch(single)
    with pytest.raises(InputError, match="put it into a list"):
        list(analyzer.reports(str(hopper_file)))
    with pytest.raises(InputError, match="put it into a list"):
        analyzer.classify(hopper)


def test_reports_of_other_kinds_than_files(analyzer, hopper, hopper_file):
    """Bytes and arrays have records too, and what is no picture has one with an error."""
    records = list(analyzer.reports([hopper_file.read_bytes(), hopper, None]))

    assert [record.source for record in records] == ["<bytes>", "<ndarray>", "<NoneType>"]
    assert [record.error is None for record in records] == [True, True, False]


def test_a_stream_of_something_else(analyzer, hopper):
    """Who gives a path, pictures or a grey picture where frames belong is told what is expected."""
    from mien.core.types import Frame

    with pytest.raises(InputError, match="open it with mien.open_source"):
        analyzer.stream("clip.mp4")
    with pytest.raises(InputError, match="Expected frames as mien.open_source gives them"):
        list(analyzer.stream([hopper]))
    with pytest.raises(InputError, match=r"shape \(H, W, 3\)"):
        list(analyzer.stream([Frame(hopper[..., 0], 0, 0.0)]))
    for options in ({"detector_every": 1.5}, {"max_faces": 1.5}, {"detector_every": None}):
        with pytest.raises(OptionError):
            analyzer.stream([], **options)
