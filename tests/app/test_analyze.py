"""`mien analyze` as a person uses it: formats, folders, errors, annotated pictures."""

import csv
import io
import itertools
import json
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from PIL import Image as PilImage

from mien.infer.analyzer import Analyzer

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "schema" / "analysis.schema.json").read_text("utf-8"))


@pytest.fixture
def album(tmp_path, astronaut, hopper_file, coffee) -> Path:
    """A folder with two portraits, a cup of coffee, and a subfolder; text files are not pictures."""
    folder = tmp_path / "album"
    (folder / "more").mkdir(parents=True)
    PilImage.fromarray(astronaut[..., ::-1]).save(folder / "astronaut.png")
    (folder / "more" / "hopper.jpg").write_bytes(hopper_file.read_bytes())
    PilImage.fromarray(coffee[..., ::-1]).save(folder / "coffee.png")
    (folder / "notes.txt").write_text("not a picture")
    return folder


@pytest.fixture
def analyze(command, tiny_model):
    """`mien analyze` with the golden model and the detector that needs no file."""
    return lambda *arguments: command("analyze", "--model", tiny_model, "--detector", "mien", *arguments)


def test_json_of_one_picture(analyze, album):
    """One object, exactly as the schema says."""
    ended = analyze(album / "astronaut.png", "--format", "json")
    record = json.loads(ended.out)

    jsonschema.validate(record, SCHEMA)
    assert ended.code == 0
    assert (record["width"], record["height"], len(record["faces"])) == (512, 512, 1)
    assert record["error"] is None
    assert ended.err.splitlines()[-1] == "1 picture, 1 face."


def test_json_of_a_folder(analyze, album):
    """A list with one record per picture, subfolders included, in order."""
    ended = analyze(album, "--format", "json")
    records = json.loads(ended.out)

    assert [Path(r["source"]).name for r in records] == ["astronaut.png", "coffee.png", "hopper.jpg"]
    assert [len(r["faces"]) for r in records] == [1, 0, 1]
    for record in records:
        jsonschema.validate(record, SCHEMA)


def test_json_lines_and_patterns(analyze, album):
    """One object per line; a quoted pattern is expanded."""
    ended = analyze(f"{album}/*.png", "--format", "jsonl")

    assert [len(json.loads(line)["faces"]) for line in ended.out.splitlines()] == [1, 0]


