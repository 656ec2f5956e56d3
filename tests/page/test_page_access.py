"""The page for everybody: keyboard, screen reader, small screens, light and dark."""

import json

import pytest

from mien.infer.options import AnalyzerOptions

TABS = ["live", "photo", "video", "session", "model"]


def test_tabs_by_keyboard(site, open_tab):
    """One stop in the order of focus; arrows, Home and End move between tabs."""
    page = open_tab(site).ready()
    page.focus("#tab-live")

    seen = []
    for key in ("ArrowRight", "End", "ArrowRight", "ArrowLeft", "Home"):
        page.keyboard.press(key)
        seen.append(page.evaluate("() => document.activeElement.getAttribute('aria-controls')"))

    assert seen == ["photo", "model", "live", "model", "live"]
    assert page.locator("[role=tab][tabindex='-1']").count() == len(TABS) - 1
    assert page.locator("[role=tabpanel]:visible").get_attribute("id") == "live"


_SCREENS = {
    "wide, light": {"color_scheme": "light"},
    "wide, dark": {"color_scheme": "dark"},
    "320 px, light": {"color_scheme": "light", "viewport": {"width": 320, "height": 640}},
    "200 %, dark": {"color_scheme": "dark", "viewport": {"width": 640, "height": 400}, "device_scale_factor": 2},
    "right to left": {"color_scheme": "dark", "locale": "ar"},
}


@pytest.mark.parametrize("screen", _SCREENS)
def test_axe_finds_nothing(site, open_tab, axe, screen, hopper_file):
    """WCAG 2.2 A and AA and best practice, on every tab and on the service's own page, with results shown; the same on
    the narrowest screen, at twice the size of letters (which is half the screen), and from right to left.
    """
    tab = open_tab(site, **_SCREENS[screen])
    page = tab.ready()
    page.evaluate(f"() => {{ {axe} }}")

    def check(where):
        found = page.evaluate("() => axe.run()")["violations"]
        assert [(v["id"], [n["html"][:120] for n in v["nodes"]]) for v in found] == [], where

    check("invitation")
    for name in ("session", "video", "photo"):
        page.click(f"#tab-{name}")
        check(f"{name}, empty")
    page.click("#tab-live")
    tab.engine("server")
    page.click("#start")
    page.wait_for_selector("#faces .face:nth-child(2)")
    page.click("#big")
    check("full screen")
    page.click("#big")
    page.click("#tab-session")
    page.click("#sessiontoggle")
    page.wait_for_selector("#sessionresult .person >> nth=2")
    page.click("#sessiontoggle")
    page.click("#tab-photo")
    page.set_input_files("#photos", hopper_file)
    page.wait_for_selector("#photocards article")
    page.click("#tab-video")
    page.click("#tryvideo")
    page.wait_for_selector("#videoresult svg")
    for name in TABS:
        page.click(f"#tab-{name}")
        check(name)
    page.goto(f"http://{site.address}/docs")
    page.wait_for_selector("#operations article")
    page.evaluate(f"() => {{ {axe} }}")
    check("docs")


def test_nothing_sticks_out_on_a_phone(site, open_tab, hopper_file):
    """320 px, the narrowest screen that WCAG names: no tab needs sideways scrolling."""
    page = open_tab(site, viewport={"width": 320, "height": 640}).ready()
    page.click("#tab-photo")
    page.set_input_files("#photos", hopper_file)
    page.wait_for_selector("#photocards article")

    for name in TABS:
        page.click(f"#tab-{name}")
        assert page.evaluate("() => document.documentElement.scrollWidth") <= 320, name


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_figures_of_the_model(serve_quick, open_tab, axe, scheme, tiny_model, tmp_path):
    """An evaluation beside the model file is shown: classes, confusion, calibration; axe finds nothing in it."""
    names = ["neutral", "happy"]
    classes = [{"name": n, "precision": 0.9, "recall": 0.8, "f1": 0.85, "support": 10} for n in names]
    bins = [{"lower": 0.5, "upper": 1.0, "count": 20, "confidence": 0.8, "accuracy": 0.75}]
    figures = {"names": names, "classes": classes, "confusion": [[10, 0], [4, 6]], "reliability": bins, "ece": 0.05}
    model = tmp_path / "tiny.onnx"
    model.write_bytes(tiny_model.read_bytes())
    (tmp_path / "tiny.evaluation.json").write_text(json.dumps({"figures": figures}), "utf-8")
    page = open_tab(serve_quick(analyzer=AnalyzerOptions(model=model, detector="none")), color_scheme=scheme).ready()

    page.click("#tab-model")

    assert page.locator(".matrix td:not(:empty)").all_inner_texts() == ["100%", "0%", "40%", "60%"]
    assert page.locator("#model svg circle").count() == 1
    page.evaluate(f"() => {{ {axe} }}")
    assert page.evaluate("() => axe.run()")["violations"] == []


def test_pictures_of_each_expression(serve_quick, open_tab):
    """The Model tab says how many pictures of each expression the model learnt from: in sum, its training pictures."""
    page = open_tab(serve_quick(analyzer=AnalyzerOptions(model="fer2013", detector="none"))).ready()
    page.click("#tab-model")

    table = page.locator("#model table").first
    assert table.locator("thead th").all_inner_texts()[:2] == ["Trained", "Pictures"]
    learnt = table.locator("tbody td:nth-child(2)").all_inner_texts()
    assert sum(int("".join(filter(str.isdigit, cell))) for cell in learnt) == 28_006
