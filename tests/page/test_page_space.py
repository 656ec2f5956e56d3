"""The static Space: the page alone, behind any web server."""

import csv

import cv2
import pytest
from page_worlds import folder_served


@pytest.fixture
def static_space(runtime_files, any_detector, tmp_path):
    """A static Space behind Python's own web server."""
    from mien.app.spaces import write_space

    write_space(tmp_path / "space", "static", detector=str(any_detector))

    with folder_served(tmp_path / "space") as served:
        yield served


def test_the_page_works_without_a_service(static_space, open_tab, hopper_file):
    """Only this device is offered; a photograph is read, and nothing is sent."""
    tab = open_tab(static_space)
    page = tab.ready()
    assert page.is_checked("input[value=device]")
    assert page.is_disabled("input[value=server]")
    assert "None is sent" in page.inner_text("#promise")

    page.click("#tab-photo")
    page.set_input_files("#photos", hopper_file)
    page.wait_for_selector("#photocards .photo")
    page.click("#tab-model")

    assert "wild" in page.inner_text("#model")
    assert tab.sent == []


def test_a_video_is_read_on_the_device(static_space, open_tab, hopper, tmp_path):
    """Frame by frame in the page, to the same table as from the server; nothing is sent."""
    clip = tmp_path / "clip.webm"
    writer = cv2.VideoWriter(str(clip), cv2.VideoWriter.fourcc(*"VP80"), 10, (256, 300))
    for _ in range(5):
        writer.write(cv2.resize(hopper, (256, 300)))
    writer.release()
    tab = open_tab(static_space)
    page = tab.ready()

    page.click("#tab-video")
    page.set_input_files("#videofile", clip)
    page.wait_for_selector("#videoresult svg")
    with page.expect_download() as saved:
        page.click("#videoresult button:text('CSV')")
    rows = list(csv.DictReader(saved.value.path().read_text("utf-8").splitlines()))

    assert {row["time_s"] for row in rows} >= {"0", "0.1", "0.2", "0.3"}
    assert {"track", "emotion", "p_happy", "smooth_happy"} <= set(rows[0])
    assert tab.sent == []
