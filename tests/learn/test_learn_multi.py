"""Training on several data sets: recipes, framing, sampling, cleaned labels, and a whole run that goes on."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from mien.core.errors import OptionError, TrainError
from mien.data import read
from mien.data.convert import convert
from mien.data.manifest import Manifest
from mien.learn.export import read_info, run_file
from mien.learn.models import build
from mien.learn.multi import teachers
from mien.learn.multi.heads import release_heads
from mien.learn.multi.loop import Loop, rate_at, side_at
from mien.learn.multi.parts import Part, Rows, framed_crops
from mien.learn.multi.recipe import Frame, Recipe, SetPlan, read_recipe
from mien.learn.multi.release import release
from mien.learn.multi.run import RECORD, run_recipe, start_of
from mien.learn.multi.teachers import labels_given_answers, load_answers, save_answers
from mien.learn.weights import save_small, weights_of


def recipe_of(drawn: Manifest, folder: Path, minutes: float) -> Recipe:
    """A run of `mien-xs` on two data sets on disk, the second one without votes."""
    places = folder / "first", folder / "second"
    without = dataclasses.replace(drawn, votes=None, vote_labels=())
    for manifest, place in zip((drawn, without), places, strict=True):
        convert(manifest, place, "parquet")
    start = build("mien-xs", {"labels": 3}, size=48)
    heads = {"labels": drawn.labels.names}
    save_small(start, folder / "start.safetensors", architecture="mien-xs", heads=heads)
    return Recipe(
        model="mien-xs",
        weights=str(folder / "start.safetensors"),
        minutes=minutes,
        sets=(
            SetPlan(str(places[0]), "labels", "votes", share=0.5, vote_share=0.2),
            SetPlan(str(places[1]), "other", share=0.5, spread=0.5, frames=(Frame(), Frame(0.9, 0.02))),
        ),
        batch=24,
        lr=0.05,
        ema=0.9,
        mixup=0.2,
        grow_from=32,
    )


def test_recipes(tmp_path: Path) -> None:
    """The recipe that ships must be one, and so must a text that names only what it needs."""
    shipped = read_recipe(Path(__file__).parents[2] / "runs" / "sets" / "wild.toml")
    assert shipped.heads == ("labels", "votes", "expw")
    file = tmp_path / "small.toml"
    file.write_text('model = "mien-xs"\nweights = "x"\nminutes = 1.0\n[[sets]]\nsource = "s"\nlabels = "labels"\n')
    assert read_recipe(file).sets == (SetPlan("s", "labels"),)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("minuts = 1.0", "minuts"),
        ("minutes = true", "'minutes' has a value of another kind"),
        ("minutes = 0.0", "'minutes' and 'lr' must be greater than 0"),
        ("teachers = { other = 'fer2013' }", "head of a teacher"),
        ("late = { nosie = 1 }", "nosie"),
        ("grow_from = 8", "at least 16 pixels"),
        ("mixup = -0.5", "'mixup' must be 0 or more"),
        ("[[sets]]\nsource = 't'\nlabels = 'labels'", "head 'labels'"),
        ("[[sets]]\nsource = 't'\nlabels = 'more'", "add up to 1, got 2"),
        ("[[sets]]\nsource = 't'", "setting 'labels' is missing"),
    ],
)
def test_refused_recipes(text: str, message: str, tmp_path: Path) -> None:
    """What cannot be meant must be refused in words, with the setting's name."""
    body = 'model = "mien-xs"\nweights = "x"\n' + ("" if "minutes" in text else "minutes = 1.0\n")
    first = '[[sets]]\nsource = "s"\nlabels = "labels"\n'
    file = tmp_path / "recipe.toml"
    file.write_text(body + first + text if text.startswith("[[") else body + text + "\n" + first)
    with pytest.raises(OptionError, match=message):
        read_recipe(file)


def test_frames(drawn: Manifest) -> None:
    """A frame must show the part that it names, and repeat the border below the picture."""
    manifest = drawn
    whole, lower = framed_crops(manifest, (Frame(), Frame(0.5, 0.5)), 24)
    assert torch.equal(whole[0], torch.from_numpy(manifest.load(0)))
    assert lower.shape == whole.shape
    assert (lower[0][-8:] == lower[0][-1]).all()


