"""The Photo and Video tabs, and that the page and Python read the same picture alike."""

import csv
import json
from base64 import b64encode
from pathlib import Path

import cv2
import jsonschema
import numpy as np
import pytest
from page_worlds import two_faces
from PIL import Image as PilImage

from mien.infer.options import AnalyzerOptions
from mien.pictures.formats import suffixes

_READ_HERE = """async (text) => {
  const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const { DeviceEngine } = await import('/static/engines.mjs');
  window.engine ??= new DeviceEngine(await (await fetch('/config.json')).json());
  return window.engine.photo(new File([bytes], 'picture.png', { type: 'image/png' }));
}"""


def _png(picture) -> bytes:
    done, data = cv2.imencode(".png", picture)
    assert done
    return data.tobytes()


@pytest.mark.parametrize(("detector", "off", "probabilities_off"), [("mien", 0.0, 1e-3), ("mien-int8", 0.01, 0.08)])
def test_the_page_and_python_agree(open_tab, runtime_files, astronaut, hopper, detector, off, probabilities_off):
    """The same faces: as is, shrunk for the detector, with tiny faces.

    Within a pixel, and probabilities within 0.001, by the detector in float32; in 8 bit roundings that differ between
    processors move the boxes of five of the nine faces here by up to .2 %, and the probabilities with them (by .05).
    """
    from server_worlds import running

    from mien.infer.analyzer import Analyzer
    from mien.infer.registry import PAGE_MODEL

    both = two_faces(astronaut, hopper)
    pictures = {
        "as is": both,
        "large": cv2.resize(both, (1501, 1127), interpolation=cv2.INTER_CUBIC),
        "small": cv2.resize(both, (250, 187), interpolation=cv2.INTER_AREA),
        "tall": np.ascontiguousarray(hopper),
        "tilted": cv2.warpAffine(both, cv2.getRotationMatrix2D((320, 240), 18, 0.8), (640, 480)),
    }
    analyzer = Analyzer(PAGE_MODEL, detector)
    found = 0
    with running(analyzer=AnalyzerOptions(model=PAGE_MODEL, detector=detector)) as service:
        page = open_tab(service).ready()
        for name, picture in pictures.items():
            data = _png(picture)
            there = analyzer.report(data, name="picture.png").to_dict()
            here = page.evaluate(_READ_HERE, b64encode(data).decode())

            assert [here[k] for k in ("width", "height", "model")] == [there[k] for k in ("width", "height", "model")]
            assert len(here["faces"]) == len(there["faces"]), name
            for a, b in zip(here["faces"], there["faces"], strict=True):
                pixels = max(1, off * (b["box"][3] - b["box"][1]))
                np.testing.assert_allclose(a["box"], b["box"], atol=pixels, err_msg=name)
                np.testing.assert_allclose(a["landmarks"], b["landmarks"], atol=pixels, err_msg=name)
                assert a["emotion"] == b["emotion"], name
                if abs(b["confidence"] - analyzer.uncertain_below) > probabilities_off:
                    assert a["uncertain"] == b["uncertain"], name
                ours, theirs = (list(f["probabilities"].values()) for f in (a, b))
                np.testing.assert_allclose(ours, theirs, atol=probabilities_off, err_msg=name)
            found += len(there["faces"])
    assert found >= 4


def test_photographs_are_read_and_saved(site, open_tab, hopper_file, tmp_path):
    """Several files, one of them no picture; JSON as documented, CSV as the command line writes it."""
    tab = open_tab(site)
    page = tab.ready()
    tab.engine("server")
    (tmp_path / "note.png").write_text("no picture")
    page.click("#tab-photo")
    page.set_input_files("#photos", [hopper_file, tmp_path / "note.png"])
    page.wait_for_selector("#photocards article >> nth=1")
    page.wait_for_selector("#photosum:text('2 pictures, 1 face')")

    with page.expect_download() as saved:
        page.click("#photojson")
    records = json.loads(saved.value.path().read_text("utf-8"))
    with page.expect_download() as table:
        page.click("#photocsv")
    rows = list(csv.DictReader(table.value.path().read_text("utf-8").splitlines()))
    with page.expect_download() as picture:
        page.click("#photocards header button")

    schema = json.loads((Path(__file__).parents[2] / "docs/schema/analysis.schema.json").read_text("utf-8"))
    for record in records:
        jsonschema.validate(record, schema)
    assert [row["source"] for row in rows] == ["grace_hopper.jpg", "note.png"]
    assert float(rows[0]["p_happy"]) == records[0]["faces"][0]["probabilities"]["happy"]
    assert "not a picture" in rows[1]["error"]
    assert picture.value.suggested_filename == "grace_hopper.annotated.png"
    assert cv2.imread(str(picture.value.path())).shape == (600, 512, 3)


def test_a_format_that_browsers_do_not_know(site, open_tab, hopper, tmp_path):
    """The service reads every format of the one table; the picker offers them, and the card shows the readings."""
    tab = open_tab(site)
    page = tab.ready()
    tab.engine("server")
    PilImage.fromarray(np.ascontiguousarray(hopper[..., ::-1])).save(tmp_path / "hopper.tif")
    page.click("#tab-photo")
    assert page.get_attribute("#photos", "accept").split(",") == ["image/*", *suffixes()]
    page.set_input_files("#photos", [tmp_path / "hopper.tif"])
    page.wait_for_selector("#photosum:text('1 picture, 1 face')")
    card = page.locator("#photocards article").first
    assert "hopper.tif" in card.inner_text()
    assert card.locator("canvas").first.evaluate("c => [c.width, c.height]") == [512, 600]


def test_a_video_becomes_a_time_line(site, open_tab, astronaut, hopper, tmp_path):
    """Sent, read with progress, drawn, saved; nothing of it stays on the server."""
    both = two_faces(astronaut, hopper, 480, 360)
    clip = tmp_path / "clip.avi"
    writer = cv2.VideoWriter(str(clip), cv2.VideoWriter.fourcc(*"MJPG"), 10, (480, 360))
    for shift in range(12):
        writer.write(np.roll(both, shift, 1))
    writer.release()
    tab = open_tab(site)
    page = tab.ready()
    tab.engine("server")

    page.click("#tab-video")
    page.set_input_files("#videofile", clip)
    page.wait_for_selector("#videoresult svg")
    with page.expect_download() as saved:
        page.click("#videoresult button:text('CSV')")
    rows = list(csv.DictReader(saved.value.path().read_text("utf-8").splitlines()))

    assert {row["track"] for row in rows} == {"1", "2"}
    assert {row["frame"] for row in rows} == {str(i) for i in range(12)}
    assert any(line.startswith("DELETE") for line in tab.sent)
    assert site.app.state.service.jobs._jobs == {}