def test_csv(analyze, album):
    """One row per face, and one for a picture without a face; the columns name the labels."""
    ended = analyze(album, "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(ended.out)))

    assert [row["face"] for row in rows] == ["0", "", "0"]
    assert float(rows[0]["p_sad"]) + float(rows[0]["p_happy"]) == pytest.approx(1, abs=1e-5)
    assert rows[1]["emotion"] == rows[1]["error"] == ""
    assert float(rows[0]["x2"]) > float(rows[0]["x1"])


def test_table(analyze, album):
    """For people: the name of each picture, its faces, and a line that counts."""
    ended = analyze(album)

    assert "astronaut.png" in ended.out
    assert "no face" in ended.out
    assert ended.err.splitlines()[-1] == "3 pictures, 2 faces. Passed over: 1 .txt."


def test_one_unreadable_picture_does_not_stop_the_rest(analyze, album):
    """It becomes a record with its error; the status is 1 and the last line counts it."""
    (album / "cut.jpg").write_bytes((album / "more" / "hopper.jpg").read_bytes()[:9000])

    ended = analyze(album, "missing.png", "--format", "jsonl")
    records = [json.loads(line) for line in ended.out.splitlines()]

    assert ended.code == 1
    assert [r["error"] is None for r in records] == [True, True, False, True, False]
    assert "cut off" in records[2]["error"]
    assert records[4]["error"] == "missing.png does not exist."
    assert ended.err.splitlines()[-1] == "5 pictures, 2 faces, 2 could not be read. Passed over: 1 .txt."


def test_output_file(analyze, album, tmp_path):
    """The result goes into the file and not to the screen; an unwritable place is said before anything is done."""
    ended = analyze(album, "--format", "csv", "--output", tmp_path / "out.csv")
    refused = analyze(album, "--format", "csv", "--output", tmp_path / "no" / "out.csv")

    assert ended.out == ""
    assert len((tmp_path / "out.csv").read_text("utf-8").splitlines()) == 4
    assert refused.code == 1
    assert "does not exist" in refused.err
    assert "Traceback" not in refused.err


def test_annotated_pictures(analyze, album, tmp_path):
    """One picture each, of the same size, with something drawn on the faces; names that meet are told apart."""
    (album / "more" / "astronaut.png").write_bytes((album / "astronaut.png").read_bytes())
    ended = analyze(album, "--annotate", tmp_path / "drawn")

    names = sorted(p.name for p in (tmp_path / "drawn").iterdir())
    assert names == [
        "astronaut-2.annotated.jpg",
        "astronaut.annotated.jpg",
        "coffee.annotated.jpg",
        "hopper.annotated.jpg",
    ]
    drawn = np.asarray(PilImage.open(tmp_path / "drawn" / "astronaut.annotated.jpg"), int)
    original = np.asarray(PilImage.open(album / "astronaut.png").convert("RGB"), int)
    assert drawn.shape == original.shape
    assert (np.abs(drawn - original).max(axis=2) > 60).sum() > 2000
    assert str(tmp_path / "drawn") in ended.err


def test_annotated_pictures_are_not_read_again(analyze, album):
    """Drawn into the folder that is read, a second run finds the same pictures as the first; by name they can be
    read.
    """
    first = analyze(album, "--annotate", album / "drawn", "--format", "csv")
    second = analyze(album, "--annotate", album / "drawn", "--format", "csv")
    pattern = analyze(f"{album}/**/*.jpg", "--annotate", album / "drawn", "--format", "csv")
    named = analyze(album / "drawn" / "coffee.annotated.jpg", "--annotate", album / "drawn", "--format", "csv")

    assert len(list((album / "drawn").iterdir())) == 4  # the three of the first run, and the one that was named
    assert second.out == first.out
    assert [row["source"] for row in csv.DictReader(io.StringIO(pattern.out))] == [str(album / "more" / "hopper.jpg")]
    assert named.out.count("coffee.annotated.jpg") == 1


def test_stopped_by_hand(analyze, album, tmp_path, monkeypatch):
    """Ctrl-C at the third picture keeps the two before, as a whole file; at the first it leaves none."""
    read = Analyzer.reports_with_images

    def until(number):
        def some(self, pictures):
            yield from itertools.islice(read(self, pictures), number)
            raise KeyboardInterrupt

        monkeypatch.setattr(Analyzer, "reports_with_images", some)

    until(2)
    ended = analyze(album, "-o", tmp_path / "two.json")
    assert ended.code == 130
    assert "Stopped; 1 picture not read, those before are kept." in ended.err
    assert len(json.loads((tmp_path / "two.json").read_text("utf-8"))) == 2
    until(0)
    assert analyze(album, "-o", tmp_path / "none.json").code != 0
    assert not (tmp_path / "none.json").exists()


def test_uncertain_readings(analyze, album):
    """With less confidence than asked for, every output says so: a question mark for people, a field for programs."""
    asked = (album / "astronaut.png", "--min-confidence", "1")
    (row,) = csv.DictReader(io.StringIO(analyze(*asked, "--format", "csv").out))
    (face,) = json.loads(analyze(*asked, "--format", "json").out)["faces"]
    sure = analyze(album / "astronaut.png", "--min-confidence", "0", "--format", "csv").out

    assert (row["uncertain"], face["uncertain"]) == ("true", True)
    assert f"{face['emotion']}?" in analyze(*asked).out
    assert [r["uncertain"] for r in csv.DictReader(io.StringIO(sure))] == ["false"]


def test_min_face_and_max_faces(analyze, album):
    """Small faces are left out when asked."""
    ended = analyze(album / "astronaut.png", "--min-face", "150", "--format", "json")

    assert json.loads(ended.out)["faces"] == []


BAD = {
    "missing": (["no.png"], 1, "no.png does not exist"),
    "empty folder": (["{tmp}/empty"], 1, "holds no pictures"),
    "no match": (["{tmp}/*.jpg"], 1, "No file matches"),
    "unknown detector": (["{tmp}/a.png", "--detector", "yunnet"], 2, "Did you mean 'yunet'?"),
    "unknown model": (["{tmp}/a.png", "--model", "fer2012"], 2, "Did you mean 'fer2013'?"),
    "missing model": (["{tmp}/a.png", "--model", "no.onnx"], 1, "There is no model file no.onnx"),
    "no model": (["{tmp}/a.png", "--model", "{tmp}/a.png"], 1, "is not a model that ONNX Runtime can load"),
    "detect size": (["{tmp}/a.png", "--detect-size", "big"], 2, "expects a number of pixels or 'full'"),
    "confidence": (["{tmp}/a.png", "--min-confidence", "60"], 2, "is not in the range 0<=x<=1"),
    "no argument": ([], 2, "Missing argument"),
    "annotate into a file": (["{tmp}/a.png", "--annotate", "{tmp}/a.png"], 2, "is a file"),
    "megapixels": (["{tmp}/a.png", "--max-megapixels", "0.001"], 1, "more than the limit"),
}


@pytest.mark.parametrize("case", BAD)
def test_wrong_use_is_one_sentence(analyze, tmp_path, case):
    """A sentence, exit status 1 or 2, and never a traceback."""
    (tmp_path / "empty").mkdir()
    PilImage.new("RGB", (40, 40)).save(tmp_path / "a.png")
    arguments, code, message = BAD[case]

    ended = analyze(*(a.format(tmp=tmp_path) for a in arguments))

    assert ended.code == code
    assert message in " ".join((ended.out + ended.err).split())
    assert "Traceback" not in ended.err


def test_hidden_files_are_passed_over(analyze, album):
    """As in `mien batch`: what macOS and editors leave beside a picture is no picture that a person means."""
    (album / "._coffee.png").write_bytes(b"leavings")
    (album / ".trash").mkdir()
    (album / ".trash" / "old.png").write_bytes(b"leavings")

    assert analyze(album).err.splitlines()[-1] == "3 pictures, 2 faces. Passed over: 1 .txt."


def test_output_onto_a_picture(analyze, album):
    """A photograph that is read is not written over, by whichever path it is named."""
    file = album / "astronaut.png"
    before = file.read_bytes()
    ended = analyze(album, "--output", album / "more" / ".." / "astronaut.png")

    assert ended.code == 2
    assert "is one of the pictures; give the result another name" in ended.err
    assert file.read_bytes() == before


def test_output_to_the_screen(analyze, album, tmp_path, monkeypatch):
    """A dash means standard output, as elsewhere; no file of that name appears."""
    monkeypatch.chdir(tmp_path)
    ended = analyze(album, "--format", "jsonl", "-o", "-")

    assert len(ended.out.splitlines()) == 3
    assert not (tmp_path / "-").exists()


def test_the_suffix_names_the_format(analyze, album, tmp_path):
    """As with time lines of videos; --format is stronger."""
    for name, options, start in (
        ("a.csv", (), "source,"),
        ("a.tsv", (), "source\twidth\t"),
        ("e.csv", ("--bom",), "\ufeffsource,"),
        ("a.JSON", (), "["),
        ("b.csv", ("--format", "jsonl"), '{"source'),
        ("a.txt", (), " "),
    ):
        analyze(album, "-o", tmp_path / name, *options)

        assert (tmp_path / name).read_text("utf-8").startswith(start)


def test_an_unknown_suffix_is_refused(analyze, album, tmp_path):
    """Nothing is written under a name that promises another format; --format says what is meant."""
    refused = analyze(album, "-o", tmp_path / "faces.xlsx")
    binary = analyze(album, "--format", "parquet")
    meant = analyze(album, "-o", tmp_path / "faces.dat", "--format", "csv")

    assert refused.code == 2
    assert "Cannot tell the format of" in refused.err
    assert ".csv, .tsv, .parquet" in refused.err
    assert binary.code == 2
    assert "name a file with --output" in binary.err
    assert meant.code == 0
    assert [path.name for path in tmp_path.glob("faces.*")] == ["faces.dat"]


def test_parquet_has_the_rows_of_csv(analyze, album, tmp_path):
    """Column by column the same values, with numbers as numbers and nothing where CSV has an empty cell."""
    pq = pytest.importorskip("pyarrow.parquet")
    analyze(album, "-o", tmp_path / "faces.parquet")
    analyze(album, "-o", tmp_path / "faces.csv")

    table = pq.read_table(tmp_path / "faces.parquet").to_pylist()
    with (tmp_path / "faces.csv").open(newline="") as file:
        written = list(csv.DictReader(file))

    assert len(table) == len(written) == 3
    for row, cells in zip(table, written, strict=True):
        assert list(row) == list(cells)
        for name, value in row.items():
            text = "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
            assert cells[name] == text


def test_no_cell_is_a_formula(analyze, album, tmp_path, monkeypatch):
    """A picture whose name a spreadsheet would run is written as text, and can be read back."""
    monkeypatch.chdir(tmp_path)
    Path("=1+1.png").write_bytes((album / "astronaut.png").read_bytes())
    analyze("=1+1.png", "-o", "a.csv")

    with Path("a.csv").open(newline="") as file:
        row = next(csv.DictReader(file))
    assert row["source"] == "'=1+1.png"
    assert float(row["x1"]) > 0


def test_json_of_a_pattern_is_a_list(analyze, album):
    """However many pictures it happens to match; one picture by its name is one object."""
    several = json.loads(analyze(str(album / "astro*.png"), "--format", "json").out)
    none = json.loads(analyze(str(album / "x*.png"), "--format", "json").out)
    one = json.loads(analyze(album / "astronaut.png", "--format", "json").out)

    assert [type(found) for found in (several, none, one)] == [list, list, dict]


def test_pictures_of_one_name_in_the_table(analyze, album):
    """They are told apart by their folders."""
    (album / "more" / "astronaut.png").write_bytes((album / "astronaut.png").read_bytes())

    assert "more/astronaut.png" in "".join(analyze(album).out.split())


def test_batch_of_one_picture(command, tiny_model, hopper_file, tmp_path):
    """One is not "1 inputs"."""
    options = ("--model", tiny_model, "--detector", "none", "--workers", 1)
    ended = command("batch", hopper_file, tmp_path / "out", *options)

    assert ended.err.splitlines()[0].startswith("1 input, 1 face. 1 input in ")


@pytest.mark.parametrize("megapixels", ["nan", "inf"])
def test_impossible_megapixels(analyze, album, megapixels):
    """What is no number of pixels is wrong use."""
    ended = analyze(album, "--max-megapixels", megapixels)

    assert ended.code == 2
    assert "--max-megapixels expects a number" in ended.err