def test_frames_take_turns() -> None:
    """Frames must take turns within a batch."""
    crops = (torch.zeros(5, 2, 2, dtype=torch.uint8), torch.ones(5, 2, 2, dtype=torch.uint8))
    part = Part(SetPlan("s", "labels", frames=(Frame(), Frame(0.9))), crops, {}, {})
    assert part.pictures(torch.arange(4))[:, 0, 0].tolist() == [0, 1, 0, 1]


def test_rows() -> None:
    """Every picture must come once before any comes again; by chances, the likely ones more often."""
    part = Part(SetPlan("s", "labels"), (torch.zeros(7, 2, 2, dtype=torch.uint8),), {}, {})
    rows = Rows(part)
    assert sorted(torch.cat([rows.take(3), rows.take(4)]).tolist()) == list(range(7))
    drawn = Rows(dataclasses.replace(part, chance=torch.tensor([0.0, 1, 1, 0, 0, 0, 0]))).take(50)
    assert set(drawn.tolist()) == {1, 2}


def test_rate() -> None:
    """The rate must rise, fall with the clock, and end at nothing."""
    assert rate_at(0.0, 0) < 0.01
    assert rate_at(0.5, 1000) == pytest.approx(0.5)
    assert rate_at(1.0, 1000) == pytest.approx(0.0)


def test_growing_crops() -> None:
    """Crops must start small, grow half way, and be whole from half of the time on; or be whole throughout."""
    assert [side_at(share, 32, 48) for share in (0.0, 0.24, 0.3, 0.5, 1.0)] == [32, 32, 40, 48, 48]
    assert {side_at(share, 0, 48) for share in (0.0, 0.3, 1.0)} == {48}


def test_cleaning() -> None:
    """A wrong label among many right ones must become unlikely, and no label may vouch for itself."""
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, 300)
    answers = {"a": (np.eye(3)[truth] * 0.8 + rng.dirichlet(np.ones(3), 300) * 0.2).astype(np.float32)}
    label = truth.copy()
    label[:20] = (truth[:20] + 1) % 3
    likely = labels_given_answers(answers, label, 3)
    np.testing.assert_allclose(likely.sum(axis=1), 1, atol=1e-5)
    assert (likely.argmax(axis=1) == truth).mean() > 0.95
    alone = labels_given_answers(answers, label, 3, np.array(["a", "b", "c"])[truth])
    assert (alone.argmax(axis=1) == truth).mean() < 0.5


def test_kept_answers(tmp_path: Path) -> None:
    """Kept answers must come back to the same question alone, and a damaged file is as good as none."""
    file, said = tmp_path / "a.safetensors", {"labels": np.ones((2, 3), np.float32)}
    save_answers(file, "key", said)
    known = load_answers(file, "key")
    assert known is not None
    np.testing.assert_array_equal(known["labels"], said["labels"])
    assert load_answers(file, "other") is None
    file.write_bytes(b"broken")
    assert load_answers(file, "key") is None


