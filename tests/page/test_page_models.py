"""The Model tab's choice: the packaged models and a file of the visitor's own, on this device."""

import json
import shutil
import subprocess
from pathlib import Path

import onnx
import pytest

import mien
from mien.core.contract import METADATA_KEY
from mien.infer.registry import entries

_STATIC = Path(mien.__file__).parent / "app" / "static"
_READ = """
import { readFileSync } from "node:fs";
const { contractOf } = await import(process.argv[1]);
const told = process.argv.slice(2).map((file) => {
  const { buffer, byteOffset, length } = readFileSync(file);
  try {
    return contractOf(buffer.slice(byteOffset, byteOffset + length));
  } catch (error) {
    return [error.reason, error.values];
  }
});
console.log(JSON.stringify(told));
"""


def _told(*files):
    """What the page makes of files: the contract, or what is wrong."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed, so the page's modules cannot be run without a browser")
    arguments = [node, "--input-type=module", "-e", _READ, (_STATIC / "onnx.mjs").as_uri(), *map(str, files)]
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def _written(source, target, **changes):
    """A copy of a model file whose metadata has other fields; `text` replaces it whole, None takes it away."""
    model = onnx.load(source)
    entry = next(entry for entry in model.metadata_props if entry.key == METADATA_KEY)
    if "text" in changes:
        entry.value = changes["text"] or ""
        if changes["text"] is None:
            del model.metadata_props[:]
    else:
        entry.value = json.dumps({**json.loads(entry.value), **changes})
    onnx.save(model, target)
    return target


def test_the_page_reads_the_contract_of_a_file(tmp_path):
    """Of each packaged model the page reads what Python reads: name, labels, crop, threshold."""
    from mien.infer.classify import load_classifier
    from mien.infer.store import entry_path

    packaged = [entry for entry in entries("expression") if entry.url is None]
    assert len(packaged) >= 2
    for entry, told in zip(packaged, _told(*(entry_path(entry) for entry in packaged)), strict=True):
        info = load_classifier(entry.name).info
        assert (told["name"], tuple(told["labels"])) == (info.name, info.labels)
        assert told["crop"] == json.loads(info.to_json())["crop"]
        assert told["uncertain_below"] == info.uncertain_below


def test_what_is_wrong_with_a_file(tiny_model, tmp_path):
    """Another file, no metadata, a detector, a newer format, an impossible field: each is told apart."""
    from mien.app.server.pagefiles import page_detector
    from mien.infer.detectors.table import AUTO

    text = tmp_path / "text.onnx"
    text.write_text("not a model at all")
    bare = _written(tiny_model, tmp_path / "bare.onnx", text=None)
    torn = _written(tiny_model, tmp_path / "torn.onnx", text="{")
    newer = _written(tiny_model, tmp_path / "newer.onnx", format_version=9)
    doubled = _written(tiny_model, tmp_path / "doubled.onnx", labels=["happy", "happy"])
    small = _written(tiny_model, tmp_path / "small.onnx", crop={"size": 4, "margin": 1.0, "shift_y": 0})
    cut = tmp_path / "cut.onnx"
    cut.write_bytes(tiny_model.read_bytes()[:-3])
    detector = page_detector(AUTO)
    files = [text, bare, torn, newer, doubled, small, cut, *([] if detector is None else [detector])]
    assert _told(*files) == [
        ["onnx", {}],
        ["none", {}],
        ["none", {}],
        ["version", {"n": "9"}],
        ["field", {"field": "labels"}],
        ["field", {"field": "crop.size"}],
        ["onnx", {}],
        *([] if detector is None else [["kind", {"kind": "detector"}]]),
    ]


def test_another_model_reads_on_this_device(site, open_tab, shipped_detector, tmp_path):
    """A packaged one after a fresh start, then a file of one's own at once; a wrong file is refused in a sentence and
    changes nothing; nothing is sent.
    """
    from mien.infer.store import find

    tab = open_tab(site)
    page = tab.ready()
    tab.engine("device")
    page.click("#tab-model")
    assert page.locator("#modelnames option").all_inner_texts() == [
        e.name for e in entries("expression") if e.url is None
    ]
    page.select_option("#modelnames", "ferplus")
    page.wait_for_selector("#version:has-text('model ferplus')")
    page.wait_for_selector("html[data-ready]", state="attached")
    assert page.input_value("#modelnames") == "ferplus"
    assert "contempt" in page.inner_text("#modelfacts").lower()

    own = _written(find("fer2013"), tmp_path / "own.onnx", name="mine", labels=list("abcdefg"))
    page.set_input_files("#modelfile", own)
    page.wait_for_selector("#modelnote:text('mine')")
    assert "mine" in page.inner_text("#modelfacts")
    (tmp_path / "wrong.onnx").write_text("nothing")
    page.set_input_files("#modelfile", tmp_path / "wrong.onnx")
    page.wait_for_selector("#problem:visible")
    assert page.inner_text("#problem") == "wrong.onnx is not an expression model of mien: it is no ONNX file."
    few = _written(find("fer2013"), tmp_path / "few.onnx", labels=["a", "b"])
    page.set_input_files("#modelfile", few)
    page.wait_for_selector("#problem:text('cannot be run')")
    page.click("#tab-photo")
    page.click("#tryphoto")
    page.wait_for_selector("#photocards .photo")
    labels = page.locator("#photocards .face").first.locator("dt").all_inner_texts()
    assert [label.lower() for label in labels] == list("abcdefg")
    assert tab.sent == []


def test_the_server_reads_with_its_own(site, open_tab):
    """Where the server reads, no other model can be chosen, and the tab says when it can."""
    tab = open_tab(site)
    page = tab.ready()
    tab.engine("server")
    page.click("#tab-model")
    assert page.is_disabled("#modelnames")
    assert page.is_disabled("#modelfile")
    assert "on this device" in page.inner_text("#modelnote")
