"""A job that was stopped, refused, or starved of disk: what stands in its folder, and how it goes on."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from batch_worlds import faces, inputs, job, png, start, whole, write_folder, write_tar, write_zip

from mien.batch import read_faces, read_inputs
from mien.core.errors import InputError, OptionError, OutputError

COUNT, CHUNK = 594, 6


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """594 inputs in 99 parts: loose pictures, a packed tar and a zip, a few of them damaged."""
    folder = tmp_path_factory.mktemp("source")
    third = COUNT // 3
    files = {f"{i:03d}.png": png(i % 250) if i % 50 else b"damaged" for i in range(third)}
    write_folder(folder / "loose", files)
    write_tar(folder / "packed.tar.gz", files, "w:gz")
    write_zip(folder / "packed.zip", files)
    return folder


@pytest.fixture(scope="module")
def undisturbed(source: Path, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The result of a job that nothing happened to, made in one process."""
    out = tmp_path_factory.mktemp("undisturbed") / "out"
    outcome = job(source, out, tiny_model, chunk=CHUNK)
    assert (outcome.inputs, outcome.errors, outcome.faces) == (COUNT, 12, COUNT - 12)
    return out


def begin(source: Path, out: Path, model: Path, *more: object, **options: Any) -> subprocess.Popen[str]:
    """The same job as a group of processes."""
    fixed = ("--model", model, "--detector", "none", "--chunk", CHUNK)
    return start(source, out, *fixed, *more, **options)


def parts(out: Path) -> int:
    """Number of parts that are written."""
    return len(list((out / "inputs").glob("part-*.parquet"))) if (out / "inputs").is_dir() else 0


