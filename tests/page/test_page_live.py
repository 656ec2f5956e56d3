"""The Live tab with a camera, in both modes, and the Session tab that sums it up."""

import csv
import json
from itertools import pairwise

import pytest

from mien.infer.options import AnalyzerOptions

_KEEP_DRAWN = """async () => {
  const { LastMinute } = await import('/static/minute.mjs');
  const lanes = LastMinute.prototype.lanes;
  window.drawn = [];
  LastMinute.prototype.lanes = function () {
    const found = lanes.call(this);
    for (const [, samples] of found) window.drawn.push(...samples.map((sample) => sample.values.happy));
    return found;
  };
}"""
_SAY = """async () => {
  const { Said } = await import('/static/said.mjs');
  const element = document.createElement('p');
  const times = [];
  new MutationObserver(() => times.push(performance.now())).observe(element, { childList: true });
  const said = new Said(element);
  for (let i = 0; i < 45; i += 1) {
    said.add([{ track: 1, emotion: i % 2 ? 'happy' : 'sad', uncertain: i % 3 === 0 }]);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return times;
}"""


@pytest.mark.parametrize("mode", ["server", "device"])
def test_both_faces_are_found_and_named(site, open_tab, request, mode):
    """Two cards with all bars and two boxes; in device mode nothing at all is sent."""
    if mode == "device":
        request.getfixturevalue("shipped_detector")
    tab = open_tab(site)
    page = tab.ready()
    tab.engine(mode)
    labels = json.loads(site.ask("GET", "/v1/model").body)["labels"]

    page.click("#start")
    page.wait_for_selector("#faces .face:nth-child(2)")
    page.wait_for_selector("#fps:not(:text('–'))")

    assert page.locator("#faces .face").count() == 2
    headings = page.locator("#faces h3").all_inner_texts()
    assert "happy" in [text.lower() for text in headings]
    assert all(text.lower().removesuffix("?") in labels for text in headings)
    assert page.locator("#faces .face").first.locator("dt").count() == len(labels)
    assert page.evaluate(
        "() => document.getElementById('overlay').getContext('2d')"
        ".getImageData(0, 0, 600, 400).data.some((value) => value > 0)"
    )
    page.wait_for_timeout(600)
    assert (page.inner_text("#bytes") == "0 B") == (mode == "device")
    assert (tab.sent == []) == (mode == "device")

    page.click("#pause")
    assert page.get_attribute("#pause", "aria-pressed") == "true"
    page.click("#stop")
    assert page.is_visible("#start")
    assert page.locator("#faces .face").count() == 0


@pytest.mark.parametrize("mode", ["server", "device"])
def test_uncertain_faces_have_a_mark(serve_quick, open_tab, request, any_detector, mode):
    """With less confidence than asked for, a face is unsure in both modes alike; its label and bars stay."""
    request.getfixturevalue("runtime_files")
    tab = open_tab(serve_quick(analyzer=AnalyzerOptions(detector=any_detector, min_confidence=1.0)))
    page = tab.ready()
    tab.engine(mode)

    page.click("#start")
    page.wait_for_selector("#faces .face")

    assert page.inner_text("#faces h3").endswith("?")
    assert "unsure" in page.inner_text("#faces .who")
    page.click("#tab-model")
    assert "with a confidence below 100%" in page.inner_text("#model .facts >> nth=0")


def test_a_session_is_summed_up_and_saved(site, open_tab):
    """The samples that the strip drew, also those before: shown per face, saved as CSV, and cleared."""
    tab = open_tab(site)
    page = tab.ready()
    tab.engine("server")
    page.click("#start")
    page.wait_for_selector("#faces .face:nth-child(2)")

    page.evaluate(_KEEP_DRAWN)
    page.wait_for_function("() => window.drawn.length > 5")
    drawn = set(page.evaluate("() => window.drawn"))
    page.click("#tab-session")
    page.click("#sessiontoggle")
    page.wait_for_selector("#sessionresult .person >> nth=2")
    page.click("#sessiontoggle")
    with page.expect_download() as saved:
        page.click("#sessioncsv")
    rows = list(csv.DictReader(saved.value.path().read_text("utf-8").splitlines()))

    assert drawn <= {float(row["smooth_happy"]) for row in rows}
    assert len({row["track"] for row in rows}) == 2
    assert {"time_s", "emotion", "confidence", "uncertain", "smooth_happy"} <= set(rows[0])
    least = json.loads(site.ask("GET", "/v1/model").body)["uncertain_below"]
    assert all((row["uncertain"] == "true") == (float(row["confidence"]) < least) for row in rows)
    assert page.locator("#sessionresult svg").count() == 1
    page.click("#sessionclear")
    assert page.locator("#sessionresult .card:not(.ghost)").count() == 0


def test_readings_are_announced(site, open_tab):
    """A screen reader is told the live readings in words, at most every two seconds however often they change."""
    tab = open_tab(site)
    page = tab.ready()
    tab.engine("server")
    page.click("#start")
    page.wait_for_function("() => document.getElementById('spoken').textContent.includes('happy')")
    assert page.get_attribute("#spoken", "role") == "status"
    assert page.text_content("#spoken").startswith("Face 1: ")
    page.click("#stop")
    times = page.evaluate(_SAY)
    assert len(times) >= 2
    assert all(b - a > 1900 for a, b in pairwise(times))


def test_without_the_runtime_the_page_says_why(open_tab, serve_quick, tmp_path, monkeypatch):
    """Then only the server is offered, and the reason can be read."""
    monkeypatch.setenv("MIEN_CACHE", str(tmp_path))
    page = open_tab(serve_quick()).ready()

    assert page.is_disabled("input[value=device]")
    assert page.is_checked("input[value=server]")
    assert "mien page pull" in page.inner_text("#promise")


def test_a_service_with_a_token_asks_for_it(open_tab, serve_quick, tmp_path, monkeypatch):
    """A wrong one is refused in a sentence, the right one lets the visitor in; the address never shows it."""
    service = serve_quick(token="correct-horse-battery")
    page = open_tab(service).page
    page.fill("#token", "wrong-wrong-wrong-wrong")
    page.keyboard.press("Enter")
    page.wait_for_selector("#ask #wrongtoken:visible")
    page.fill("#token", "correct-horse-battery")
    page.keyboard.press("Enter")
    page.wait_for_selector("html[data-ready]", state="attached")
    page.click("#start")
    page.wait_for_selector("#faces .face")

    assert "correct" not in page.url
    linked = open_tab(service, "#token=correct-horse-battery").ready()
    assert "correct" not in linked.url
