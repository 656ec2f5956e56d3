"""Videos as jobs: progress, time line, deletion, and that no file is left behind."""

import csv
import json
import os
import time
from pathlib import Path
from typing import Any

import pytest


def _wait(service, job_id: str) -> dict:
    end = time.monotonic() + 30
    while time.monotonic() < end:
        job = service.ask("GET", f"/v1/analyze/video/{job_id}").json()
        if job["state"] in ("done", "failed"):
            return job
        time.sleep(0.02)
    raise AssertionError("the video was not read in time")


def _open_uploads() -> list[str]:
    """Nameless temporary files that this process holds open."""
    links = []
    for link in Path("/proc/self/fd").iterdir():
        try:
            links.append(str(link.readlink()))
        except OSError:
            continue
    return [link for link in links if "(deleted)" in link and "/tmp" in link]


def test_a_video_is_read_and_forgotten(served, clip, tmp_path, monkeypatch):
    """Accepted with an address, read to its end, time line in three forms, deleted on request; no file stays."""
    import tempfile

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    before = _open_uploads()
    answer = served.ask("POST", "/v1/analyze/video?every_s=0.2", clip, Content_Type="video/x-msvideo")
    job = answer.json()

    assert answer.status == 202
    assert answer.headers["location"] == f"/v1/analyze/video/{job['id']}"
    done = _wait(served, job["id"])
    assert (done["state"], done["progress"], done["frames"], done["faces"]) == ("done", 1.0, 5, 5)
    assert (done["width"], done["height"]) == (64, 48)
    at = f"/v1/analyze/video/{job['id']}/timeline"
    body = served.ask("GET", at).json()
    assert [row["time_s"] for row in body["rows"]] == pytest.approx([0, 0.2, 0.4, 0.6, 0.8])
    assert list(body["rows"][0]) == body["columns"]
    table = list(csv.DictReader(served.ask("GET", f"{at}?format=csv").body.decode().splitlines()))
    assert [float(row["time_s"]) for row in table] == [row["time_s"] for row in body["rows"]]
    assert served.ask("GET", f"{at}?format=jsonl").body.count(b"\n") == 5
    assert served.ask("GET", f"{at}?format=xml").status == 422

    assert served.ask("DELETE", f"/v1/analyze/video/{job['id']}").status == 204
    assert served.ask("GET", at).status == 404
    assert list(tmp_path.iterdir()) == []
    assert _open_uploads() == before


@pytest.mark.parametrize(
    "body",
    [
        b"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nfile:///etc/passwd\n",
        b"ffconcat version 1.0\nfile /etc/passwd\n",
        b"<html></html>",
        b"\x89PNG\r\n\x1a\n" + bytes(600),
    ],
)
def test_only_videos_reach_the_decoder(served, body):
    """Playlists could make FFmpeg open other files; they and everything else is refused by its first bytes."""
    assert served.ask("POST", "/v1/analyze/video", body).status == 415


def test_a_broken_video_fails_in_a_sentence(served):
    """The container is right, the rest is noise; the sentence does not tell where the file was."""
    body = b"RIFF\x00\x10\x00\x00AVI " + bytes(2000)
    job = _wait(served, served.ask("POST", "/v1/analyze/video", body).json()["id"])

    assert job["state"] == "failed"
    assert "/proc" not in job["error"]
    assert "/tmp" not in job["error"]
    assert served.ask("GET", f"/v1/analyze/video/{job['id']}/timeline").status == 422


def test_too_long_and_too_large(serve, clip):
    """Seconds are known before reading begins, bytes while they arrive."""
    service = serve(limits={"video_s": 0.5, "video_bytes": len(clip)})
    job = _wait(service, service.ask("POST", "/v1/analyze/video", clip).json()["id"])

    assert job["state"] == "failed"
    assert "more than the limit of 0.5 s" in job["error"]
    assert job["frames"] == 0
    assert service.ask("POST", "/v1/analyze/video", clip + b"x").status == 413


def test_the_address_of_a_video_behind_a_proxy(serve, clip):
    """Location names the path that the proxy offers."""
    answer = serve(root_path="/faces").ask("POST", "/v1/analyze/video", clip)

    assert answer.headers["location"] == f"/faces/v1/analyze/video/{answer.json()['id']}"


def test_results_are_kept_for_a_while_only(serve, clip):
    """Nobody has to delete them."""
    service = serve(limits={"job_keep_s": 0.05})
    job = service.ask("POST", "/v1/analyze/video", clip).json()
    end = time.monotonic() + 30
    while service.ask("GET", f"/v1/analyze/video/{job['id']}").status != 404:
        assert time.monotonic() < end
        time.sleep(0.05)


