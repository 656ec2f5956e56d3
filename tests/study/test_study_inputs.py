"""What people give a study: names of files, tables of several spreadsheets, epochs, ids made one."""

import math

import pytest
from made_study import LABELS, reading, write_line

from mien.core.errors import DataError, OptionError
from mien.study.clips import Names, find_clips
from mien.study.eaf import write_eaf
from mien.study.epochs import Span, load_intervals, spans_of
from mien.study.inputs import read_records, seconds_of
from mien.study.intervals import Interval, Tier
from mien.study.series import NOTHING, USED, People, load_line, people_of
from mien.study.whole import load_people


@pytest.fixture
def videos(tmp_path):
    folder = tmp_path / "videos"
    for name in ("s1/P01_calm.mp4", "s1/P02_film.MOV", "s2/P01_film.mp4", ".hidden/x.mp4", "notes.txt"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return folder


def test_participants_by_pattern(videos):
    """Fields of the pattern become columns; with a slash it takes in the folder; hidden files are left out."""
    clips = find_clips(videos, "{participant}_{condition}")
    assert [(c.file, c.participant, dict(c.facts)) for c in clips] == [
        ("s1/P01_calm.mp4", "P01", {"condition": "calm"}),
        ("s1/P02_film.MOV", "P02", {"condition": "film"}),
        ("s2/P01_film.mp4", "P01", {"condition": "film"}),
    ]
    deep = find_clips(videos, "{session}/{participant}_{condition}")
    assert [dict(c.facts)["session"] for c in deep] == ["s1", "s1", "s2"]
    assert [c.participant for c in find_clips(videos)] == ["s1/P01_calm", "s1/P02_film", "s2/P01_film"]


def test_participants_by_table(videos, tmp_path):
    """Only named files are taken, by path, name or stem; other columns are kept."""
    table = tmp_path / "p.csv"
    table.write_text("\ufeffFile;Participant;age\nP01_calm;A;30\ns2/P01_film.mp4;B;\n")
    clips = find_clips(videos, table=table)
    assert [(c.file, c.participant, dict(c.facts)) for c in clips] == [
        ("s1/P01_calm.mp4", "A", {"age": "30"}),
        ("s2/P01_film.mp4", "B", {"age": ""}),
    ]


@pytest.mark.parametrize(
    ("pattern", "kind", "told"),
    [
        ("{condition}", OptionError, "no {participant}"),
        ("{participant}_{participant}", OptionError, "name each once"),
        ("{participant}-{condition}", DataError, "does not fit s1/P01_calm.mp4"),
        ("{participant}_{epoch}", DataError, "'epoch'"),
    ],
)
def test_patterns_that_do_not_fit(videos, pattern, kind, told):
    """Nothing is guessed: the message names the file or the field."""
    with pytest.raises(kind, match=told):
        find_clips(videos, pattern)


def test_names_of_files():
    """A name that two files share is refused, a wrong one gets the nearest."""
    names = Names(["a/x.mp4", "b/x.mp4", "b/clip.mp4"])
    assert names.find("clip", "t") == "b/clip.mp4"
    with pytest.raises(DataError, match=r"a/x\.mp4 or b/x\.mp4"):
        names.find("x.mp4", "t, line 2")
    with pytest.raises(DataError, match="Did you mean 'clip'"):
        names.find("clup", "t")


def test_tables_of_several_spreadsheets(tmp_path):
    """Comma, semicolon and tab, a decimal comma, clock times, empty rows."""
    path = tmp_path / "t.csv"
    for text in ("file,start_s\na,1:05\n", "file;start_s\n\na;65,0\n", "file\tstart_s\na\t65\n"):
        path.write_text(text)
        (record,) = read_records(path, ("file", "start_s"))
        assert record.seconds("start_s") == 65.0
    assert [seconds_of(x) for x in ("7.5", "1:02:05", "-1", "x", "nan", "")] == [7.5, 3725.0, None, None, None, None]
    for text, told in (("", "is empty"), ("a,b\n", "no column file"), ("file,file\n", "two columns")):
        path.write_text(text)
        with pytest.raises(DataError, match=told):
            read_records(path, ("file",))


def test_epochs_of_a_table(tmp_path):
    """A star is every file; an open end lasts until the next row of the file, or to its end."""
    table = tmp_path / "e.csv"
    table.write_text("file,start_s,end_s,name\n*,0,2,rest\na,2,,film\na,5,,talk\n")
    found = load_intervals(table, ["a.mp4", "b.mp4"], "name")
    assert found["b.mp4"] == (Interval(0, 2, "rest"),)
    assert found["a.mp4"] == (Interval(0, 2, "rest"), Interval(2, 5, "film"), Interval(5, math.inf, "talk"))
    assert spans_of(0, 8, found["a.mp4"], None)[-1] == Span("talk", None, 5, 8)
    table.write_text("file,start_s,end_s,name\na,2,2,film\n")
    with pytest.raises(DataError, match="line 2: it ends at 2 s"):
        load_intervals(table, ["a.mp4"], "name")


def test_epochs_of_elan(tmp_path):
    """A folder has an ELAN file per video, found by name; a single one is for every video."""
    (tmp_path / "elan").mkdir()
    write_eaf(tmp_path / "elan" / "a.eaf", [Tier("epochs", (Interval(1.0, 2.0, "film"),))], "a.mp4")
    want = (Interval(1.0, 2.0, "film"),)
    assert load_intervals(tmp_path / "elan", ["s/a.mp4", "b.mp4"], "name") == {"s/a.mp4": want}
    assert load_intervals(tmp_path / "elan" / "a.eaf", ["a.mp4", "b.mp4"], "name") == {"a.mp4": want, "b.mp4": want}


def test_windows_of_a_whole_file():
    """Windows are counted from time 0, also where the pictures begin later; the last one ends with the file."""
    assert spans_of(2.0, 7.0, None, 3.0) == [
        Span("all", 1, 0, 3), Span("all", 2, 3, 6), Span("all", 3, 6, 7)
    ]  # fmt: skip
    assert spans_of(3.5, 7.0, None, 3.0)[0] == Span("all", 2, 3, 6)
    with pytest.raises(OptionError, match="must last"):
        spans_of(0, 7, None, 0)


def line_of_two(tmp_path):
    """Ten frames: track 1 small in all, track 2 large from frame 5 on."""
    frames = [
        [reading(0.8, "happy", False, 1, 40.0), *([reading(0.1, "neutral", False, 2, 60.0)] if i >= 5 else [])]
        for i in range(10)
    ]
    write_line(tmp_path / "a.csv", frames)
    return load_line(tmp_path / "a.csv")


def test_who_counts(tmp_path):
    """The largest face, every track, or who is named by hand."""
    line = line_of_two(tmp_path)
    assert line.labels == LABELS
    (one,) = people_of(line, People(), "P")
    assert (one.person, one.label.tolist(), int(one.several.sum())) == ("P", [0] * 5 + [1] * 5, 5)
    each = people_of(line, People(each=True), "P")
    assert [(s.person, int((s.state == USED).sum())) for s in each] == [("P/1", 10), ("P/2", 5)]
    (named,) = people_of(line, People(merged={1: "Ann"}), "P")
    assert (named.person, named.label.tolist()) == ("Ann", [0] * 10)
    (joined,) = people_of(line, People(merged={1: "Ann", 2: "Ann"}), "P")
    assert joined.label.tolist() == [0] * 5 + [1] * 5


def test_map_of_ids(tmp_path):
    """File, track and person; a track that stands there twice is refused."""
    table = tmp_path / "m.csv"
    table.write_text("file,track,person\na,1,Ann\na.mp4,4,Ann\nb,2,Bob\n")
    assert load_people(table, ["a.mp4", "b.mp4"]) == {"a.mp4": {1: "Ann", 4: "Ann"}, "b.mp4": {2: "Bob"}}
    for text, told in (("a,1,x\na,1,y\n", "twice"), ("a,one,x\n", "number of a track")):
        table.write_text("file,track,person\n" + text)
        with pytest.raises(DataError, match=told):
            load_people(table, ["a.mp4"])


def test_time_line_of_mien_video(tmp_path):
    """Where frames without a face have no row, their numbers tell that they are missing, and when."""
    path = tmp_path / "v.csv"
    write_line(path, [[reading(0.8, "happy", False)] if i in (0, 1, 4) else [] for i in range(5)])
    kept = [row for row in path.read_text().splitlines() if ",happy," in row or row.startswith("time_s")]
    path.write_text("\n".join(kept) + "\n")
    line = load_line(path)
    assert line.times.tolist() == pytest.approx([0, 0.1, 0.2, 0.3, 0.4])
    assert line.frame.tolist() == [0, 1, 4]


def test_plausible_faces_only(tmp_path):
    """A face that the time line calls implausible is no person, unless somebody names its track."""
    path = tmp_path / "v.csv"
    write_line(path, [[reading(0.8, "happy", False)]] * 3)
    lines = path.read_text().splitlines()
    lines[2] = lines[2].removesuffix("true") + "false"
    path.write_text("\n".join(lines) + "\n")
    line = load_line(path)
    assert line.frame.tolist() == [0, 1, 2]
    for who in (People(), People(each=True)):
        (person,) = people_of(line, who, "p")
        assert person.state.tolist() == [USED, NOTHING, USED]
    (person,) = people_of(line, People(merged={1: "guest"}), "p")
    assert person.state.tolist() == [USED, USED, USED]


@pytest.mark.parametrize(
    "text", ["a,b\n1,2\n", "time_s,frame,track,emotion,uncertain,x1,y1,x2,y2,p_a\n0,x,1,a,true,0,0,1,1,1\n"]
)
def test_files_that_are_no_time_line(tmp_path, text):
    """A sentence names the file."""
    (tmp_path / "x.csv").write_text(text)
    with pytest.raises(DataError, match=r"x\.csv is (no time line|damaged)"):
        load_line(tmp_path / "x.csv")
