"""`mien bench`: what each benchmark measures, stored results and ratios, and what is refused."""

import json

import numpy as np
import pytest

from mien.app.bench.machine import machine_facts
from mien.app.bench.pictures import crowd, parse_size
from mien.app.bench.results import read_stored
from mien.app.bench.timing import measure, timing_of
from mien.core.errors import OptionError


def last_line(ended):
    assert ended.code == 0, ended.err
    return json.loads(ended.out.splitlines()[-1])


def test_timing_by_hand():
    """Median, 95th percentile and best of known times; the processor's times have their own median."""
    timing = timing_of([0.001 * i for i in range(1, 102)], [0.002, 0.004, 0.010])

    assert timing.median_ms == pytest.approx(51)
    assert timing.p95_ms == pytest.approx(96)
    assert timing.best_ms == pytest.approx(1)
    assert timing.cpu_ms == pytest.approx(4)
    assert timing.repeats == 101
    with pytest.raises(ValueError, match="at least one"):
        timing_of([])


def test_measure_counts_calls():
    """Warm-up calls come first; a budget of no time still gives three repeats."""
    calls = []
    assert measure(lambda: calls.append(1), repeats=5, warm_up=2).repeats == 5
    assert len(calls) == 7
    assert measure(lambda: None, repeats=50, warm_up=0, budget_s=0).repeats == 3


def test_machine_facts_name_no_place():
    """Processor, cores and versions are told; neither the host's name nor a path is."""
    facts = machine_facts()

    assert facts["cores"] >= 1
    assert facts["versions"]["numpy"] == np.__version__
    assert "/" not in json.dumps({k: v for k, v in facts.items() if k != "cpu"})
    assert set(facts) == {"cpu", "cores", "system", "python", "versions", "load_average"}


def test_classify(command, tiny_model, tmp_path):
    """A row for each batch and number of threads; the stored result is the last line that was printed."""
    out = tmp_path / "result.json"
    arguments = ["bench", "classify", "--model", tiny_model, "--batch", 1, "--batch", 4, "--repeats", 3]
    ended = command(*arguments, "--threads", 1, "--threads", 2, "--out", out)
    result = last_line(ended)

    assert [row["name"] for row in result["rows"]] == [f"tiny.onnx, {b}, {t}" for t in (1, 2) for b in (1, 4)]
    assert all(row["repeats"] == 3 and row["ms_per_face"] * row["batch"] == row["median_ms"] for row in result["rows"])
    assert json.loads(out.read_text()) == result


def test_against(command, tiny_model, tmp_path):
    """The ratio is the new figure over the stored one, for the rows that both have."""
    out = tmp_path / "result.json"
    arguments = ["bench", "classify", "--model", tiny_model, "--batch", 1, "--repeats", 3]
    stored = last_line(command(*arguments, "--out", out))
    stored["rows"][0]["ms_per_face"] = 1e-3
    out.write_text("a table\n" + json.dumps(stored))
    ended = command(*arguments, "--batch", 2, "--against", out)
    result = last_line(ended)

    assert result["ratios"] == {"tiny.onnx, 1, 1": pytest.approx(result["rows"][0]["ms_per_face"] / 1e-3)}
    assert "below 1 is faster" in ended.out


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no stored result"),
        ("hello", "no stored result"),
        ("[1]", "no stored result"),
        ('{"benchmark": 3}', "no stored result"),
        ('{"benchmark": "video", "rows": []}', "Expected a result of mien bench classify"),
        ('{"benchmark": "classify", "rows": 3}', "no row"),
        ('{"benchmark": "classify", "rows": [{"name": "a", "ms_per_face": 0}, {"name": 3}]}', "no row"),
        ('{"benchmark": "classify", "rows": [{"name": "a", "ms_per_face": NaN}]}', "no stored result"),
    ],
)
def test_bad_stored_results(tmp_path, text, says):
    """Whatever the file holds, one sentence says what is wrong with it."""
    file = tmp_path / "stored.json"
    file.write_text(text)
    with pytest.raises(OptionError, match=says):
        read_stored(file, "classify", "ms_per_face")


def test_missing_stored_result(command, tmp_path):
    """It is looked at before anything is measured."""
    ended = command("bench", "classify", "--against", tmp_path / "none.json")
    assert ended.code == 2
    assert "none.json is no stored result" in ended.err


def test_unwritable_result(command, tiny_model, tmp_path):
    """The table is printed all the same; the error names the folder."""
    ended = command("bench", "classify", "--model", tiny_model, "--repeats", 3, "--out", tmp_path / "no" / "r.json")
    assert ended.code == 1
    assert "does not exist" in ended.err
    assert "faces/s" in ended.out


def test_crowd_has_the_faces(astronaut):
    """A synthetic picture has the size and shows as many faces as were asked for."""
    from mien.app.bench.pictures import heads
    from mien.infer.detect import open_detector

    detector = open_detector("auto")
    picture = crowd(heads(detector), (640, 480), 6)

    assert picture.shape == (480, 640, 3)
    assert len(detector.detect(picture)) == 6
    assert detector.detect(crowd(heads(detector), (64, 48), 0)) == []


@pytest.mark.parametrize("text", ["", "640", "640x", "axb", "16x16", "640x480x3", "99999x480", "²x480"])
def test_bad_sizes(text):
    """Only WIDTHxHEIGHT in a sensible range is a size."""
    with pytest.raises(OptionError, match="640x480"):
        parse_size(text)


def test_analyze(command, tiny_model, hopper_file):
    """A given photograph is measured in stages that together are about the whole."""
    result = last_line(command("bench", "analyze", hopper_file, "--model", tiny_model, "--repeats", 3))
    (row,) = result["rows"]

    assert row["name"] == "grace_hopper.jpg"
    assert row["faces_found"] == 1
    assert set(row["stages_cpu_ms"]) == {"decode", "resize", "detect", "crop", "classify", "rest"}
    assert all(value >= 0 for value in row["stages_cpu_ms"].values())
    assert sum(row["stages_cpu_ms"].values()) >= 0.99 * row["cpu_ms"]


def test_analyze_something_else(command, tmp_path):
    """A file that is no picture is one sentence."""
    file = tmp_path / "text.jpg"
    file.write_text("hello")
    ended = command("bench", "analyze", file)
    assert ended.code == 1
    assert "not a picture" in ended.err