def test_too_many_videos(serve, clip, monkeypatch):
    """While one waits and none else may, a second is told to come back; stopping the service ends it."""
    from mien.app.server.work.jobs import Jobs

    def slow(self, job, path):
        while not job.stop.is_set():
            time.sleep(0.01)

    monkeypatch.setattr(Jobs, "_read", slow)
    service = serve(limits={"jobs": 1})

    assert service.ask("POST", "/v1/analyze/video", clip).status == 202
    assert service.ask("POST", "/v1/analyze/video", clip).status == 503


def _events(text: bytes) -> list[tuple[str, int, Any]]:
    """Name, id and data of each event of a stream."""
    found = []
    for block in text.decode().strip().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines())
        if "event" in fields:
            found.append((fields["event"], int(fields["id"]), json.loads(fields["data"])))
    return found


def test_readings_come_as_events(served, clip):
    """The stream gives every row once, without a verdict on people, and ends with the final state; a client that
    lost it goes on where it was.
    """
    job = served.ask("POST", "/v1/analyze/video", clip, Content_Type="video/x-msvideo").json()
    at = f"/v1/analyze/video/{job['id']}"
    answer = served.ask("GET", f"{at}/events")
    events = _events(answer.body)
    told = served.ask("GET", f"{at}/timeline").json()["rows"]
    rows = [{**row, "plausible": None} for row in told]

    assert all(row["plausible"] is not None for row in told)
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert [row for name, _, data in events if name == "rows" for row in data] == rows
    assert events[-1] == ("state", len(rows), served.ask("GET", at).json())
    again = _events(served.ask("GET", f"{at}/events", Last_Event_ID=str(len(rows) - 3)).body)
    assert [row for name, _, data in again if name == "rows" for row in data] == rows[-3:]
    assert served.ask("GET", f"{at}/events", Last_Event_ID="x").status == 422
    assert served.ask("GET", "/v1/analyze/video/none/events").status == 404


def test_ids_cannot_be_guessed(served, clip):
    """144 random bits, different each time; near misses find nothing."""
    first = served.ask("POST", "/v1/analyze/video", clip).json()["id"]
    second = served.ask("POST", "/v1/analyze/video", clip).json()["id"]

    assert len(first) == len(second) == 24
    assert first[:8] != second[:8]
    for guess in (first[:-1], first[:-1] + ("a" if first[-1] != "a" else "b"), "0", "..", "%2e%2e", "x" * 65):
        assert served.ask("GET", f"/v1/analyze/video/{guess}").status in (404, 405, 422)
        assert served.ask("GET", f"/v1/analyze/video/{guess}/timeline").status in (404, 422)
    for job in (first, second):
        _wait(served, job)
        served.ask("DELETE", f"/v1/analyze/video/{job}")


def test_where_open_files_have_no_path(monkeypatch, tmp_path):
    """There the upload has a name; it is deleted when closed, and old ones of a crashed service at the next start."""
    import tempfile

    from mien.app.server.work import uploads

    monkeypatch.setattr(uploads, "_OPEN_FILES", ())
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with uploads.Upload() as upload:
        upload.write(b"abc")
        assert upload.head() == b"abc"
        assert Path(upload.path).read_bytes() == b"abc"
    assert list(tmp_path.iterdir()) == []
    stale, fresh = tmp_path / "mien-video-old", tmp_path / "mien-video-new"
    for file in (stale, fresh):
        file.write_bytes(b"x")
    os.utime(stale, (0, 0))

    uploads.sweep()

    assert list(tmp_path.iterdir()) == [fresh]


def test_only_so_many_results_are_kept():
    """The oldest goes first, before its time."""
    from mien.app.server.settings import Limits
    from mien.app.server.work.homes import Here
    from mien.app.server.work.jobs import Job, Jobs

    jobs = Jobs(Here(lambda: None), Limits())
    kept = [Job(0.1, ended_s=time.monotonic() - 20 + i) for i in range(20)]
    jobs._jobs = {job.id: job for job in kept}

    jobs.check_room()

    assert set(jobs._jobs) == {job.id for job in kept[4:]}


def test_a_full_disk(serve, clip, monkeypatch):
    """The client is told to come back; nothing is left behind, and pictures go on."""
    from mien.app.server.work.uploads import Upload

    def full(self):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Upload, "head", full)
    service = serve()

    answer = service.ask("POST", "/v1/analyze/video", clip)

    assert (answer.status, answer.headers["retry-after"]) == (503, "60")
    assert "no room" in answer.json()["error"]["message"]
    assert 'mien_refused_total{reason="disk"} 1' in service.ask("GET", "/metrics").body.decode()
