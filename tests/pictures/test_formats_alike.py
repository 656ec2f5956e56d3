"""Every format is read alike by every command, and the one table of suffixes rules them all."""

from __future__ import annotations

import io
import json
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from picture_kinds import AVAILABLE, HEIGHT, KINDS, WIDTH, Kind, coloured, encoded

from mien.app.inputs import Inputs
from mien.core.types import Image
from mien.infer.analyzer import Analyzer
from mien.media.pictures import natural_key
from mien.media.source import open_source
from mien.pictures import formats
from mien.pictures.decode import load_image

sys.path.insert(0, str(Path(__file__).parents[1] / "server"))  # its helper starts the service

CLASSES = ("happy", "sad")


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    """Every kind of file by its name."""
    return {kind.name: kind.make() for kind in AVAILABLE}


@pytest.fixture(scope="module")
def folder(files: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set: the files in folders of two classes."""
    root = tmp_path_factory.mktemp("pictures") / "all"
    for number, (name, data) in enumerate(files.items()):
        place = root / CLASSES[number % 2] / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
    return root


@pytest.fixture(scope="module")
def expected(files: dict[str, bytes], tiny_model: Path) -> dict[str, tuple[Image, float]]:
    """Pixels of every file, and how happy the golden model finds them."""
    analyzer = Analyzer(tiny_model, "none")
    pixels = {name: load_image(data) for name, data in files.items()}
    return {name: (image, analyzer.analyze(image)[0].probabilities["happy"]) for name, image in pixels.items()}


@pytest.fixture(scope="module")
def analyzed(folder: Path, tiny_model: Path) -> dict[str, float]:
    """What `mien analyze` reads in the folder."""
    inputs = Inputs([str(folder)])
    assert not inputs.passed
    analyzer = Analyzer(tiny_model, "none")
    found = [path for path, _ in inputs.found]
    return {Path(r.source).name: r.faces[0].probabilities["happy"] for r in analyzer.reports(found)}


@pytest.fixture(scope="module")
def batched(folder: Path, files: dict[str, bytes], tiny_model: Path, tmp_path_factory: Any) -> list[dict[str, float]]:
    """What `mien batch` reads in the folder, in a zip and in a tar of it."""
    pytest.importorskip("pyarrow")
    from mien.batch import Settings, read_faces, read_inputs, run_batch

    out = tmp_path_factory.mktemp("batch")
    with zipfile.ZipFile(out / "all.zip", "w", zipfile.ZIP_DEFLATED) as packed, tarfile.open(out / "a.tar", "w") as tar:
        for name, data in files.items():
            packed.writestr(name, data)
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    found = []
    for number, source in enumerate((folder, out / "all.zip", out / "a.tar")):
        run_batch(source, out / str(number), Settings(model=str(tiny_model), detector="none"), workers=0)
        failed = [row for row in read_inputs(str(out / str(number))).to_pylist() if row["status"] != "ok"]
        assert failed == []
        rows = read_faces(str(out / str(number)), ["source", "member", "p_happy"]).to_pylist()
        found.append({row["member"] or Path(row["source"]).name: row["p_happy"] for row in rows})
    return found


@pytest.fixture(scope="module")
def trained(folder: Path) -> dict[str, Any]:
    """What `mien data` and training read in the folder."""
    from mien.data import read

    manifest = read(folder)
    assert (manifest.unreadable, manifest.passed.total()) == ((), 0)
    return {Path(str(name)).name: manifest.load(row) for row, name in enumerate(manifest.names)}


@pytest.fixture(scope="module")
def filmed(folder: Path) -> dict[str, Image]:
    """What `mien video` reads in the folders of frames."""
    found = {}
    for place in sorted(folder.iterdir()):
        with open_source(place) as source:
            frames = [frame.image for frame in source]
        names = [file.name for file in sorted(place.iterdir(), key=natural_key)]
        found |= dict(zip(names, frames, strict=True))
    return found


@pytest.fixture(scope="module")
def served(tiny_model: Path) -> Iterator[Any]:
    """A running service."""
    pytest.importorskip("fastapi")
    pytest.importorskip("uvicorn")
    from server_worlds import running

    from mien.app.server.settings import Limits
    from mien.infer.options import AnalyzerOptions

    options = AnalyzerOptions(model=tiny_model, detector="none")
    with running(analyzer=options, limits=Limits(requests_per_minute=100_000)) as service:
        yield service


def test_every_suffix_has_a_case():
    """No suffix of the table is left out of the tests below, and there are at least fifty kinds of files."""
    assert {kind.suffix for kind in KINDS} == set(formats.suffixes())
    assert len({str(kind) for kind in AVAILABLE}) >= 50


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_read_alike(kind: Kind, files, expected, analyzed, batched, trained, filmed, served):
    """analyze, batch (folder, zip, tar), data and training, video on frames and the service see the same pixels."""
    if kind not in AVAILABLE:
        pytest.skip(f"the installed packages do not read {kind.suffix}")
    image, happy = expected[kind.name]
    assert analyzed[kind.name] == pytest.approx(happy, abs=1e-6)
    assert [found[kind.name] for found in batched] == pytest.approx([happy] * 3, abs=1e-6)
    pixels = trained[kind.name]
    np.testing.assert_array_equal(pixels if pixels.ndim == 3 else np.dstack([pixels] * 3), image)
    np.testing.assert_array_equal(filmed[kind.name], image)
    answer = served.ask("POST", "/v1/analyze", files[kind.name], content_type="application/octet-stream")
    assert answer.json()["faces"][0]["probabilities"]["happy"] == pytest.approx(happy, abs=1e-6)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if not kind.what], ids=str)
def test_right_pixels(kind: Kind, expected):
    """Each format gives the picture that was drawn, upright, within what its compression loses."""
    if kind not in AVAILABLE:
        pytest.skip(f"the installed packages do not read {kind.suffix}")
    image, _ = expected[kind.name]
    wanted = np.asarray(coloured())[..., ::-1].astype(int)
    assert image.shape == (HEIGHT, WIDTH, 3)
    if kind.suffix in {".pgm", ".pbm", ".pfm", ".bw"}:
        return  # grey or black and white; their brightness is compared below
    assert np.abs(image.astype(int) - wanted).mean() < (12 if kind.suffix == ".gif" else 6)


def test_detect_reads_them_all(folder: Path, files: dict[str, bytes], command):
    """`mien detect` gives a box for every file of the folder."""
    records = json.loads(command("detect", "--detector", "none", "--format", "json", folder).out)
    assert {Path(record["source"]).name for record in records} == set(files)
    assert all(record["error"] is None and record["faces"] for record in records)


def test_one_table(tmp_path: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch):
    """A suffix that is added to the table, or taken out of it, is so for every command."""
    for kind in CLASSES:
        for name in ("a.strange", "b.png"):
            (tmp_path / kind).mkdir(exist_ok=True)
            (tmp_path / kind / name).write_bytes(encoded(coloured(), "PNG"))
    assert _seen(tmp_path, tiny_model) == {"b.png"}
    first, *others = formats.FORMATS
    monkeypatch.setattr(formats, "FORMATS", (replace(first, suffixes=(*first.suffixes, ".strange")), *others))
    assert _seen(tmp_path, tiny_model) == {"a.strange", "b.png"}
    without = [replace(one, suffixes=tuple(s for s in one.suffixes if s != ".png")) for one in formats.FORMATS]
    monkeypatch.setattr(formats, "FORMATS", tuple(without))
    assert _seen(tmp_path, tiny_model) == {"a.strange"}


def _seen(folder: Path, model: Path) -> set[str]:
    """Names that all commands find; what one of them does not find, or what it finds beyond the others, fails."""
    from mien.batch.plan import plan
    from mien.data import read

    seen = [
        {Path(path).name for path, _ in Inputs([str(folder)]).found},
        {Path(item.name).name for chunk in plan(str(folder), 10, "image") for item in chunk.items if chunk.count},
        {Path(str(name)).name for name in read(folder).names},
    ]
    with open_source(folder / "happy") as source:
        count = sum(1 for _ in source)
    assert seen[0] == seen[1] == seen[2]
    assert len(seen[0]) == count
    return seen[0]


def test_an_opaque_and_a_clear_picture(expected):
    """A picture that is wholly transparent is white everywhere, whatever colours it hides."""
    for kind in AVAILABLE:
        if kind.what == "clear":
            assert (expected[kind.name][0] == 255).all()


def test_what_a_photograph_holds_besides(expected):
    """Of an animation, of pages and of several photographs in one file the first picture is read."""
    for kind in AVAILABLE:
        if kind.what in {"moving", "pages"} or kind.suffix == ".mpo":
            assert expected[kind.name][0][2, 2].tolist() == pytest.approx([20, 20, 230], abs=30)


def test_the_page_about_formats():
    """docs/formats.md lists every format and every suffix of videos, and no others."""
    page = (Path(__file__).parents[2] / "docs" / "formats.md").read_text("utf-8")
    rows = [f"| {one.shown} | {' '.join(f'`{s}`' for s in one.suffixes)} | {one.what} |" for one in formats.FORMATS]
    table = page.split("|---|---|---|\n", 1)[1].split("\n\n", 1)[0]
    assert table.splitlines() == rows
    assert set(page.rsplit("\n\n", 1)[1].split()) == {f"`{suffix}`" for suffix in formats.VIDEO_SUFFIXES}
