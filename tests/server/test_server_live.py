"""The live side: frames over a WebSocket."""

import base64
import json
import struct
import time

import pytest
from server_worlds import png

TOKEN = "correct-horse-battery"
client = pytest.importorskip("websockets.sync.client")
exceptions = pytest.importorskip("websockets.exceptions")


def _frame(number: int, picture: bytes, time_s: float | None = None) -> bytes:
    return struct.pack("<Id", number, number / 30 if time_s is None else time_s) + picture


def _connect(service, query="", **options):
    return client.connect(f"ws://{service.address}/v1/live{query}", proxy=None, compression=None, **options)


def _closed(socket) -> int:
    """Code with which the service closes a connection, whatever it says before."""
    with pytest.raises(exceptions.ConnectionClosed) as closed:
        while True:
            socket.recv(timeout=10)
    return closed.value.rcvd.code


def test_frames_come_back_as_readings(served, grey_png):
    """A greeting first; then one answer per frame, with the track and the smoothed values."""
    with _connect(served) as socket:
        hello = json.loads(socket.recv(timeout=10))
        socket.send(_frame(1, grey_png))
        one = json.loads(socket.recv(timeout=10))
        socket.send(_frame(2, grey_png))
        two = json.loads(socket.recv(timeout=10))

    assert hello["type"] == "hello"
    assert hello["labels"] == served.ask("GET", "/v1/model").json()["labels"]
    assert (one["id"], two["id"], one["width"], one["height"]) == (1, 2, 16, 8)
    assert one["faces"][0]["track"] == two["faces"][0]["track"]
    assert set(one["faces"][0]["smooth"]) == set(hello["labels"])


@pytest.mark.parametrize("workers", [1, 2])
def test_another_packaged_model_may_be_asked_for(serve, grey_png, workers):
    """The greeting names it and its labels, its frames are read with it; another connection keeps the usual one."""
    service = serve(workers=workers)
    with _connect(service, "?model=ferplus") as other, _connect(service) as usual:
        hello, plain = json.loads(other.recv(timeout=30)), json.loads(usual.recv(timeout=10))
        for socket in (other, usual):
            socket.send(_frame(1, grey_png))
        read, plainly = json.loads(other.recv(timeout=30)), json.loads(usual.recv(timeout=10))
    known = service.ask("GET", "/v1/model?model=ferplus").json()

    assert (hello["model"], hello["uncertain_below"]) == ("ferplus", known["uncertain_below"])
    assert list(read["faces"][0]["probabilities"]) == hello["labels"] == known["labels"]
    assert "contempt" in hello["labels"]
    assert list(plainly["faces"][0]["probabilities"]) == plain["labels"] != hello["labels"]


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("?model=ferpluss", "model: Unknown model 'ferpluss'. Did you mean 'ferplus'?"),
        ("?model=../../etc/passwd", "Unknown model '../../etc/passwd'."),
        ("?modle=ferplus", "Unknown parameter 'modle'. Did you mean 'model'?"),
    ],
)
def test_an_unknown_model_is_refused_before_the_connection_opens(served, query, says):
    """By one sentence in the service's usual shape, with the status that pictures get."""
    with pytest.raises(exceptions.InvalidStatus) as refused:
        _connect(served, query)

    answer = refused.value.response
    assert answer.status_code == 422
    assert says in json.loads(answer.body)["error"]["message"]


def test_the_newest_frame_wins(served, grey_png):
    """A client that is quicker than the service gets fewer answers, in order, and always the last frame's."""
    with _connect(served) as socket:
        socket.recv(timeout=10)
        for number in range(1, 60):
            socket.send(_frame(number, grey_png))
        answered = []
        while not answered or answered[-1] != 59:
            answered.append(json.loads(socket.recv(timeout=10))["id"])

    assert answered == sorted(set(answered))


def test_other_sites_may_not_connect(served):
    """The origin of the page decides."""
    with pytest.raises(exceptions.InvalidStatus) as refused:
        _connect(served, origin="https://evil.example")
    assert refused.value.response.status_code == 403
    with _connect(served, origin=f"http://{served.address}") as socket:
        assert json.loads(socket.recv(timeout=10))["type"] == "hello"


