"""Columns of the source that pass through `mien batch` into both tables, for each kind of source."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from batch_worlds import faces, inputs, job, numbers, passed_over, png, start, whole, write_folder, write_tar, write_zip

from mien.batch import Settings, read_faces, read_inputs
from mien.batch.listing import Item
from mien.batch.plan import Chunk, from_line, to_line
from mien.core.errors import OptionError

KEEP = ("participant", "session")


def kept(out: Path, *names: str) -> list[tuple[Any, ...]]:
    """The kept columns of the inputs; those of the faces are the same, since each drawn picture is one face."""
    names = names or KEEP
    rows = [tuple(row[name] for name in names) for row in inputs(out)]
    read = [tuple(row[name] for name in names) for row in inputs(out) if row["faces"]]
    assert [tuple(row[name] for name in names) for row in faces(out)] == read
    return rows


def table(path: Path, count: int = 6, **columns: list[Any]) -> Path:
    """A Parquet table of pictures with other columns."""
    images = pa.array([png(20 + i) for i in range(count)], pa.binary())
    pq.write_table(pa.table({"image": images, **columns}), path, row_group_size=4)
    return path


def test_parquet(tmp_path: Path, tiny_model: Path) -> None:
    """Values of any type come out as text: text as it is, the others as JSON; what is missing is null."""
    day = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)
    source = table(
        tmp_path / "a.parquet", 3,
        participant=["P01", None, '"quoted", ünï'], session=[1, 2, None],
        ratio=pa.array([0.1, float("nan"), 2], pa.float32()),
        tags=[[1, None], [], None], more=[{"a": True, "b": "x"}] * 3, at=[day, None, day],
    )  # fmt: skip
    names = (*KEEP, "ratio", "tags", "more", "at")
    outcome = job(source, tmp_path / "out", tiny_model, keep_columns=names, chunk=2)
    assert (outcome.inputs, outcome.errors) == (3, 0)
    more, at = '{"a": true, "b": "x"}', "2026-01-02 03:04:05.000000Z"
    assert kept(tmp_path / "out", *names) == [
        ("P01", "1", "0.1", "[1, null]", more, at),
        (None, "2", None, "[]", more, None),
        ('"quoted", ünï', None, "2.0", None, more, at),
    ]
    for read in (read_faces, read_inputs):
        schema = read(tmp_path / "out").schema
        assert schema.names[-len(names) :] == list(names)
        assert {schema.field(name).type for name in names} == {pa.string()}


def test_rows_that_cannot_be_read_keep_their_columns(tmp_path: Path, tiny_model: Path) -> None:
    """A row with a damaged picture, or with none, says which participant it was."""
    images = pa.array([b"damaged", None, png(3)], pa.binary())
    pq.write_table(pa.table({"image": images, "participant": ["a", "b", "c"]}), tmp_path / "a.parquet")
    job(tmp_path / "a.parquet", tmp_path / "out", tiny_model, keep_columns=("participant",))
    assert kept(tmp_path / "out", "participant") == [("a",), ("b",), ("c",)]


SHARD = {
    "a/01.jpg": png(10), "a/01.json": b'{"participant": "P1", "session": 2, "text": "\\ud800"}',
    "a/02.json": b'{"participant": null, "other": 1}', "a/02.left.png": png(20), "a/02.right.png": png(30),
    "a/03.v2.png": png(40), "a/03.v1.json": b'{"participant": "no"}', "a/03.v2.json": b'{"participant": "P3"}',
    "a/04.png": png(50), "a/05.png": png(60), "a/05.json": b"[1",
    "a/06.png": b"damaged", "a/06.json": b'{"session": [1, 2]}',
    "a/07.json": b"{}", "a/08.txt": b"x",
}  # fmt: skip


@pytest.mark.parametrize("kind", ["tar", "tar.gz", "zip"])
def test_archives(kind: str, tmp_path: Path, tiny_model: Path) -> None:
    """The JSON member of the same name, before or after its picture, gives the columns; the nearest name counts."""
    path = tmp_path / f"shard.{kind}"
    write_zip(path, SHARD) if kind == "zip" else write_tar(path, SHARD, "w:gz" if kind == "tar.gz" else "w")
    job(path, tmp_path / "out", tiny_model, keep_columns=(*KEEP, "text"), chunk=3)
    none = (None, None, None)
    assert kept(tmp_path / "out", *KEEP, "text") == [
        ("P1", "2", "\\ud800"), none, none, ("P3", None, None), none, none, (None, "[1, 2]", None)
    ]  # fmt: skip
    notes = [row["note"] for row in inputs(tmp_path / "out")]
    assert [note is None for note in notes] == [True, True, True, True, True, False, True]
    assert "a/05.json could not be read, so no columns are kept" in notes[5]
    assert passed_over(tmp_path / "out") == {(path.name, "*.json"): 2, (path.name, "*.txt"): 1}


def test_a_json_member_that_is_too_large(tmp_path: Path, tiny_model: Path) -> None:
    """A JSON member that could fill the memory is left alone, and its picture says so."""
    large = json.dumps({"participant": "x" * 2**20}).encode()
    files = {"a.png": png(1), "a.json": large, "b.png": png(2), "b.json": b'{"participant": "P"}'}
    write_zip(tmp_path / "a.zip", files)
    job(tmp_path / "a.zip", tmp_path / "out", tiny_model, keep_columns=("participant",))
    assert kept(tmp_path / "out", "participant") == [(None,), ("P",)]
    assert "larger than 1,048,576 bytes" in inputs(tmp_path / "out")[0]["note"]


def test_csv(tmp_path: Path, tiny_model: Path) -> None:
    """The other columns of a CSV file with pixels pass through; an empty or missing cell is null."""
    rows = [f"0,{numbers(10)},Training,007", f"1,{numbers(20)},,x", f"2,{numbers(30)}", "3,no pixels,Test,y"]
    (tmp_path / "a.csv").write_text("\n".join(["emotion, pixels, Usage,id", *rows]) + "\n", encoding="utf-8")
    job(tmp_path / "a.csv", tmp_path / "out", tiny_model, keep_columns=("Usage", "id"), chunk=2)
    assert kept(tmp_path / "out", "Usage", "id") == [("Training", "007"), (None, "x"), (None, None), ("Test", "y")]


def test_one_schema_for_all_sources(tmp_path: Path, tiny_model: Path) -> None:
    """Where one source of a folder has the column and another has not, it is there in every part, with null."""
    folder = write_folder(tmp_path / "all", {"a.png": png(1), "z.txt": b"x"})
    table(folder / "b.parquet", 2, participant=["P1", "P2"])
    write_tar(folder / "c.tar", {"a.png": png(5), "a.json": b'{"session": 7}'})
    job(folder, tmp_path / "out", tiny_model, keep_columns=KEEP)
    assert kept(tmp_path / "out") == [(None, None), ("P1", None), ("P2", None), (None, "7")]
    schemas = {str(pq.read_schema(part).names) for part in (tmp_path / "out" / "inputs").glob("*.parquet")}
    assert len(schemas) == 1


@pytest.mark.parametrize(
    ("keep", "told"),
    [
        (("nobody",), "No input of the source has a column 'nobody' for --keep-columns; there are participant, blob"),
        (("more.a",), "Keep a whole structure"),
        (("image",), "a.parquet: the column 'image' holds bytes"),
        (("blob",), "a.parquet: the column 'blob' holds bytes"),
        (("source",), "The results have a column 'source' of their own"),
        (("p_happy",), "The results have a column 'p_happy' of their own"),
        (("error",), "The results have a column 'error' of their own"),
        (("participant", "participant"), "kept twice"),
        (("",), "name of a column to keep"),
        ("participant", "tuple of names, got a str"),
    ],
)
def test_refusals(keep: Any, told: str, tmp_path: Path, tiny_model: Path) -> None:
    """A column that is not there, that no text can hold, or whose name is taken is one sentence; no job is begun."""
    source = table(tmp_path / "a.parquet", 1, participant=["P"], blob=[b"x"], more=[{"a": 1}])
    with pytest.raises(OptionError) as refused:
        job(source, tmp_path / "out", tiny_model, keep_columns=keep)
    assert told in str(refused.value)
    job(source, tmp_path / "out", tiny_model)  # nothing stands in the way of the next try


def test_a_folder_of_pictures_has_no_columns(tmp_path: Path, tiny_model: Path) -> None:
    """Loose pictures have nothing to keep, and the sentence says so."""
    folder = write_folder(tmp_path / "p", {"a.png": png(1)})
    with pytest.raises(OptionError, match="it has none to keep"):
        job(folder, tmp_path / "out", tiny_model, keep_columns=KEEP)


def test_resume_and_bytes(tmp_path: Path, tiny_model: Path) -> None:
    """Other columns are refused on resume; parts that are made again, by processes, have the very same bytes."""
    folder = write_folder(tmp_path / "all", {})
    (tmp_path / "all").mkdir(exist_ok=True)
    table(folder / "a.parquet", 9, participant=[f"P{i}" for i in range(9)])
    sides = {f"{i}.json": json.dumps({"session": i}).encode() for i in range(9)}
    write_tar(folder / "b.tar.gz", {f"{i}.png": png(i) for i in range(9)} | sides, "w:gz")
    job(folder, tmp_path / "out", tiny_model, keep_columns=KEEP)
    undisturbed = whole(tmp_path / "out")
    for name in ("inputs/part-0000001.parquet", "faces/part-0000003.parquet"):
        (tmp_path / "out" / name).unlink()
    with pytest.raises(OptionError, match=r"another value of the option 'keep_columns': \['participant', 'session'\]"):
        job(folder, tmp_path / "out", tiny_model, keep_columns=("participant",), resume=True)
    arguments = ("--model", tiny_model, "--detector", "none", "--chunk", 4, "--workers", 2, "--resume")
    running = start(folder, tmp_path / "out", *arguments, "--keep-columns", "participant, session")
    _, err = running.communicate(timeout=120)
    assert running.returncode == 0, err
    assert whole(tmp_path / "out") == undisturbed


def test_command(tmp_path: Path, tiny_model: Path) -> None:
    """The command takes names with commas between them; one that is not there ends it with one sentence."""
    source = table(tmp_path / "a.parquet", 1, participant=["P"])
    fixed = ("--model", tiny_model, "--detector", "none", "--workers", 1, "--keep-columns")
    running = start(source, tmp_path / "out", *fixed, "participant,nobody")
    _, err = running.communicate(timeout=120)
    assert running.returncode in {1, 2}
    assert err.count("\n") == 1, err
    assert "has a column 'nobody' for --keep-columns; there are participant." in err
    assert not list((tmp_path / "out").glob("*.json"))


def test_settings_take_a_list() -> None:
    """A list is taken as a tuple, so that settings stay frozen."""
    assert Settings(keep_columns=["a"]).keep_columns == ("a",)  # type: ignore[arg-type]


def test_the_plan_hands_columns_on() -> None:
    """A line of the plan, which every engine reads, gives back the values and the note of each input."""
    items = (Item("a.png", (0, 9), kept=("P1", None)), Item("b.png", (9, 9), note="b.json is damaged."), Item("c.png"))
    chunk = Chunk(3, 7, "tar", "/x.tar", "x.tar", items, count=3, stamp=(1, 2))
    assert from_line(to_line(chunk)) == chunk