def test_run_and_release(drawn: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run must say what it costs, learn both label sets, and leave files that agree with what it reports; another
    may start from its model file and be taught by it, which is asked once about each set for both heads."""
    recipe = recipe_of(drawn, tmp_path, minutes=0.2)
    lines: list[str] = []
    run_recipe(recipe, tmp_path / "run", lines.append)
    assert any("multiply-adds" in line and "pictures/s" in line for line in lines)
    record = json.loads((tmp_path / "run" / RECORD).read_text())
    assert [entry["heads"] for entry in record["sets"]] == [["labels", "votes"], ["other"]]
    found = release(recipe, tmp_path / "run", tmp_path / "files", license_="MIT, with a limit")
    info = read_info(tmp_path / "files" / "wild-int8.onnx")
    assert (info.name, info.precision, info.license) == ("wild-int8", "int8", "MIT, with a limit")
    assert weights_of(str(tmp_path / "files" / "wild.safetensors")).architecture == "mien-xs"
    validation = read(recipe.sets[0].source).of_split("validation")
    p = run_file(tmp_path / "files" / "wild.onnx", framed_crops(validation, (Frame(),), 48)[0].numpy())
    name = Path(recipe.sets[0].source).name
    accuracy = float((p.argmax(axis=1) == validation.label).mean())
    assert found.figures["wild.onnx"][name]["accuracy"] == pytest.approx(accuracy)
    assert accuracy > 0.5

    asked: list[tuple[Path, int]] = []

    def counted(path: Path, crops: np.ndarray) -> np.ndarray:
        asked.append((path, len(crops)))
        return run_file(path, crops)

    monkeypatch.setattr(teachers, "run_file", counted)
    file = tmp_path / "files" / "wild.onnx"
    taught = dataclasses.replace(
        recipe, weights=str(file), minutes=0.005, lr=1e-7, teachers={"labels": str(file), "other": str(file)},
        teacher_share=0.5,
    )  # fmt: skip
    average = run_recipe(taught, tmp_path / "taught", lines.append)
    train = len(read(recipe.sets[0].source).of_split("train"))
    assert asked == [(file, train)] * 2
    sizes, crops = {"labels": 3, "votes": 3, "other": 3}, framed_crops(validation, (Frame(),), 48)[0].numpy()
    theirs = start_of(taught, sizes, crops).state_dict()
    convolutions = {name: w for name, w in average.state_dict().items() if w.ndim == 4 and "heads" not in name}
    assert all(torch.allclose(w, theirs[name], atol=1e-4) for name, w in convolutions.items())
    first = start_of(recipe, sizes, crops).state_dict()
    assert not any(torch.allclose(w, first[name], atol=1e-4) for name, w in convolutions.items())


def test_going_on(drawn: Manifest, tmp_path: Path) -> None:
    """A run that goes on must know its steps and its time; another recipe's checkpoint must be refused."""
    recipe = recipe_of(drawn, tmp_path, minutes=1.0)
    part = Part(recipe.sets[0], (torch.zeros(40, 48, 48, dtype=torch.uint8),), {"labels": torch.ones(40, 3) / 3}, {})
    one = dataclasses.replace(recipe, sets=(dataclasses.replace(recipe.sets[0], share=1.0),), batch=8)
    ticks = iter(range(0, 10_000, 6))  # every look at the clock takes six seconds
    lines: list[str] = []
    file = tmp_path / "last.pt"
    Loop(build("mien-xs", {"labels": 3}, size=48), [part], one, file, lambda: float(next(ticks))).run(lines.append)
    again = Loop(build("mien-xs", {"labels": 3}, size=48), [part], one, file, lambda: 0.0)
    assert again.step > 0
    steps = again.step
    again.run(lines.append)
    assert again.step == steps  # its minutes are spent
    with pytest.raises(TrainError, match="another recipe"):
        Loop(build("mien-xs", {"labels": 4}, size=48), [part], one, file)


def test_heads_by_themselves(drawn: Manifest, tmp_path: Path) -> None:
    """Every head must become a file of its own in 8 bit and in float32, and `wild` must even out the class shares."""
    rare = (drawn.label == 0) & (drawn.split == "train")  # two thirds of one class go
    recipe = recipe_of(drawn.select(~rare | (np.cumsum(rare) % 3 == 0)), tmp_path, minutes=0.1)
    two = recipe
    recipe = dataclasses.replace(recipe, sets=(dataclasses.replace(recipe.sets[0], share=1.0),))
    run_recipe(recipe, tmp_path / "run", lambda _line: None)
    names = {"labels": "first", "votes": "second"}
    out = tmp_path / "files"
    found = release_heads(recipe, tmp_path / "run", out, names, wild="even", license_="MIT", also=[two.sets[1].source])
    assert set(found.figures) == {f"{n}{kind}.onnx" for n in ("first", "second", "even") for kind in ("", "-fp32")}
    for name, precision in (("even", "int8"), ("even-fp32", "fp32"), ("second", "int8")):
        info = read_info(out / f"{name}.onnx")
        assert (info.name, info.precision, info.license) == (name, precision, "MIT")
        assert sum(info.training["class_counts"].values()) > 0
    told = read_info(out / "even.onnx")
    assert f'"class_shares_divided_out": "{found.power}"' in told.to_json()
    assert len(set(told.training["class_counts"].values())) > 1
    validation = read(recipe.sets[0].source).of_split("validation")
    crops = framed_crops(validation, (Frame(),), 48)[0].numpy()
    first, even = (np.log(run_file(out / f"{name}-fp32.onnx", crops) + 1e-30) for name in ("first", "even"))
    assert not np.allclose(first, even, atol=0.01)  # toy probabilities are so near to 0 and 1 that only logs differ
    with pytest.raises(TrainError, match="one data set"):
        release_heads(two, tmp_path / "run", out, names, wild="even", license_="MIT")
