"""Pictures as JSON, another model for one request, and parameters that do not exist."""

import base64
import json

import pytest


def _ask(served, body, path="/v1/analyze"):
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return served.ask("POST", path, data, Content_Type="application/json")


@pytest.fixture(scope="module")
def text(grey_png) -> str:
    """The grey picture in base64."""
    return base64.b64encode(grey_png).decode()


def test_base64_gives_the_answer_of_the_bytes(served, grey_png, text):
    """As plain base64, as a data: URI, broken into lines, and under DeepFace's name with its usual keys."""
    wanted = served.ask("POST", "/v1/analyze", grey_png).json()
    deepface = {"img": f"data:image/png;base64,{text}", "actions": ["emotion"], "enforce_detection": False}

    for body in ({"image": text}, {"image": "\n".join(text)}, deepface):
        answer = _ask(served, body)
        assert (answer.status, answer.json()) == (200, wanted)


def test_a_list_keeps_its_order_and_its_errors(served, text):
    """One answer per picture; what cannot be read is told beside the others."""
    body = {"image": [text, "!!!", {"name": "b.png", "data": text}, base64.b64encode(b"hello").decode(), 7]}
    answer = _ask(served, body)

    found = answer.json()
    assert answer.status == 200
    assert [one["source"] for one in found] == ["picture-1", "picture-2", "b.png", "picture-4", "picture-5"]
    assert [len(one["faces"]) for one in found] == [1, 0, 1, 0, 0]
    assert found[1]["error"] == "The picture is not base64."
    assert "not a picture in a known format" in found[3]["error"] or "not a known" in found[3]["error"]
    assert found[4]["error"].startswith("The picture is no text")


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        (b"{", 400, "not JSON"),
        (b"[" * 100_000, 400, "not JSON"),
        ([], 422, "Expected a JSON object"),
        ({}, 422, "holds no picture"),
        ({"image": ""}, 422, "is empty"),
        ({"image": None}, 422, "is no text"),
        ({"image": "http://example.org/a.jpg"}, 422, "does not fetch"),
        ({"image": []}, 422, "1 to 32 pictures"),
        ({"image": ["x"] * 33}, 422, "1 to 32 pictures"),
        ({"image": "x", "min_confidence": 0.9}, 422, "Unknown key 'min_confidence'"),
        ({"img": "x", "actions": ["age", "emotion"]}, 422, "reads expressions only"),
    ],
)
def test_json_that_holds_no_picture(served, body, status, says):
    """One sentence, in the shape of every error."""
    answer = _ask(served, body)

    assert answer.status == status
    assert says in answer.json()["error"]["message"]


def test_json_counts_as_any_body(serve, text):
    """The limit of a body holds for its text."""
    served = serve(limits={"body_bytes": 50})

    assert _ask(served, {"image": text}).status == 413


def test_another_model_for_one_request(served, grey_png):
    """A packaged model by name, opened when it is first asked for; the next request has the service's own again."""
    own = served.ask("POST", "/v1/analyze", grey_png).json()
    other = served.ask("POST", "/v1/analyze?model=ferplus", grey_png).json()

    assert (own["model"], other["model"]) == ("tiny", "ferplus")
    assert "contempt" in other["faces"][0]["probabilities"]
    assert served.ask("POST", "/v1/analyze", grey_png).json() == own


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("/v1/analyze?min_confidence=0.99", "Unknown parameter 'min_confidence'. Known: model, name."),
        ("/v1/analyze?nam=a", "Did you mean 'name'?"),
        ("/v1/analyze?model=ferpluss", "Did you mean 'ferplus'?"),
        ("/v1/analyze?model=../../etc/passwd", "Unknown model"),
        ("/v1/analyze/video?every=1", "Unknown parameter 'every'"),
    ],
)
def test_what_would_change_nothing_is_refused(served, grey_png, path, says):
    """A misspelt or invented parameter is told instead of ignored."""
    answer = served.ask("POST", path, grey_png)

    assert answer.status == 422
    assert says in answer.json()["error"]["message"]


def test_addresses_without_parameters_say_so(served):
    """A query where none is taken."""
    answer = served.ask("GET", "/readyz?full=1")

    assert answer.status == 422
    assert answer.json()["error"]["message"] == "Unknown parameter 'full'; this address takes none."
