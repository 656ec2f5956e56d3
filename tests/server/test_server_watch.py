"""What an operator sees: the exposition format of /metrics, logs without anything of a person's, traces."""

import io
import json
import logging
import re
import sys
import time

import pytest
from server_worlds import form

from mien.core.errors import MissingExtraError

NAME = "grandmother-at-home.png"
SAMPLE = re.compile(r'^([a-z_:][a-z0-9_:]*)(?:\{((?:[a-z_]+="(?:[^"\\\n]|\\["\\n])*",?)*)\})? (\S+)$', re.IGNORECASE)


def _until(what):
    """Logs and spans are written after the answer has been sent."""
    end = time.monotonic() + 30
    while not what() and time.monotonic() < end:
        time.sleep(0.01)


def parse(text):
    """Types by name and samples as (name, labels, value) of the exposition format 0.0.4; refuses anything else."""
    types, samples = {}, []
    for line in text.splitlines():
        if line.startswith("# HELP "):
            assert line.split(" ", 3)[3]
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert name not in types, f"{name} twice"
            types[name] = kind
        else:
            found = SAMPLE.match(line)
            assert found, line
            labels = dict(re.findall(r'([a-z_]+)="((?:[^"\\]|\\.)*)"', found[2] or ""))
            samples.append((found[1], labels, float(found[3])))
    assert text.endswith("\n")
    return types, samples


def test_the_exposition_format(serve, grey_png):
    """Every sample belongs to a type and a help; histograms grow with their bounds and end in their count; stages,
    queues and refusals are there.
    """
    service = serve(limits={"requests_per_minute": 12})
    for _ in range(3):
        assert service.ask("POST", "/v1/analyze", grey_png).status == 200
    service.ask("POST", "/v1/analyze", b"no picture")
    service.ask("POST", "/v1/analyze", grey_png, Host="evil.example")
    service.ask("POST", "/v1/analyze", grey_png, Origin="https://evil.example")
    for _ in range(12):
        service.ask("GET", "/v1/model")

    answer = service.ask("GET", "/metrics")
    types, samples = parse(answer.body.decode())

    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    for name, _, value in samples:
        base = name if name in types else re.sub(r"_(bucket|sum|count)$", "", name)
        assert base in types
        assert value >= 0
    series = {}
    for name, labels, value in samples:
        if name.endswith("_bucket"):
            series.setdefault((name, *sorted((k, v) for k, v in labels.items() if k != "le")), []).append(value)
    counts = {(n, *sorted(labels.items())): v for n, labels, v in samples if n.endswith("_count")}
    for (name, *labels), values in series.items():
        assert values == sorted(values)
        assert values[-1] == counts[name.replace("_bucket", "_count"), *labels]
    stages = {labels["stage"]: v for n, labels, v in samples if n == "mien_stage_seconds_count"}
    assert stages == {"decode": 3, "detect": 3, "classify": 3, "encode": 3, "whole": 3}
    refused = {labels["reason"]: v for n, labels, v in samples if n == "mien_refused_total"}
    assert {"unsupported", "host", "origin", "rate"} <= set(refused)
    assert {labels["queue"] for n, labels, _ in samples if n == "mien_queue_age_seconds"} == {"picture", "video"}


@pytest.fixture
def lines():
    """What is logged as JSON while the test runs."""
    from mien.app.server.watch import logs

    names = ("mien.server", "mien.access", "uvicorn", "uvicorn.error")
    before = [(logging.getLogger(n), logging.getLogger(n).handlers, logging.getLogger(n).level) for n in names]
    logs.set_up("json", True)
    stream = io.StringIO()
    handler = logging.getLogger("mien.access").handlers[0]
    assert isinstance(handler, logging.StreamHandler)
    handler.setStream(stream)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    for logger, handlers, level in before:
        logger.handlers, logger.propagate = handlers, True
        logger.setLevel(level)


def test_a_line_of_json_for_each_request(served, lines, grey_png, clip):
    """Address, route, status, milliseconds, why refused; no name, query, id or reading."""
    body, kind = form((NAME, grey_png))
    served.ask("POST", "/v1/analyze", body, Content_Type=kind)
    found = served.ask("POST", f"/v1/analyze?name={NAME}", grey_png).json()
    served.ask("POST", f"/v1/analyze?nme={NAME}", grey_png)
    served.ask("GET", f"/{NAME}")
    job = served.ask("POST", "/v1/analyze/video", clip).json()["id"]
    served.ask("GET", f"/v1/analyze/video/{job}")
    served.ask("DELETE", f"/v1/analyze/video/{job}")

    _until(lambda: len(lines()) == 7)
    told = lines()

    assert [line["route"] for line in told] == [
        "/v1/analyze", "/v1/analyze", "/v1/analyze", "other", "/v1/analyze/video", *["/v1/analyze/video/{job_id}"] * 2,
    ]  # fmt: skip
    assert set(told[0]) == {"time", "level", "logger", "client", "method", "route", "status", "ms"}
    assert [line.get("refused") for line in told[:4]] == [None, None, "unusable", "not_found"]
    text = json.dumps(told)
    assert "grandmother" not in text
    assert job not in text
    assert not any(label in text for label in found["faces"][0]["probabilities"])


def test_an_error_is_one_line(lines):
    """A traceback goes into a field, so that a collector reads lines."""
    try:
        _ = 1 / 0
    except ZeroDivisionError:
        logging.getLogger("mien.access").exception("It failed.")

    (line,) = lines()

    assert line["message"] == "It failed."
    assert "ZeroDivisionError" in line["error"]


def test_traces_of_requests_and_stages(serve, grey_png):
    """A span for the request below the caller's, one for each stage below it; nothing of what was sent."""
    memory = pytest.importorskip("opentelemetry.sdk.trace.export.in_memory_span_exporter")
    from mien.app.server.watch.traces import Traces

    exporter = memory.InMemorySpanExporter()
    service = serve()
    service.app.state.service.traces = Traces(exporter)
    caller = "0af7651916cd43dd8448eb211c80319c"

    service.ask("POST", f"/v1/analyze?name={NAME}", grey_png, traceparent=f"00-{caller}-b7ad6b7169203331-01")
    _until(lambda: len(exporter.get_finished_spans()) == 5)
    spans = exporter.get_finished_spans()

    whole = spans[-1]
    assert whole.name == "POST /v1/analyze"
    assert f"{whole.context.trace_id:032x}" == caller
    assert whole.attributes["http.response.status_code"] == 200
    assert [span.name for span in spans[:-1]] == ["decode", "detect", "classify", "encode"]
    for span in spans[:-1]:
        assert span.parent.span_id == whole.context.span_id
        assert span.start_time <= span.end_time <= whole.end_time
    assert "grandmother" not in "".join(span.to_json() for span in spans)


def test_traces_without_the_package(monkeypatch):
    """One sentence names the extra."""
    from mien.app.server.watch.traces import Traces

    monkeypatch.setitem(sys.modules, "opentelemetry", None)

    with pytest.raises(MissingExtraError, match=r"--otel needs .*mien\[otel\]"):
        Traces()