def test_the_token_comes_beside_the_subprotocol(serve):
    """Browsers cannot set headers on a WebSocket."""
    service = serve(token=TOKEN)
    right = base64.urlsafe_b64encode(TOKEN.encode()).decode().rstrip("=")

    for subprotocols in (None, ["mien.v1"], ["mien.v1", "token.wrong"], ["mien.v1", "token.A"]):
        with pytest.raises(exceptions.InvalidHandshake):
            _connect(service, subprotocols=subprotocols)
    with _connect(service, subprotocols=["mien.v1", f"token.{right}"]) as socket:
        assert json.loads(socket.recv(timeout=10))["type"] == "hello"
        assert socket.subprotocol == "mien.v1"


def test_a_frame_that_is_no_picture_is_told_and_forgiven(served, grey_png):
    """The connection goes on; twenty in a row end it."""
    with _connect(served) as socket:
        socket.recv(timeout=10)
        for number in range(1, 20):
            socket.send(_frame(number, b"no picture"))
            assert json.loads(socket.recv(timeout=10))["type"] == "error"
        socket.send(_frame(20, grey_png))
        assert json.loads(socket.recv(timeout=10))["type"] == "reading"
        for number in range(21, 40):
            socket.send(_frame(number, b"no picture"))
            socket.recv(timeout=10)
        socket.send(_frame(40, b"no picture"))
        assert _closed(socket) == 1007


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("text", 1003),
        (b"", 1003),
        (b"short", 1003),
        (_frame(1, b"x", float("nan")), 1003),
        (_frame(1, b"x", float("inf")), 1003),
        (_frame(1, b"x" * 1_000_100), 1009),
    ],
)
def test_malformed_messages_end_the_connection(served, message, code):
    """With the code that says why."""
    with _connect(served) as socket:
        socket.recv(timeout=10)
        socket.send(message)
        assert _closed(socket) == code


def test_a_message_larger_than_any_frame_ends_the_connection(served):
    """It is cut off while it arrives, so the client may learn of it by a reset."""
    with _connect(served) as socket, pytest.raises(exceptions.ConnectionClosed):
        socket.recv(timeout=10)
        socket.send(_frame(1, b"x" * 3_000_000))
        socket.recv(timeout=10)


def test_time_that_runs_backwards(served, grey_png):
    """Times that jump do not break the tracks' clock."""
    with _connect(served) as socket:
        socket.recv(timeout=10)
        for number, time_s in enumerate((5.0, 1.0, -1e300, 1e300, 0.0)):
            socket.send(_frame(number, grey_png, time_s))
            assert json.loads(socket.recv(timeout=10))["type"] == "reading"


def test_a_flood_is_cut_off(serve, grey_png):
    """Far more frames than any camera sends."""
    service = serve(limits={"frames_per_s": 5})
    with _connect(service) as socket:
        socket.recv(timeout=10)
        with pytest.raises(exceptions.ConnectionClosed) as closed:
            for number in range(5000):
                socket.send(_frame(number, grey_png))
            time.sleep(0.5)
            while True:
                socket.recv(timeout=10)
        # Where the client is still sending, the close frame may be lost with the connection.
        assert closed.value.rcvd is None or closed.value.rcvd.code == 1008


def test_a_silent_connection_ends(serve):
    """It would hold a place for nothing."""
    with _connect(serve(limits={"idle_s": 0.2})) as socket:
        socket.recv(timeout=10)
        assert _closed(socket) == 1000


def test_a_bomb_as_a_frame(serve):
    """Frames have a limit of pixels of their own."""
    with _connect(serve(limits={"frame_pixels": 10_000})) as socket:
        socket.recv(timeout=10)
        socket.send(_frame(1, png(200, 200)))
        answer = json.loads(socket.recv(timeout=10))

    assert answer["type"] == "error"
    assert "megapixels" in answer["message"]
