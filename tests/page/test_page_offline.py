"""The page can be installed, and works on the device when the network is cut."""

import json

import pytest
from page_worlds import folder_served

from mien.infer.options import AnalyzerOptions


@pytest.fixture(params=["service", "static"])
def house(request, runtime_files, shipped_detector, tmp_path):
    """The page from the service, or as a static Space: a context that cuts the network when it is left."""
    if request.param == "service":
        from server_worlds import running

        return running(analyzer=AnalyzerOptions(detector=shipped_detector))
    from mien.app.spaces import write_space

    write_space(tmp_path / "space", "static")
    return folder_served(tmp_path / "space")


def test_it_works_when_the_network_is_cut(house, open_tab):
    """After one visit the server may go: the page opens, the camera and photographs are read on the device."""
    with house as there:
        tab = open_tab(there, service_workers="allow", locale="de-DE")
        page = tab.ready()
        page.wait_for_selector("html[data-offline]", state="attached")
        assert "ohne Netz" in page.inner_text("footer")
    page.reload()
    page = tab.ready()
    page.click("#start")
    page.wait_for_selector("#faces .face:nth-child(2)")
    page.click("#tab-photo")
    page.click("#tryphoto")
    page.wait_for_selector("#photosum:text('2 Bilder, 2 Gesichter')")
    page.click("#tab-model")
    assert "fer2013" in page.inner_text("#model")
    assert tab.sent == []


def test_the_keeper_follows_the_page(serve_quick):
    """The service worker names every file that the page loads, and is another one when any of them changes."""
    from mien.app.server import pagefiles

    service = serve_quick()
    text = service.ask("GET", "/sw.mjs").body.decode()
    kept = json.loads(text.split("JSON.parse('")[1].split("'")[0])
    assert {"static/main.mjs", "static/app.css", "static/example-clip.webm", "static/app.webmanifest"} <= set(kept)
    assert all(service.ask("GET", f"/{name}").status == 200 for name in kept)
    assert not [name for name in kept if "lang/" in name]  # of the languages only the one in use is kept
    files = {**pagefiles.page_files(), "sw.mjs": b"{{version}} {{files}}"}
    assert pagefiles._keeper({**files, "main.mjs": b"other"}) != pagefiles._keeper(files)


def test_it_can_be_installed(serve_quick):
    """The manifest has what browsers ask for: a name, where it starts, how it shows, and icons that are there."""
    service = serve_quick()
    answer = service.ask("GET", "/static/app.webmanifest")
    manifest = json.loads(answer.body)
    assert {"name", "short_name", "start_url", "display", "icons"} <= set(manifest)
    assert all(service.ask("GET", f"/static/{icon['src']}").status == 200 for icon in manifest["icons"])
    assert any(icon["sizes"] == "512x512" and icon["type"] == "image/png" for icon in manifest["icons"])
