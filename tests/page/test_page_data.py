"""The Data tab: what the service shows of a data set."""

from __future__ import annotations

import pytest
from page_worlds import folder_served
from server_worlds import drawn_set

from mien.infer.options import AnalyzerOptions

_WIDE, _PHONE = {"width": 1440, "height": 900}, {"width": 375, "height": 740}


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    """A small data set in folders."""
    return drawn_set(tmp_path_factory.mktemp("data") / "faces")


@pytest.fixture
def shown(serve_quick, faces):
    """A service that shows it, and its pictures."""
    return serve_quick(data=faces, data_samples=True)


def test_no_tab_without_a_data_set(site, open_tab):
    """The button is not there, and neither keys nor the address lead to it."""
    page = open_tab(site, "#data").ready()

    assert page.locator("#tab-data").is_hidden()
    assert page.locator("[role=tabpanel]:visible").get_attribute("id") == "live"


def test_counts_and_mean_faces(shown, open_tab):
    """A row and a bar for each class, as long as it has pictures; mean faces of those that have enough."""
    page = open_tab(shown).ready()
    page.click("#tab-data")
    page.wait_for_selector("#data .tally")

    rows = page.locator("#data .tally").first.locator("tbody tr")
    told = {row.locator("bdi").inner_text().lower(): row.locator("td").all_inner_texts() for row in rows.all()}
    assert told["joy"][0] == "30"
    assert told["rare"] == ["5", "8.2%", "4", "1"]
    widths = page.evaluate("() => [...document.querySelectorAll('#data tbody bdi + i')].map((i) => i.offsetWidth)")
    assert max(widths) > 4 * min(widths) > 0
    assert page.locator("#data figure").count() == 2
    assert page.locator("#data img").first.evaluate("(img) => img.naturalWidth") == 48
    assert "61" in page.inner_text("#data .tiles")


def test_pictures_come_on_a_click_alone(shown, open_tab):
    """None is fetched before; then up to twelve of the chosen class."""
    tab = open_tab(shown)
    page = tab.ready()
    page.click("#tab-data")
    page.wait_for_selector("#data .tally")
    asked = "() => performance.getEntriesByType('resource').filter((e) => e.name.includes('samples')).length"
    assert page.evaluate(asked) == 0

    page.select_option("#data select", "rare")
    page.click("#data .bar button")
    page.wait_for_selector("#data [aria-live] figure >> nth=3")

    assert page.locator("#data [aria-live] figure").count() == 4
    assert page.evaluate(asked) == 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [_WIDE, _PHONE], ids=["wide", "phone"])
@pytest.mark.parametrize("locale", ["en", "ar"])
def test_axe_finds_nothing(shown, open_tab, axe, scheme, size, locale):
    """With pictures shown, in both themes, on both screens, from right to left; nothing sticks out."""
    page = open_tab(shown, viewport=size, color_scheme=scheme, locale=locale).ready()
    page.click("#tab-data")
    page.wait_for_selector("#data .tally")
    page.click("#data .bar button")
    page.wait_for_selector("#data [aria-live] figure")

    page.evaluate(f"() => {{ {axe} }}")
    assert page.evaluate("() => axe.run()")["violations"] == []
    assert page.evaluate("() => document.documentElement.scrollWidth") <= size["width"]


@pytest.mark.parametrize("language", ["de", "es", "fr", "hi", "zh"])
def test_it_speaks(shown, open_tab, language):
    """No key is left, and six tabs fit on a narrow screen."""
    page = open_tab(shown, locale=language, viewport={"width": 320, "height": 640}).ready()
    page.click("#tab-data")
    page.wait_for_selector("#data .tally")

    assert "data." not in page.inner_text("body")
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 320


def test_a_sealed_page_says_what_to_do(serve_quick, faces, runtime_files, shipped_detector, open_tab):
    """Once nothing leaves the page it cannot fetch the figures either; one sentence says so."""
    service = serve_quick(data=faces, analyzer=AnalyzerOptions(detector=shipped_detector))
    tab = open_tab(service)
    page = tab.ready()
    tab.engine("device")
    page.click("#tab-photo")
    page.click("#tryphoto")
    page.wait_for_selector("#photocards article >> nth=1")
    page.click("#tab-data")

    assert "shut itself off" in page.inner_text("#problem")


def test_a_static_space_has_it(runtime_files, any_detector, faces, command, open_tab, tmp_path):
    """The figures are baked into the folder; there is nothing to ask pictures from."""
    ended = command("space", tmp_path / "out", "--kind", "static", "--detector", any_detector, "--data", faces)
    assert ended.code == 0, ended.err
    with folder_served(tmp_path / "out") as served:
        page = open_tab(served).ready()
        page.click("#tab-data")
        page.wait_for_selector("#data .tally")

        assert page.locator("#data figure").count() == 2
        assert page.locator("#data select").count() == 0
    assert (tmp_path / "out" / "data.json").stat().st_size < 50_000
