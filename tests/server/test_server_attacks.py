"""What a hostile client might try; the service refuses in one sentence and goes on."""

import io
import socket
import struct
import time
import zlib

import pytest
from server_worlds import form, png

from mien.infer.options import AnalyzerOptions

TOKEN = "correct-horse-battery"


def _bomb(side: int = 20_000) -> bytes:
    """PNG of `side` x `side` black pixels in a few kilobytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = zlib.compress(bytes((side // 8 + 1) * side), 9)
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def test_other_sites_may_not_use_the_service(served, grey_png):
    """A visitor's browser that is on another site says so in Origin; our own page is let in."""
    refused = served.ask("POST", "/v1/analyze", grey_png, Origin="https://evil.example")
    own = served.ask("POST", "/v1/analyze", grey_png, Origin=f"http://{served.address}")

    assert refused.status == 403
    assert own.status == 200


def test_named_sites_may_use_the_service(serve, grey_png):
    """--cors-origin lets exactly that origin in, and tells the browser so; others get no such header."""
    service = serve(origins=("https://friend.example",))

    friend = service.ask("POST", "/v1/analyze", grey_png, Origin="https://friend.example")
    other = service.ask("POST", "/v1/analyze", grey_png, Origin="https://evil.example")

    assert friend.status == 200
    assert friend.headers["access-control-allow-origin"] == "https://friend.example"
    assert other.status == 403
    assert "access-control-allow-origin" not in other.headers


def test_foreign_names_do_not_lead_here(served):
    """DNS rebinding: a foreign name that resolves to this machine."""
    assert served.ask("GET", "/v1/model", Host="evil.example").status == 403
    assert served.ask("GET", "/v1/model", Host="localhost:80").status == 200


def test_an_announced_body_is_refused_before_it_is_read(serve):
    """By its Content-Length; not a byte of the body is sent here."""
    service = serve(limits={"body_bytes": 1000})

    answer = service.raw(
        b"POST /v1/analyze HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000\r\nExpect: 100-continue\r\n\r\n"
    )

    assert answer.startswith(b"HTTP/1.1 413")
    assert b'"too_large"' in answer


@pytest.mark.parametrize("kind", ["image/png", "multipart/form-data; boundary=edge"])
def test_a_chunked_body_is_counted_while_it_arrives(serve, kind):
    """No length is announced; the limit holds all the same, for raw bodies and forms."""
    service = serve(limits={"body_bytes": 10_000})

    def endless():
        yield b'--edge\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\n\r\n'
        for _ in range(100):
            yield b"x" * 1000

    try:
        answer = service.ask("POST", "/v1/analyze", endless(), Content_Type=kind)
    except (BrokenPipeError, ConnectionResetError):
        pytest.skip("the service hung up before the client had finished sending, which is its right")
    assert answer.status == 413


def test_a_slow_body_is_given_up(serve):
    """A client that trickles is told so and dropped, and does not hold a place."""
    service = serve(limits={"body_s": 0.3})
    with socket.create_connection(("127.0.0.1", service.port), timeout=10) as link:
        link.sendall(b"POST /v1/analyze HTTP/1.1\r\nHost: localhost\r\nContent-Length: 500\r\n\r\nabc")
        answer = link.recv(65536)

    assert answer.startswith(b"HTTP/1.1 408")


def test_a_decompression_bomb_is_measured_before_it_is_decoded(served):
    """20,000 x 20,000 pixels in 50 kB; as a raw body, in a form and as a live frame."""
    bomb = _bomb()
    body, kind = form(("bomb.png", bomb))

    assert len(bomb) < 100_000
    assert served.ask("POST", "/v1/analyze", bomb).status == 413
    assert "megapixels" in served.ask("POST", "/v1/analyze", body, Content_Type=kind).json()[0]["error"]


def test_a_polyglot_is_a_picture_and_nothing_else(served, grey_png):
    """A picture with a web page at its end is read as a picture; nothing of the rest comes back."""
    answer = served.ask("POST", "/v1/analyze", grey_png + b"<script>alert(1)</script>", Content_Type="image/png")

    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert b"script" not in answer.body


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\\\windows\\\\win.ini", "win.ini"),
        ("a\u202egnp.exe", "agnp.exe"),
        ("n" * 3000, "n" * 200),
    ],
)
def test_names_of_files_are_only_words(served, grey_png, name, shown):
    """A client's file name is shown back in part and never opened."""
    body, kind = form((name, grey_png))

    assert served.ask("POST", "/v1/analyze", body, Content_Type=kind).json()[0]["source"] == shown


