"""The strip under the live picture: the last minute of every face."""

import re

_COLOURS = """() => {
  const canvas = document.getElementById('strip');
  const { data } = canvas.getContext('2d').getImageData(canvas.width - 24, 0, 20, canvas.height);
  const seen = {};
  for (let i = 0; i < data.length; i += 4) {
    const colour = '#' + [...data.slice(i, i + 3)].map((v) => v.toString(16).padStart(2, '0')).join('');
    seen[colour] = (seen[colour] ?? 0) + 1;
  }
  return seen;
}"""
_RUN = """async (rows) => {
  const { LastMinute } = await import('/static/minute.mjs');
  const minute = new LastMinute();
  for (const [timeS, tracks] of rows) {
    const values = { happy: 0.75, sad: 0.25 };
    minute.add(tracks.map((track) => ({ track, emotion: 'happy', uncertain: false, smooth: values })), timeS);
  }
  const times = minute.lanes().map(([track, samples]) => [track, samples.map((sample) => sample.timeS)]);
  const at = (agoS) => minute.lanes().map(([, samples]) => minute.at(samples, agoS)?.timeS ?? null);
  return [times, at(0), at(2)];
}"""


def test_the_last_minute_is_drawn_and_read(site, open_tab):
    """Two lanes in the colours of their expressions; pointing at it and the arrow keys read values."""
    tab = open_tab(site, viewport={"width": 1200, "height": 900})
    page = tab.ready()
    tab.engine("server")
    page.click("#trylive")
    page.wait_for_selector("#faces .face:nth-child(2)")
    page.wait_for_timeout(1500)
    colours = page.evaluate("async () => (await (await fetch('/config.json')).json()).model.colours")
    seen = page.evaluate(_COLOURS)
    assert sum(seen.get(colour, 0) for colour in colours.values()) > 300

    box = page.locator("#strip").bounding_box()
    page.mouse.move(box["x"] + box["width"] - 1, box["y"] + 10)
    text = page.inner_text("#stripvalues")
    said = re.fullmatch(r"0 s ago – face 1: (\w+) .*; face 2: (\w+) .*", text)
    assert said is not None, text
    assert "happy" in said.groups(), text  # who is face 1 depends on the frame that came first
    page.mouse.move(0, 0)
    assert page.inner_text("#stripvalues").startswith("The last minute")
    page.focus("#strip")
    page.keyboard.press("PageUp")
    page.keyboard.press("ArrowRight")
    assert page.get_attribute("#strip", "aria-valuenow") == "-9"
    assert page.inner_text("#stripvalues").startswith("9 s ago")
    page.click("#stop")
    assert page.is_hidden("#strip")


def test_unsure_spans_are_hatched(serve_quick, open_tab, any_detector):
    """Where every reading is unsure, slanted lines in the ground's colour lie over the lane."""
    from mien.infer.options import AnalyzerOptions

    tab = open_tab(serve_quick(analyzer=AnalyzerOptions(detector=any_detector, min_confidence=1.0)))
    page = tab.ready()
    tab.engine("server")
    page.click("#trylive")
    page.wait_for_selector("#faces .face")
    page.wait_for_timeout(1500)
    ground = page.evaluate("() => getComputedStyle(document.body).getPropertyValue('--card')")
    assert page.evaluate(_COLOURS).get(ground, 0) > 50


def test_what_is_kept(serve_quick, open_tab):
    """Four samples a second, a minute of them; faces that left are kept until then; a pause has no values."""
    page = open_tab(serve_quick()).ready()
    rows = [[i / 10, [1, 2] if i < 100 else [2]] for i in range(650)]
    times, now, _ = page.evaluate(_RUN, rows)
    assert [track for track, _ in times] == [1, 2]
    assert times[1][1][0] >= 64.9 - 60
    assert 190 <= len(times[1][1]) <= 241
    assert now[0] is None
    assert now[1] is not None
    gap, _, before = page.evaluate(_RUN, [[0, [1]], [0.3, [1]], [5, [1]]])
    assert gap == [[1, [0, 0.3, 5]]]
    assert before == [None]


def test_little_motion_for_those_who_want_little(site, open_tab):
    """With reduced motion the strip moves on every five seconds, and the example's photographs stand still."""
    page = open_tab(site, reduced_motion="reduce").ready()
    assert (
        page.evaluate("""async () => {
      const { Strip } = await import('/static/strip.mjs');
      const facts = (await (await fetch('/config.json')).json()).model;
      return new Strip(document.createElement('canvas'), document.createElement('p'), facts).everyMs;
    }""")
        == 5000
    )
