"""The REST side: what it answers, and how its errors look."""

import json
from pathlib import Path

import jsonschema
import pytest
from server_worlds import form, png


def _schema():
    return json.loads((Path(__file__).parents[2] / "docs/schema/analysis.schema.json").read_text("utf-8"))


def test_a_raw_picture_gives_the_documented_json(served, grey_png):
    """One object that the published schema accepts, and the same readings as in Python."""
    answer = served.ask("POST", "/v1/analyze?name=room.png", grey_png, Content_Type="image/png")

    assert answer.status == 200, answer.body
    body = answer.json()
    jsonschema.validate(body, _schema())
    assert (body["source"], body["width"], body["height"]) == ("room.png", 16, 8)
    from mien.infer.analyzer import Analyzer

    local = Analyzer.of(served.app.state.service.settings.analyzer).report(grey_png, name="room.png").to_dict()
    assert body == json.loads(json.dumps(local))


@pytest.mark.parametrize("kind", ["", "application/octet-stream", "application/x-www-form-urlencoded", "image/x-any"])
def test_a_raw_body_needs_no_right_content_type(served, grey_png, kind):
    """What curl sends by itself will do; the picture's own bytes say what it is."""
    assert served.ask("POST", "/v1/analyze", grey_png, Content_Type=kind).status == 200


def test_a_form_gives_a_list_and_one_bad_file_does_not_stop_the_others(served, grey_png):
    """Records in order; the unreadable one says why."""
    body, kind = form(("a.png", grey_png), ("b.txt", b"no picture"), ("c.png", grey_png))

    answer = served.ask("POST", "/v1/analyze", body, Content_Type=kind)

    assert answer.status == 200
    records = answer.json()
    assert [r["source"] for r in records] == ["a.png", "b.txt", "c.png"]
    assert records[1]["error"].startswith("The picture is not a picture in a known format")
    assert len(records[0]["faces"]) == len(records[2]["faces"]) == 1
    for record in records:
        jsonschema.validate(record, _schema())


def test_the_model_tells_what_it_is(served, tiny_model):
    """Name, labels, hash of the file, a colour for each label."""
    import hashlib

    body = served.ask("GET", "/v1/model").json()

    assert body["sha256"] == hashlib.sha256(tiny_model.read_bytes()).hexdigest()
    assert list(body["colours"]) == body["labels"]
    assert body["detector"] == "none"


def test_health_readiness_and_counters(served, grey_png):
    """Probes answer, and what was done is counted under its route."""
    assert served.ask("GET", "/healthz").json() == {"status": "ok"}
    assert served.ask("GET", "/readyz").json() == {"status": "ready"}
    served.ask("POST", "/v1/analyze", grey_png)

    text = served.ask("GET", "/metrics").body.decode()

    assert 'mien_requests_total{method="POST",route="/v1/analyze",status="200"}' in text
    assert 'mien_request_seconds_bucket{route="/healthz",le="+Inf"}' in text
    assert "mien_open 1" in text


@pytest.mark.parametrize(
    ("method", "path", "body", "headers", "status", "code"),
    [
        ("POST", "/v1/analyze", b"", {}, 400, "bad_request"),
        ("POST", "/v1/analyze", b"hello", {"Content_Type": "text/html"}, 415, "unsupported"),
        ("POST", "/v1/analyze", b"hello", {"Content_Type": "image/png"}, 415, "unsupported"),
        ("POST", "/v1/analyze", png(40, 40)[:60], {}, 422, "damaged"),
        ("POST", "/v1/analyze?name=" + "n" * 201, b"x", {}, 422, "unusable"),
        ("POST", "/v1/analyze", b"x", {"Content_Type": "multipart/form-data"}, 400, "bad_request"),
        ("POST", "/v1/analyze", b"--e--", {"Content_Type": "multipart/form-data; boundary=e"}, 400, "bad_request"),
        ("GET", "/v1/nothing", None, {}, 404, "not_found"),
        ("GET", "/v1/analyze", None, {}, 405, "method_not_allowed"),
        ("GET", "/v1/analyze/video/abc", None, {}, 404, "not_found"),
        ("DELETE", "/v1/analyze/video/abc", None, {}, 404, "not_found"),
        ("POST", "/v1/analyze/video", b"", {}, 400, "bad_request"),
        ("POST", "/v1/analyze/video?every_s=nan", b"x", {}, 422, "unusable"),
    ],
)
def test_every_error_has_one_shape(served, method, path, body, headers, status, code):
    """{"error": {status, code, message}}, a sentence for people, no page, nothing about the inside."""
    answer = served.ask(method, path, body, **headers)

    assert answer.status == status, answer.body
    error = answer.json()["error"]
    assert (error["status"], error["code"]) == (status, code)
    assert error["message"].endswith((".", ")."))
    assert "Traceback" not in error["message"]


