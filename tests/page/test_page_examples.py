"""The examples: the page works at once, without a camera and without a file."""

import pytest


@pytest.mark.parametrize("mode", ["server", "device"])
def test_every_tab_has_something_to_try(site, open_tab, request, mode):
    """The photographs are read live and as pictures, the drawn clip as a video, in both ways; credit is shown."""
    if mode == "device":
        request.getfixturevalue("shipped_detector")
    tab = open_tab(site)
    page = tab.ready()
    tab.engine(mode)

    page.click("#trylive")
    page.wait_for_selector("#faces .face:nth-child(2)")
    assert page.locator("#faces .face").count() == 2
    assert all(name in page.inner_text("#livecredit") for name in ("NASA", "US Navy", "public domain"))
    page.click("#stop")
    assert page.is_hidden("#livecredit")

    page.click("#tab-photo")
    page.click("#tryphoto")
    page.wait_for_selector("#photosum:text('2 pictures, 2 faces')")

    page.click("#tab-video")
    assert page.locator("#videoempty li").count() == 3
    page.click("#tryvideo")
    page.wait_for_selector("#videoresult svg")
    assert page.is_hidden("#videoempty")
    assert page.locator("#videoresult .person h3").all_inner_texts() == ["Everybody", "Face 1", "Face 2"]
    assert (tab.sent == []) == (mode == "device")


def test_an_empty_session_says_what_it_will_hold(serve_quick, open_tab):
    """Before anything is recorded the tab describes itself; the pale drawing is no data and is not read aloud."""
    page = open_tab(serve_quick()).ready()
    page.click("#tab-session")
    assert page.locator("#sessionresult .ghost li").count() == 4
    assert page.get_attribute("#sessionresult .pale", "aria-hidden") == "true"
