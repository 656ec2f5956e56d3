"""The writing thread: everything is written, errors reach the caller, and an ending is always clean."""

import threading
import time

import pytest
from made_clips import blank, reading

from mien.core.errors import OutputError, VideoError
from mien.media.sink import BackgroundSinks


class Recorder:
    """A sink that remembers what happened to it, and breaks where it is told to."""

    def __init__(self, breaks_at=None, breaks_on_close=False, delay_s=0.0):
        self.indices, self.ended = [], None
        self._breaks_at, self._breaks_on_close, self._delay_s = breaks_at, breaks_on_close, delay_s

    def write(self, frame, readings):
        time.sleep(self._delay_s)
        if frame.index == self._breaks_at:
            raise OutputError("The disk is full.")
        self.indices.append(frame.index)

    def close(self):
        if self._breaks_on_close:
            raise OutputError("The disk is full.")
        self.ended = "closed"

    def abort(self):
        self.ended = "aborted"


def test_closing_drains():
    """Leaving the block waits until every frame is written to every sink, then finishes them."""
    sinks = [Recorder(delay_s=0.005), Recorder()]
    with BackgroundSinks(sinks, size=2) as out:
        for i in range(30):
            out.write(blank(i, i / 25), [reading()])

    assert [s.indices for s in sinks] == [list(range(30))] * 2
    assert [s.ended for s in sinks] == ["closed", "closed"]


def test_error_of_a_sink_reaches_the_caller():
    """A full disk stops the loop within two seconds, with the sink's own error, and the sinks are given up."""
    sinks = [Recorder(breaks_at=3), Recorder()]
    started = time.monotonic()
    with pytest.raises(OutputError, match="disk is full"), BackgroundSinks(sinks, size=2) as out:
        for i in range(10_000):
            out.write(blank(i, i / 25), [])

    assert time.monotonic() - started < 2
    assert [s.ended for s in sinks] == ["aborted", "aborted"]
    assert not [t for t in threading.enumerate() if t.name == "mien-write"]


def test_error_of_the_last_frame_reaches_the_caller():
    """An error after the last `write` is raised when the block is left."""
    with pytest.raises(OutputError), BackgroundSinks([Recorder(breaks_at=0, delay_s=0.05)]) as out:
        out.write(blank(0, 0.0), [])


@pytest.mark.parametrize(
    ("error", "ended"), [(VideoError, "closed"), (KeyboardInterrupt, "closed"), (ValueError, "aborted")]
)
def test_how_a_run_ends(error, ended):
    """Ctrl-C and a source that fails leave finished files; a defect leaves none. The error goes on."""
    sink = Recorder()
    with pytest.raises(error), BackgroundSinks([sink]) as out:
        out.write(blank(0, 0.0), [])
        raise error("!")
    assert sink.ended == ended


def test_one_sink_that_fails_to_finish():
    """The others are finished all the same, then the error is raised."""
    good = Recorder()
    with pytest.raises(OutputError), BackgroundSinks([Recorder(breaks_on_close=True), good]) as out:
        out.write(blank(0, 0.0), [])
    assert good.ended == "closed"
