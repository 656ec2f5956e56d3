"""What the page costs before anything is read."""

_BUDGET = 150_000  # bytes on their way, without the models and their runtime
_FIRST_PAINT_MS = 1000
_GENEROUS = 10  # a busy machine paints later; the order of magnitude is what is held
_LOADED = """() => {
  const all = [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')];
  return all.map((entry) => [entry.name.split('/').at(-1), entry.transferSize]);
}"""
_PAINTED = "() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime"


def test_the_page_is_light_and_quick(site, open_tab):
    """All that a first visit fetches is within the budget, is compressed, and has one file of words; it paints soon."""
    page = open_tab(site, locale="hi").ready()  # Hindi has the largest file
    page.wait_for_function(_PAINTED.replace("?.startTime", "") + " !== undefined")
    loaded = dict(page.evaluate(_LOADED))
    assert sum(loaded.values()) <= _BUDGET, loaded
    assert loaded["main.mjs"] > 0
    assert not [name for name in loaded if name.endswith((".onnx", ".wasm", ".jpg", ".webm"))]
    assert sorted(name for name in loaded if name.endswith(".json")) == ["config.json", "hi.json"]
    assert page.evaluate(_PAINTED) < _FIRST_PAINT_MS * _GENEROUS