def test_kills(source: Path, undisturbed: Path, tiny_model: Path, tmp_path: Path) -> None:
    """A job whose processes are all killed at random moments, again and again, must end with the very same bytes."""
    out, moments = tmp_path / "out", random.Random(8)
    seen = 0
    for _ in range(3):
        running = begin(source, out, tiny_model, "--resume", "--workers", 2)
        goal = min(seen + moments.randrange(1, 30), COUNT // CHUNK - 1)
        while parts(out) < goal and running.poll() is None:
            time.sleep(0.002)
        time.sleep(moments.random() * 0.02)
        os.killpg(running.pid, signal.SIGKILL)
        running.communicate()
        assert parts(out) >= seen, "a kill must lose no part"
        seen = parts(out)
        if out.exists() and (out / "manifest.json").exists():
            assert read_inputs(out).num_rows == seen * CHUNK, "what is given must be whole at every moment"
    assert seen < COUNT // CHUNK, "the last kill must come before the end"
    job(source, out, tiny_model, chunk=CHUNK, resume=True)
    assert whole(out) == whole(undisturbed)


def test_kill_while_planning(source: Path, undisturbed: Path, tiny_model: Path, tmp_path: Path) -> None:
    """A kill before there is a manifest, in the middle of planning, must leave a folder that can be begun again."""
    out = tmp_path / "out"
    out.mkdir()
    (out / "plan.jsonl").write_bytes((undisturbed / "plan.jsonl").read_bytes()[:1000])
    (out / ".plan.0123abcd.part.jsonl").write_bytes(b"{")
    job(source, out, tiny_model, chunk=CHUNK)
    assert whole(out) == whole(undisturbed)


def test_killed_worker(source: Path, undisturbed: Path, tiny_model: Path, tmp_path: Path) -> None:
    """A process that is killed from outside must be replaced, and its chunk done again; the job must not notice."""
    psutil = pytest.importorskip("psutil")
    out = tmp_path / "out"
    running = begin(source, out, tiny_model, "--workers", 1)
    while parts(out) < 3 and running.poll() is None:
        time.sleep(0.002)
    workers = [p for p in psutil.Process(running.pid).children() if "spawn_main" in " ".join(p.cmdline())]
    workers[0].send_signal(signal.SIGKILL)
    _, err = running.communicate(timeout=120)
    assert running.returncode == 1, err
    assert whole(out) == whole(undisturbed)


def test_interrupt(source: Path, undisturbed: Path, tiny_model: Path, tmp_path: Path) -> None:
    """Ctrl-C must end with status 130 and a word on how to go on, leave no temporary file, and lose nothing."""
    out = tmp_path / "out"
    running = begin(source, out, tiny_model, "--workers", 1)
    while parts(out) < 2 and running.poll() is None:
        time.sleep(0.002)
    os.killpg(running.pid, signal.SIGINT)
    _, err = running.communicate(timeout=60)
    assert running.returncode == 130, err
    assert "--resume" in err
    assert "Traceback" not in err
    assert not [name for name in whole(out) if "/." in f"/{name}"]
    job(source, out, tiny_model, chunk=CHUNK, resume=True)
    assert whole(out) == whole(undisturbed)


def test_full_disk(tiny_model: Path, tmp_path: Path) -> None:
    """A full disk (here: a limit on the size of files) must be one sentence and leave no half file under a final
    name.
    """
    many = write_folder(tmp_path / "many", {f"{i:04d}.png": png(i % 250) for i in range(400)})
    out = tmp_path / "out"
    arguments = (many, out, "--model", tiny_model, "--detector", "none", "--chunk", 400, "--workers", 1)
    running = start(*arguments, limit=12_000)
    _, err = running.communicate(timeout=60)
    assert running.returncode == 1
    assert err.startswith("Error: Cannot write ")
    assert err.count("\n") == 1, err
    assert set(whole(out)) <= {"plan.jsonl", "manifest.json"}
    assert job(many, out, tiny_model, chunk=400, resume=True).faces == 400
    assert read_faces(out).num_rows == 400


def test_parts_that_do_not_count(source: Path, undisturbed: Path, tiny_model: Path, tmp_path: Path) -> None:
    """A part whose writing ended between its two files, a damaged part and one of another job must all be made
    again.
    """
    out = tmp_path / "out"
    shutil.copytree(undisturbed, out)
    (out / "inputs" / "part-0000003.parquet").unlink()
    (out / "inputs" / "part-0000004.parquet").write_bytes(b"PAR1 damaged PAR1")
    stranger = pq.read_table(out / "inputs" / "part-0000005.parquet").replace_schema_metadata({})
    pq.write_table(stranger, out / "inputs" / "part-0000005.parquet")
    assert read_faces(out).num_rows == COUNT - 12 - 3 * CHUNK  # no damaged input among these
    outcome = job(source, out, tiny_model, chunk=CHUNK, resume=True)
    assert outcome.earlier == COUNT - 3 * CHUNK
    assert whole(out) == whole(undisturbed)


def test_complete(
    source: Path, undisturbed: Path, tiny_model: Path, tmp_path: Path, command: Callable[..., Any]
) -> None:
    """A job that is complete has nothing to do, and says so with the status of its errors."""
    out = tmp_path / "out"
    shutil.copytree(undisturbed, out)
    before = whole(out)
    options = ("--model", tiny_model, "--detector", "none", "--chunk", CHUNK)
    ended = command("batch", source, out, "--resume", *options)
    assert (ended.code, ended.out) == (1, "")
    assert "complete already" in ended.err
    assert whole(out) == before
    # Without --resume it is left alone.
    ended = command("batch", source, out, *options)
    assert ended.code == 1
    assert "--resume" in ended.err
    assert whole(out) == before


def test_other_job(source: Path, undisturbed: Path, tiny_model: Path, tmp_path: Path) -> None:
    """Going on with another source, other options or another model must be refused, and name what differs."""
    with pytest.raises(OptionError, match="'chunk'"):
        job(source, undisturbed, tiny_model, chunk=CHUNK + 1, resume=True)
    with pytest.raises(OptionError, match="source"):
        job(source / "loose", undisturbed, tiny_model, chunk=CHUNK, resume=True)
    with pytest.raises(OptionError, match=r"model: .* \(sha256 [0-9a-f]{12}\), now fer2013 \(sha256 "):
        job(source, undisturbed, Path("fer2013"), chunk=CHUNK, resume=True)
    with pytest.raises(OptionError, match="detector"):
        job(source, undisturbed, tiny_model, chunk=CHUNK, detector="auto", resume=True)
    strange = write_folder(tmp_path / "full", {"holiday.txt": b"mine"})
    for resume in (False, True):
        with pytest.raises(OutputError, match=r"holiday\.txt"):
            job(source, strange, tiny_model, resume=resume)
    assert whole(strange) == {"holiday.txt": b"mine"}


def test_changed_archive(tiny_model: Path, tmp_path: Path) -> None:
    """An archive that changed since the plan was made cannot be gone on with; the plan says where its members lie."""
    archive = write_tar(tmp_path / "x.tar", {f"{i}.png": png(i) for i in range(9)})
    job(archive, tmp_path / "out", tiny_model)
    manifest = tmp_path / "out" / "manifest.json"
    body = json.loads(manifest.read_text(encoding="utf-8")) | {"state": "running"}
    manifest.write_text(json.dumps(body), encoding="utf-8")
    (tmp_path / "out" / "inputs" / "part-0000000.parquet").unlink()
    write_tar(archive, {f"{i}.png": png(i + 100) for i in range(9)})
    os.utime(archive, ns=(1, 1))
    with pytest.raises(InputError, match="has changed"):
        job(archive, tmp_path / "out", tiny_model, resume=True)


def test_vanished_picture(tiny_model: Path, tmp_path: Path) -> None:
    """A picture that vanished since the plan was made is an error of its own."""
    folder = write_folder(tmp_path / "p", {f"{i}.png": png(i) for i in range(8)})
    job(folder, tmp_path / "out", tiny_model)
    (tmp_path / "out" / "inputs" / "part-0000001.parquet").unlink()
    (folder / "5.png").unlink()
    assert job(folder, tmp_path / "out", tiny_model, resume=True).errors == 1
    assert "No such file" in inputs(tmp_path / "out")[5]["error"]


def test_damaged_job(source: Path, undisturbed: Path, tiny_model: Path, tmp_path: Path) -> None:
    """A manifest or plan that is damaged, and a folder without a job, must be one sentence."""
    with pytest.raises(OutputError, match="There is no job"):
        read_faces(tmp_path)
    with pytest.raises(OutputError, match="no column 'mood'"):
        read_faces(undisturbed, ["mood"])
    for text in (b"", b"[]", b'{"format": "mien-batch/1"}', b'{"format": "mien-batch/9", "labels": []}', b"\xff"):
        out = tmp_path / f"out{len(text)}"
        out.mkdir()
        (out / "manifest.json").write_bytes(text)
        with pytest.raises(OutputError, match=r"manifest\.json"):
            job(source, out, tiny_model, chunk=CHUNK, resume=True)
    out = tmp_path / "planless"
    shutil.copytree(undisturbed, out)
    (out / "plan.jsonl").unlink()
    (out / "inputs" / "part-0000000.parquet").unlink()
    with pytest.raises(OutputError, match=r"plan\.jsonl"):
        job(source, out, tiny_model, chunk=CHUNK, resume=True)


def test_tables(undisturbed: Path) -> None:
    """The tables must be in order, without doubles or gaps, and readable as ordinary Parquet with their metadata."""
    assert [row["input"] for row in inputs(undisturbed)] == list(range(COUNT))
    numbers = [(row["input"], row["face"]) for row in faces(undisturbed)]
    assert numbers == sorted(set(numbers))
    good = {row["input"] for row in inputs(undisturbed) if row["status"] == "ok"}
    assert {number for number, _ in numbers} == good
    table = pq.read_table(undisturbed / "faces" / "part-0000000.parquet")
    facts = json.loads(table.schema.metadata[b"mien.batch"])
    assert (facts["format_version"], facts["table"], facts["labels"]) == (1, "faces", ["sad", "happy"])
    assert read_faces(undisturbed, ["emotion"]).column_names == ["emotion"]


def test_a_second_writer_is_refused(source: Path, undisturbed: Path, tiny_model: Path, tmp_path: Path) -> None:
    """While a job runs, a second one into its folder is told who writes there; a kill ends the claim."""
    out = tmp_path / "out"
    running = begin(source, out, tiny_model, "--workers", 1)
    while parts(out) < 1 and running.poll() is None:
        time.sleep(0.002)
    running.send_signal(signal.SIGSTOP)
    second = begin(source, out, tiny_model, "--resume")
    _, said = second.communicate(timeout=60)
    assert second.returncode == 1
    assert f"is being written by process {running.pid} on " in said
    os.killpg(running.pid, signal.SIGKILL)
    running.communicate()
    assert (out / ".job.lock").exists()
    job(source, out, tiny_model, chunk=CHUNK, resume=True)
    assert whole(out) == whole(undisturbed)
