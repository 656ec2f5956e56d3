"""`mien.Client`: what a service answers is what the local call gives."""

import json
import threading

import cv2
import numpy as np
import pytest

import mien
from mien.core.errors import ImageError, OptionError, ServiceError

httpx = pytest.importorskip("httpx")


@pytest.fixture(scope="module")
def portraits(tiny_model):
    """A service that looks for faces, and the same analyzer here."""
    from server_worlds import running

    from mien.app.server.settings import Limits
    from mien.infer.options import AnalyzerOptions

    options = AnalyzerOptions(model=tiny_model)
    with running(analyzer=options, limits=Limits(requests_per_minute=100_000)) as service:
        yield service, mien.Analyzer(tiny_model)


@pytest.fixture
def client(portraits):
    """A client of that service."""
    with mien.Client(f"http://{portraits[0].address}") as opened:
        yield opened


def test_readings_are_those_of_the_local_call(client, portraits, astronaut, hopper_file):
    """Arrays, paths and bytes; every value, to the last bit."""
    local = portraits[1]
    for image in (astronaut, hopper_file, hopper_file.read_bytes(), str(hopper_file)):
        found = client.analyze(image)
        assert found
        assert found == local.analyze(image)


def test_a_record_has_the_name_of_the_file(client, portraits, hopper_file):
    """Size, detector and model come with it; what cannot be read becomes a record with its error."""
    one, two = client.reports([hopper_file, b"hello"])

    assert one == portraits[1].report(hopper_file, name=hopper_file.name)
    assert two.faces == ()
    assert "not a" in two.error


def test_a_bad_picture_raises_as_here(client, tmp_path):
    """Damaged, unknown, missing: `ImageError`, whoever reads."""
    with pytest.raises(ImageError):
        client.analyze(b"hello")
    with pytest.raises(ImageError, match="does not exist"):
        client.analyze(tmp_path / "nothing.jpg")


def test_a_video_comes_row_by_row(client, portraits, astronaut, tmp_path):
    """The rows are those of the service's time line, and nothing of the video is left there."""
    clip = tmp_path / "clip.avi"
    writer = cv2.VideoWriter(str(clip), cv2.VideoWriter.fourcc(*"MJPG"), 10, (512, 512))
    for shift in range(5):
        writer.write(np.roll(astronaut, shift, 1))
    writer.release()

    rows = list(client.video(clip, every_s=0.1))

    assert [row["time_s"] for row in rows] == pytest.approx([0, 0.1, 0.2, 0.3, 0.4])
    assert {row["track"] for row in rows} == {rows[0]["track"]}
    assert portraits[0].app.state.service.jobs.waiting == 0
    clip.write_bytes(clip.read_bytes()[:400])
    with pytest.raises(ServiceError):
        list(client.video(clip))


def test_live_frames(client, portraits, astronaut):
    """Frames over the live connection keep the face's number and have smoothed values."""
    pytest.importorskip("websockets")
    with client.live() as live:
        first, second = live.read(astronaut, 0.0), live.read(astronaut, 0.1)
        with pytest.raises(ImageError):
            live.read(b"hello", 0.2)

    assert live.labels == portraits[1].labels
    assert first[0].track == second[0].track
    assert first[0].values == portraits[1].analyze(astronaut)[0].values
    assert first[0].smooth is not None


def test_it_waits_as_long_as_it_is_told(monkeypatch):
    """429 and 503 are tried again after `Retry-After` seconds, so often and no more."""
    waited = []
    monkeypatch.setattr("mien.client.time.sleep", waited.append)
    body = {"error": {"status": 503, "code": "busy", "message": "Too many requests are open; try again in a moment."}}
    answers = [httpx.Response(429, headers={"Retry-After": "7"}), httpx.Response(503, json=body)]

    def answer(_request):
        return answers.pop(0) if len(answers) > 1 else answers[0]

    transport = httpx.MockTransport(answer)
    with mien.Client("http://service", tries=3, transport=transport) as client, pytest.raises(ServiceError) as told:
        client.model()
    assert "Too many requests" in str(told.value)
    assert waited == [7.0, 1.0]


def test_the_token_and_the_model_are_sent(serve, grey_png):
    """Without the token the service says what is missing; another packaged model answers when it is named."""
    served = serve(token="correct-horse-battery")
    url = f"http://{served.address}"
    with mien.Client(url) as stranger, pytest.raises(ServiceError, match="token"):
        stranger.analyze(grey_png)
    with mien.Client(url, token="correct-horse-battery", model="ferplus") as client:
        assert "contempt" in client.analyze(grey_png)[0].labels
        with client.live() as live:
            assert "contempt" in live.labels
            assert live.read(grey_png, 0.0)[0].uncertain == client.analyze(grey_png)[0].uncertain
    with (
        mien.Client(url, token="correct-horse-battery", model="ferpluss") as client,
        pytest.raises(ServiceError, match="Did you mean 'ferplus'"),
        client.live(),
    ):
        pass


def test_nobody_there():
    """One sentence that names the address."""
    with mien.Client("http://127.0.0.1:9", tries=1) as client, pytest.raises(ServiceError, match="127.0.0.1:9"):
        client.model()
    with pytest.raises(OptionError, match="http://localhost:8000"):
        mien.Client("localhost:8000")


def test_threads_may_share_a_client(client, portraits, astronaut):
    """Several at once get the right answers."""
    wanted, found = portraits[1].analyze(astronaut), []
    threads = [threading.Thread(target=lambda: found.append(client.analyze(astronaut))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert found == [wanted] * 6
    assert json.dumps([r.to_dict() for r in found[0]])
