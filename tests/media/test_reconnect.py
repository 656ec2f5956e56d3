"""A live source that breaks off comes back, its times go on, and the gap is told."""

import csv
import socketserver
import threading

import pytest
from made_clips import LABELS, numbered, reading, write_clip

from mien.core.errors import OptionError, VideoError
from mien.media.reconnect import ReconnectingReader
from mien.media.source import Source, open_source
from mien.media.summary import Summary
from mien.media.timeline import TimelineSink


class Fragile:
    """A live reader of so many pictures, 0.04 s apart, that then fails."""

    name, live, fps, frame_count, start_s, clock_s, gap_s = "fragile", True, 25.0, None, 0.0, 0.0, 0.0

    def __init__(self, pictures):
        self.left, self.grabbed, self.notes = pictures, 0, []

    def grab(self):
        if self.grabbed == self.left:
            raise VideoError("The source sent nothing for 1 seconds.")
        self.grabbed += 1
        return self.grabbed / 25

    def picture(self):
        return numbered(self.grabbed)[-1]

    def place(self):
        return ""

    def seek(self, time_s):
        """Live."""

    def close(self):
        """Nothing to let go of."""


def breaking(*lives, patience_s=30.0):
    """A reconnecting reader: each time it is opened it lives for so many pictures; None: it cannot be opened."""
    left = iter(lives)

    def opened():
        pictures = next(left, None)
        if pictures is None:
            raise VideoError("Nothing answers.")
        return Fragile(pictures)

    return ReconnectingReader(opened, patience_s)


def test_it_comes_back():
    """Two lives of three pictures are six frames; times rise, the gap is stated once, and a note tells it."""
    source = Source(breaking(3, 3, patience_s=0.2))
    frames = [next(source) for _ in range(6)]

    assert [frame.index for frame in frames] == list(range(6))
    times = [frame.time_s for frame in frames]
    assert times == sorted(times)
    assert [frame.gap_s > 0 for frame in frames] == [False, False, False, True, False, False]
    assert frames[3].time_s == pytest.approx(frames[2].time_s + frames[3].gap_s)
    assert frames[4].time_s == pytest.approx(frames[3].time_s + 0.04)
    assert "broke off at 0.1 s and came back at" in source.notes[0]
    with pytest.raises(VideoError, match=r"sent nothing for 1 seconds\. It did not come back within 0\.2 seconds"):
        next(source)


def test_it_is_tried_more_than_once(monkeypatch):
    """A source that cannot be opened at first is tried again."""
    monkeypatch.setattr("mien.media.reconnect._BETWEEN_S", 0.01)
    source = Source(breaking(1, None, 2))
    assert [next(source).gap_s > 0 for _ in range(3)] == [False, True, False]


def test_closing_ends_the_waiting():
    """A source that is closed while it waits ends at once."""
    reader = breaking(1)
    source = Source(reader)
    next(source)
    threading.Timer(0.1, reader.close).start()
    assert list(source) == []


def test_the_gap_is_in_the_table_and_in_no_ones_time(tmp_path):
    """A row without a face at the last picture before the gap; the face before it is not believed to have gone on."""
    path = tmp_path / "a.csv"
    table, summary = TimelineSink(path, LABELS), Summary(LABELS)
    source = Source(breaking(3, 3))
    for _ in range(3):
        frame = next(source)
        for sink in (table, summary):
            sink.write(frame, [reading()])
    gap = frame = next(source)
    frame = type(frame)(frame.image, frame.index, frame.time_s + 5, frame.gap_s + 5)  # five seconds of nothing
    for sink in (table, summary):
        sink.write(frame, [reading()])
        sink.close()
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))

    assert [row["quality"] == "gap" for row in rows] == [False, False, False, True, False]
    assert (rows[3]["track"], rows[3]["emotion"], rows[3]["frame"]) == ("", "", str(gap.index))
    assert float(rows[3]["time_s"]) == pytest.approx(0.12)
    assert sum(summary.result().seconds.values()) < 1


def test_only_what_is_live_can_be_reconnected_to(tmp_path):
    """A file ends where it ends."""
    with pytest.raises(OptionError, match="only cameras and addresses"):
        open_source(write_clip(tmp_path / "a.mp4", numbered(2)), reconnect_s=5)
    with pytest.raises(OptionError, match="greater than 0"):
        open_source("tcp://127.0.0.1:9", reconnect_s=0)


def test_a_stream_that_is_cut_off(tmp_path):
    """A real one: a server that sends a clip and hangs up, twice."""
    data = write_clip(tmp_path / "a.avi", numbered(10)).read_bytes()

    class Handler(socketserver.BaseRequestHandler):
        def handle(self):
            self.request.sendall(data)

    with socketserver.TCPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            with open_source(f"tcp://127.0.0.1:{server.server_address[1]}", reconnect_s=20) as source:
                frames = [next(source) for _ in range(15)]
        finally:
            server.shutdown()
            thread.join()

    assert [frame.gap_s > 0 for frame in frames] == [i == 10 for i in range(15)]
    assert len(source.notes) >= 1
