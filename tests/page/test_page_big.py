"""The Live tab, big and far: full screen, another camera, a saved picture and a saved clip."""

import cv2
import numpy as np
import pytest
from page_worlds import CHROMIUM, Tab
from PIL import Image

_READABLE = 56  # px: capitals of a centimetre on a usual screen, twice what a good eye needs at three metres


@pytest.fixture
def live(site, open_tab):
    """The Live tab on the example photographs, read on the server."""
    tab = open_tab(site, viewport={"width": 1440, "height": 900})
    page = tab.ready()
    tab.engine("server")
    page.click("#trylive")
    page.wait_for_selector("#faces .face:nth-child(2)")
    yield page
    assert tab.foreign == []


def test_full_screen_can_be_read_from_afar(live):
    """Picture and bars fill the screen side by side, labels in large letters; Escape or the button leads back."""
    page = live
    page.click("#big")
    page.wait_for_selector("#view.big")
    picture, bars = (page.locator(name).bounding_box() for name in ("#stage", "#faces"))
    assert picture["width"] + bars["width"] > 1300
    assert picture["height"] > 700
    assert bars["x"] >= picture["x"] + picture["width"]
    size = page.evaluate("() => parseFloat(getComputedStyle(document.querySelector('#faces h3')).fontSize)")
    assert size >= _READABLE
    assert page.get_attribute("#big", "aria-pressed") == "true"
    assert page.inner_text("#big") == "Leave full screen"
    page.keyboard.press("Escape")
    page.wait_for_selector("#view:not(.big)")
    assert page.is_visible("#minute")


def test_the_picture_and_ten_seconds_are_saved(live, tmp_path):
    """Both hold the boxes, are made in the page and offered as downloads; a clip can be stopped early."""
    page = live
    with page.expect_download() as saved:
        page.click("#shot")
    assert saved.value.suggested_filename.endswith(".png")
    shot = np.asarray(Image.open(saved.value.path()).convert("RGB"))
    size = page.evaluate("() => [document.getElementById('camera').videoHeight, camera.videoWidth]")
    assert list(shot.shape[:2]) == size
    boxes = np.abs(shot.astype(int) - (0x4C, 0xC3, 0xFF)).sum(axis=2) < 40  # the colour of the first face
    assert boxes.sum() > 200

    page.click("#clip")
    page.wait_for_selector("#clip[aria-pressed=true]")
    assert page.inner_text("#clip").startswith("Recording: ")
    page.wait_for_timeout(2500)
    with page.expect_download() as saved:
        page.click("#clip")
    clip = tmp_path / saved.value.suggested_filename
    saved.value.save_as(clip)
    assert clip.suffix in (".webm", ".mp4")
    video = cv2.VideoCapture(str(clip))
    done, frame = video.read()
    video.release()
    assert done
    assert list(frame.shape[:2]) == size
    assert page.inner_text("#clip") == "Save 10 seconds"


def test_only_what_is_there_is_offered(live):
    """Without a second camera, a lamp or small windows, their buttons are not shown."""
    page = live
    assert page.is_hidden("#turn")
    assert page.is_hidden("#torch")
    assert page.is_visible("#pip") == page.evaluate("() => document.pictureInPictureEnabled")


def test_the_other_camera(site, chromium):
    """With two cameras the button goes from one to the other and back; a lamp is switched where the camera has one."""
    flags = ["--use-fake-device-for-media-stream=device-count=2", "--use-fake-ui-for-media-stream", "--no-sandbox"]
    opened = chromium.browser_type.launch(executable_path=CHROMIUM, args=flags)
    try:
        tab = Tab(opened.new_context(service_workers="block"), site.address)
        page = tab.page
        page.goto(f"http://{site.address}/")
        tab.ready()
        tab.engine("server")
        page.evaluate("""() => {
          MediaStreamTrack.prototype.getCapabilities = () => ({ torch: true });
          MediaStreamTrack.prototype.applyConstraints = async (wish) => { window.lamp = wish.advanced[0].torch; };
        }""")
        page.click("#start")
        page.wait_for_selector("#turn:visible")
        first = page.input_value("#cameras")
        page.click("#torch")
        assert page.evaluate("() => window.lamp") is True
        assert page.get_attribute("#torch", "aria-pressed") == "true"
        page.click("#turn")
        page.wait_for_function(f"() => document.getElementById('cameras').value !== '{first}'")
        assert page.get_attribute("#torch", "aria-pressed") == "false"
        page.click("#turn")
        page.wait_for_function(f"() => document.getElementById('cameras').value === '{first}'")
        assert tab.errors == []
        tab.context.close()
    finally:
        opened.close()