def test_more_pictures_than_allowed(serve, grey_png):
    """The form is refused as a whole."""
    body, kind = form(*[(f"{i}.png", grey_png) for i in range(4)])

    assert serve(limits={"images": 3}).ask("POST", "/v1/analyze", body, Content_Type=kind).status == 400


def test_ten_thousand_faces(serve, tiny_model, monkeypatch):
    """A drawn crowd: no more faces are read than the limit says, the largest ones."""
    from mien.core.types import Face

    class Crowd:
        name = "crowd"

        thread_safe = True

        def detect(self, image):
            grid = [(x, y) for x in range(100) for y in range(100)]
            return [Face((x, y, x + 1 + x / 100, y + 1), 1.0) for x, y in grid]

    service = serve(limits={"faces": 50}, analyzer=AnalyzerOptions(model=tiny_model, detector=Crowd()))

    faces = service.ask("POST", "/v1/analyze", png(100, 100)).json()["faces"]

    assert len(faces) == 50
    assert all(face["box"][0] == 99 for face in faces)


def test_too_many_requests(serve):
    """After a burst a client is told to wait; probes are always answered."""
    service = serve(limits={"requests_per_minute": 10})

    answers = [service.ask("GET", "/v1/model") for _ in range(12)]

    assert [a.status for a in answers[:10]] == [200] * 10
    assert answers[-1].status == 429
    assert int(answers[-1].headers["retry-after"]) >= 1
    assert service.ask("GET", "/healthz").status == 200


def test_too_many_open_requests(serve):
    """With every place taken by a client that does not finish, others are told to come back."""
    service = serve(limits={"clients": 2, "body_s": 5})
    with (
        socket.create_connection(("127.0.0.1", service.port)) as first,
        socket.create_connection(("127.0.0.1", service.port)) as second,
    ):
        for link in (first, second):
            link.sendall(b"POST /v1/analyze HTTP/1.1\r\nHost: localhost\r\nContent-Length: 500\r\n\r\n")
        end = time.monotonic() + 10
        while (answer := service.ask("GET", "/v1/model")).status != 503 and time.monotonic() < end:
            time.sleep(0.05)

    assert answer.status == 503
    assert answer.headers["retry-after"] == "1"


def test_tokens(serve, grey_png):
    """Missing, wrong and right; the page itself and the probes need none, the counters do."""
    service = serve(token=TOKEN)

    assert service.ask("POST", "/v1/analyze", grey_png).status == 401
    assert service.ask("POST", "/v1/analyze", grey_png, Authorization=f"Bearer {TOKEN}x").status == 401
    assert service.ask("POST", "/v1/analyze", grey_png, Authorization="Bearer é").status == 401
    assert service.ask("GET", "/metrics").headers["www-authenticate"] == "Bearer"
    assert service.ask("POST", "/v1/analyze", grey_png, Authorization=f"Bearer {TOKEN}").status == 200
    assert service.ask("GET", "/").status == service.ask("GET", "/healthz").status == 200


def test_strange_lengths(served):
    """Content-Length that is no number never reaches a route."""
    for text in (b"-1", b"1e3", b"99999999999999999999999999"):
        answer = served.raw(b"POST /v1/analyze HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + text + b"\r\n\r\n")
        assert answer.split(b" ")[1] in (b"400", b"413"), answer


def test_nothing_is_written_and_nothing_is_logged(serve, grey_png, monkeypatch, tmp_path, caplog):
    """Pictures of a form larger than Starlette's memory limit stay in memory, and no log knows a name."""
    import tempfile

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    noise = io.BytesIO()
    import numpy as np
    from PIL import Image

    Image.fromarray(np.random.default_rng(0).integers(0, 255, (1200, 1200, 3), np.uint8)).save(noise, "png")
    body, kind = form(("secret-name.png", noise.getvalue()))
    rolled = []
    monkeypatch.setattr(tempfile.SpooledTemporaryFile, "rollover", lambda _self: rolled.append(1))

    caplog.set_level("INFO")
    answer = serve().ask("POST", "/v1/analyze?name=secret-name", body, Content_Type=kind)
    end = time.monotonic() + 10
    while "POST /v1/analyze 200" not in caplog.text and time.monotonic() < end:
        time.sleep(0.01)  # the line is written after the answer was sent

    assert "POST /v1/analyze 200" in caplog.text
    assert len(noise.getvalue()) > 2_000_000
    assert answer.status == 200
    assert not rolled
    assert not list(tmp_path.iterdir())
    assert "secret-name" not in caplog.text
