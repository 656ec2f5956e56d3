"""The summary of the synthetic study: every number of every row is the one worked by hand."""

import csv
import json
import math

import pytest
from made_study import CLIPS, LABELS, make_study, name_of

from mien.study.table import short_names

FIXED = (
    "participant", "file", "person", "condition", "epoch", "window", "start_s", "end_s", "n_frames", "n_face", "n_used",
    "n_several", "face", "excluded", "uncert", "used_s", "changes", "chg_min",
)  # fmt: skip


def rows_of(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def check(row, expected):
    """Each named cell is the expected text or number, and no cell is left unchecked."""
    assert set(row) == set(expected)
    for name, value in expected.items():
        if value is None or isinstance(value, str):
            assert row[name] == (value or ""), name
        else:
            assert float(row[name]) == pytest.approx(value, abs=1e-9), name


def who(p, c):
    return {"participant": f"P{p}", "file": name_of(p, c), "person": f"P{p}", "condition": f"c{c:02}"}


def both(prefix, happy, neutral):
    return {f"{prefix}_happy": happy, f"{prefix}_neutral": neutral}


def sd(values):
    mean = sum(values) / len(values)
    return math.sqrt(sum((v - mean) ** 2 for v in values) / (len(values) - 1))


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return make_study(tmp_path_factory.mktemp("study"))


@pytest.fixture(autouse=True)
def few_figures(request, monkeypatch):
    """Figures are drawn only by the test that looks at them: they take seconds."""
    if "report" not in request.node.name:
        monkeypatch.setattr("mien.study.report.FIGURES", {})


def test_whole_files(study, command):
    """Without epochs and windows each of the 36 files is one row."""
    videos, out = study
    done = command("study", videos, out, "--resume", "--pattern", "{participant}_{condition}", "--exclude", "turned")
    assert done.code == 0, done.err
    rows = rows_of(out / "summary.csv")

    assert len(rows) == len(CLIPS)
    for row, (p, c) in zip(rows, CLIPS, strict=True):
        a, b = 0.01 * p, 0.001 * c
        mean = (10 * (0.2 + a) + 8 * (0.7 + b) + 7 * (0.9 + b) + 5 * 0.4) / 30
        squares = 10 * (0.2 + a) ** 2 + 8 * (0.7 + b) ** 2 + 7 * (0.9 + b) ** 2 + 5 * 0.4**2
        spread = math.sqrt((squares - 30 * mean**2) / 29)
        median = (0.4 + 0.7 + b) / 2  # 10 values of .2 + a and 5 of .4 lie below 8 of .7 + b and 7 of .9 + b
        check(
            row,
            who(p, c)
            | {"epoch": "all", "window": None, "start_s": 0, "end_s": 4, "n_frames": 40, "n_face": 35, "n_used": 30}
            | {"n_several": 0, "face": 35 / 40, "excluded": 5 / 35, "uncert": 5 / 30, "used_s": 3.0}
            | {"changes": 1, "chg_min": 20.0}  # neutral to happy at 1 s; one change in 3 s
            | both("m", mean, 1 - mean)
            | both("sd", spread, spread)
            | both("md", median, 1 - median)
            | both("t", 0.5, 0.5)
            | both("l", 1.5, 1.0)
            | both("on", 1.0, 0.0)
            | both("off", 2.5, 4.0),
        )


def test_by_numbers_on_paper(study, command):
    """The first file's figures, as they come out on paper."""
    videos, out = study
    command("study", videos, out, "--resume", "--pattern", "{participant}_{condition}", "--exclude", "turned")
    row = rows_of(out / "summary.csv")[0]
    assert tuple(row)[: len(FIXED)] == FIXED
    assert [f"{float(row[x]):.6f}" for x in ("m_happy", "sd_happy", "md_happy")] == ["0.530000", "0.285452", "0.550000"]


def test_windows_epochs_and_baseline(study, command, tmp_path):
    """Two epochs in windows of 1 s: spells are cut at the edges, means are compared with the first epoch's."""
    videos, out = study
    epochs = tmp_path / "epochs.csv"
    epochs.write_text("file;start_s;end_s;name\n*;0;1,0;rest\n*;1;4;film\n")
    done = command(
        "study", videos, out, "--resume", "--pattern", "{participant}_{condition}", "--exclude", "turned",
        "--epochs", epochs, "--window", "1.5", "--baseline", "rest",
    )  # fmt: skip
    assert done.code == 0, done.err
    rows = rows_of(out / "summary.csv")

    assert len(rows) == 3 * len(CLIPS)
    for i, (p, c) in enumerate(CLIPS):
        a, b = 0.01 * p, 0.001 * c
        rest, film, late = rows[3 * i : 3 * i + 3]
        check(
            rest,
            who(p, c)
            | {"epoch": "rest", "window": 1, "start_s": 0, "end_s": 1, "n_frames": 10, "n_face": 10, "n_used": 10}
            | {"n_several": 0, "face": 1, "excluded": 0, "uncert": 0, "used_s": 1.0, "changes": 0, "chg_min": 0}
            | both("m", 0.2 + a, 0.8 - a)
            | both("sd", 0, 0)
            | both("md", 0.2 + a, 0.8 - a)
            | both("t", 0, 1)
            | both("l", 0, 1.0)
            | both("on", None, 0.0)
            | both("off", None, 1.0)
            | both("d", 0, 0),
        )
        values = [(0.9 if k % 2 else 0.7) + b for k in range(10, 25)]
        mean = (8 * 0.7 + 7 * 0.9) / 15 + b
        check(
            film,
            who(p, c)
            | {"epoch": "film", "window": 1, "start_s": 1, "end_s": 2.5, "n_frames": 15, "n_face": 15, "n_used": 15}
            | {"n_several": 0, "face": 1, "excluded": 0, "uncert": 0, "used_s": 1.5, "changes": 1, "chg_min": 40}
            | both("m", mean, 1 - mean)
            | both("sd", sd(values), sd(values))
            | both("md", 0.7 + b, 0.3 - b)
            | both("t", 1, 0)
            | both("l", 1.5, 0)
            | both("on", 1.0, None)
            | both("off", 2.5, None)
            | both("d", mean - 0.2 - a, 0.2 + a - mean),
        )
        check(
            late,
            who(p, c)
            | {"epoch": "film", "window": 2, "start_s": 2.5, "end_s": 4, "n_frames": 15, "n_face": 10, "n_used": 5}
            | {"n_several": 0, "face": 10 / 15, "excluded": 0.5, "uncert": 1, "used_s": 0.5, "changes": 0, "chg_min": 0}
            | both("m", 0.4, 0.6)
            | both("sd", 0, 0)
            | both("md", 0.4, 0.6)
            | both("t", 0, 1)
            | both("l", 0, 0.5)
            | both("on", None, 3.5)
            | both("off", None, 4.0)
            | both("d", 0.2 - a, a - 0.2),
        )


def test_spells(study, command):
    """Every spell has a row; a stretch without a face that counts ends one."""
    videos, out = study
    command("study", videos, out, "--resume", "--exclude", "turned")
    rows = rows_of(out / "spells.csv")
    assert len(rows) == 3 * len(CLIPS)
    told = [(r["label"], float(r["onset_s"]), float(r["offset_s"]), float(r["length_s"])) for r in rows[:3]]
    assert told == [("neutral", 0.0, 1.0, 1.0), ("happy", 1.0, 2.5, 1.5), ("neutral", 3.5, 4.0, 0.5)]


def test_nothing_excluded(study, command):
    """Faces that are turned away count unless they are excluded: one more spell, and another share."""
    videos, out = study
    command("study", videos, out, "--resume")
    row = rows_of(out / "summary.csv")[0]
    assert (row["n_used"], row["excluded"], row["changes"]) == ("35", "0.0", "2")
    assert float(row["t_happy"]) == pytest.approx(2 / 3.5)


def test_codebook_names_every_column(study, command):
    """`columns.json` has each column of each table, in order, with a meaning; the page shows them all."""
    videos, out = study
    command("study", videos, out, "--resume", "--pattern", "{participant}_{condition}")
    book = json.loads((out / "columns.json").read_text())
    page = (out / "codebook.html").read_text()
    for table in ("summary.csv", "spells.csv"):
        columns = book["tables"][table]
        with (out / table).open(newline="") as file:
            assert next(csv.reader(file)) == [c["name"] for c in columns]
        assert all(c["meaning"] and c["type"] for c in columns)
        assert all(f"<td>{c['name']}</td>" in page for c in columns)
    with (out / "timelines" / f"{name_of(0, 0)}.csv").open(newline="") as file:
        assert next(csv.reader(file)) == [c["name"] for c in book["tables"]["timelines/*.csv"]]


def test_report_tells_what_was_excluded_and_missing(study, command, monkeypatch):
    """The page has the methods paragraph with the study's own figures, and no script."""
    pytest.importorskip("matplotlib")
    monkeypatch.setattr("mien.study.plots.MOST_PANELS", 3)
    videos, out = study
    done = command(
        "study", videos, out, "--resume", "--pattern", "{participant}_{condition}", "--exclude", "turned",
        "--figures", "svg", "--figures", "pdf", "--figures", "png",
    )  # fmt: skip
    assert done.code == 0, done.err
    page = (out / "report.html").read_text()
    assert "36 videos of 3 participants (1,440 frames)" in page
    assert "No face of the person was found in 12.5 % of the frames." in page
    assert "14.3 % of the frames with a face were excluded" in page
    assert "16.7 % had an uncertain reading" in page
    assert "Frames excluded per flag (a face may have several): turned: 180." in page
    assert "SHA-256 abababababababab" in page
    assert "An expression is not an emotion" in page
    assert "<script" not in page
    for name in ("group", "participants", "shares"):
        heads = {kind: (out / "figures" / f"{name}.{kind}").read_bytes()[:8] for kind in ("svg", "pdf", "png")}
        assert heads["pdf"].startswith(b"%PDF")
        assert heads["png"].startswith(b"\x89PNG")
        assert heads["svg"].startswith(b"<?xml")


def test_parquet(tmp_path, command):
    """With --format parquet the tables are the same, typed."""
    parquet = pytest.importorskip("pyarrow.parquet")
    videos, out = make_study(tmp_path, ".parquet")
    done = command("study", videos, out, "--resume", "--exclude", "turned", "--format", "parquet")
    assert done.code == 0, done.err
    row = parquet.read_table(out / "summary.parquet").to_pylist()[0]
    assert (row["n_used"], row["window"], row["on_happy"]) == (30, None, 1.0)
    assert row["m_happy"] == pytest.approx(0.53)


def test_short_names():
    """Labels become names that R and SPSS take, and stay different."""
    assert short_names(("Happy", "No face", "é", "no-face")) == ("happy", "no_face2", "label", "no_face4")
    assert short_names(LABELS) == LABELS