@pytest.mark.parametrize(
    ("path", "allowed"),
    [("/v1/analyze", "POST"), ("/v1/analyze/video/abc", "DELETE, GET"), ("/healthz", "GET, HEAD"), ("/", "GET, HEAD")],
)
def test_a_refused_method_names_the_others(served, path, allowed):
    """RFC 9110: an answer 405 says what the address takes."""
    answer = served.ask("PUT", path, b"x")

    assert (answer.status, answer.headers["allow"]) == (405, allowed)


@pytest.mark.parametrize("path", ["/", "/healthz", "/readyz", "/v1/model"])
def test_head_is_get_without_a_body(served, path):
    """Load balancers ask so."""
    answer = served.ask("HEAD", path)

    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["content-length"] == served.ask("GET", path).headers["content-length"]


def test_answers_carry_the_headers_that_keep_a_browser_safe(served):
    """On pages, data and errors alike."""
    for path in ("/", "/v1/model", "/nothing", "/docs"):
        headers = served.ask("GET", path).headers
        assert headers["x-content-type-options"] == "nosniff", path
        assert "default-src 'none'" in headers["content-security-policy"]
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cache-control"] == ("no-cache" if path in ("/", "/docs") else "no-store")


def test_openapi_is_complete(served):
    """Typed answers and the error shape for every route of the service; page files are not in it."""
    body = served.ask("GET", "/openapi.json").json()

    assert set(body["paths"]) == {
        "/v1/analyze",
        "/v1/analyze/video",
        "/v1/analyze/video/{job_id}",
        "/v1/analyze/video/{job_id}/events",
        "/v1/analyze/video/{job_id}/timeline",
        "/v1/data",
        "/v1/data/samples",
        "/v1/model",
        "/healthz",
        "/readyz",
        "/metrics",
    }
    for path, methods in body["paths"].items():
        for method, operation in methods.items():
            assert operation["summary"], (path, method)
            assert operation["responses"]["503"]["content"]["application/json"]["schema"]["$ref"].endswith("/ErrorOut")


def test_page_files_are_validated_and_compressed(served):
    """A browser that has the page gets 304; one that takes gzip gets gzip."""
    first = served.ask("GET", "/")
    again = served.ask("GET", "/", If_None_Match=first.headers["etag"])
    packed = served.ask("GET", "/", Accept_Encoding="gzip")

    import gzip

    assert (again.status, again.body) == (304, b"")
    assert gzip.decompress(packed.body) == first.body


@pytest.mark.parametrize("path", ["/static/..%2f..%2fcli.py", "/static/%2e%2e/cli.py", "/runtime/x", "/models/x.onnx"])
def test_only_known_files_are_served(served, path):
    """No way leads out of the page's own files."""
    assert served.ask("GET", path).status == 404


def test_behind_a_proxy_under_a_path(serve, grey_png):
    """With a root path the service answers where the proxy sends people, and the description names it."""
    service = serve(root_path="/faces")

    # The proxy may cut the path off or leave it on.
    assert service.ask("POST", "/faces/v1/analyze", grey_png).status == 200
    assert service.ask("POST", "/v1/analyze", grey_png).status == 200
    assert service.ask("GET", "/faces/openapi.json").json()["servers"] == [{"url": "/faces"}]

    # Without the last slash a browser is sent on, to no other name than the one that it asked.
    answer = service.ask("GET", "/faces")
    assert (answer.status, answer.headers["location"]) == (307, "/faces/")
    assert service.ask("GET", "/faces/").status == 200
