"""Teachers' answers as targets, crops that grow over a run, and a run that learns from both."""

from __future__ import annotations

import csv
import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from mien.core.errors import OutputError, TrainError
from mien.core.labels import LabelSet
from mien.data.manifest import Manifest
from mien.learn.config import Config
from mien.learn.distill import Teachers, soft_targets, soften, teachers_of
from mien.learn.pace import side_at
from mien.learn.saved import load_network
from mien.learn.targets import Head, heads_of
from mien.learn.train import Outcome, train

AB = LabelSet(("happy", "sad"))


def test_soften_by_hand() -> None:
    """Targets must be mixed by the share; a picture without a target of its own takes the teachers' alone."""
    own = np.array([[1, 0], [0, 0]], np.float32)
    said = {"votes": np.array([[0.2, 0.8], [0.6, 0.4]], np.float32)}
    (head,) = soften([Head("votes", AB, own, np.array([0, -1]))], said, 0.25)
    np.testing.assert_allclose(head.targets, [[0.8, 0.2], [0.6, 0.4]], atol=1e-6)
    assert head.label.tolist() == [0, -1]


def test_one_view_is_the_network(finished: Outcome, drawn: Manifest) -> None:
    """One teacher asked once must say what its network says of the picture as it is."""
    network, card = load_network(finished.run)
    crops = torch.from_numpy(drawn.crops(np.arange(8), card.crop.size, card.crop.color))
    said = soft_targets([network], crops, views=1)
    with torch.no_grad():
        wanted = torch.softmax(network(crops)["labels"], dim=1).numpy()
    np.testing.assert_allclose(said["labels"], wanted, atol=1e-5)
    np.testing.assert_allclose(soft_targets([network] * 2, crops, views=3)["votes"].sum(axis=1), 1, atol=1e-5)


def test_views_repeat(finished: Outcome, drawn: Manifest) -> None:
    """The same seed must give the same views, and asking must not move the randomness of training."""
    network, card = load_network(finished.run)
    crops = torch.from_numpy(drawn.crops(np.arange(4), card.crop.size, card.crop.color))
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first, again = (soft_targets([network], crops, views=3, seed=5) for _ in range(2))
    np.testing.assert_array_equal(first["labels"], again["labels"])
    assert torch.equal(before, torch.get_rng_state())


def test_foreign_teachers(finished: Outcome, drawn: Manifest) -> None:
    """A teacher of other crops or other classes must be refused."""
    heads = heads_of(drawn, "both")
    with pytest.raises(TrainError, match="takes crops of 24 px in gray"):
        teachers_of([finished.run], heads, 48, "gray")
    with pytest.raises(TrainError, match="no head 'labels' with the classes happy, sad;"):
        teachers_of(
            [finished.run], [Head("labels", AB, np.zeros((1, 2), np.float32), np.zeros(1, np.int64))], 24, "gray"
        )
    with pytest.raises(TrainError, match="no run folder"):
        teachers_of(["nowhere"], heads, 24, "gray")


def test_run_with_a_teacher(finished: Outcome, drawn: Manifest, tiny: Config, tmp_path: Path) -> None:
    """A run begun from its teacher and hardly moved must know what that knew, and say in its record whom it learnt
    from.
    """
    config = dataclasses.replace(
        tiny, epochs=2, teachers=(str(finished.run),), teacher_views=2, weights=str(finished.run / "model.safetensors"),
        lr=1e-5, ema=0.0, seed=9,
    )  # fmt: skip
    outcome = train(drawn, config, tmp_path / "student")
    record = json.loads((outcome.run / "run.json").read_text(encoding="utf-8"))
    assert list(record["teachers"]) == [str(finished.run)]
    assert len(record["weights"][config.weights]) == 64
    assert outcome.validation["accuracy"] >= finished.validation["accuracy"] - 0.1


def test_refused_before_teachers_are_asked(finished: Outcome, drawn: Manifest, tiny: Config, tmp_path: Path) -> None:
    """What can be refused is refused before teachers are asked about thousands of pictures: here a run of other
    data.
    """
    config = dataclasses.replace(tiny, epochs=1, teachers=(str(finished.run),), teacher_views=2)
    outcome = train(drawn, config, tmp_path / "student")
    fewer = drawn.select(np.arange(len(drawn) - 1))
    said: list[str] = []
    with pytest.raises(TrainError, match="The data have changed"):
        train(fewer, config, outcome.run, resume=True, say=said.append)
    assert not [line for line in said if line.startswith("Asking")]
    with pytest.raises(OutputError, match="exists already"):
        train(drawn, config, outcome.run, say=said.append)
    assert not [line for line in said if line.startswith("Asking")]


def test_teachers_at_every_step(finished: Outcome) -> None:
    """Asked at every step, teachers must speak of the pictures as they are changed, weigh their share, and keep a
    picture without a target of its own to theirs alone.
    """
    network, card = load_network(finished.run)
    planes = torch.rand(3, 1, card.crop.size, card.crop.size, generator=torch.Generator().manual_seed(3)) * 255
    with torch.no_grad():
        said = {n: torch.softmax(x, dim=1) for n, x in network.from_planes(network.normalise(planes)).items()}
    none = {name: torch.zeros_like(p) for name, p in said.items()}
    own = {name: torch.eye(p.shape[1])[:3] for name, p in said.items()}
    teachers = Teachers([network, network], 0.25)
    for name, alone in teachers.soften(planes, none).items():
        torch.testing.assert_close(alone, said[name], atol=1e-5, rtol=0)
    for name, mixed in teachers.soften(planes, own).items():
        torch.testing.assert_close(mixed, 0.75 * own[name] + 0.25 * said[name], atol=1e-5, rtol=0)


def test_run_with_a_teacher_at_every_step(finished: Outcome, drawn: Manifest, tiny: Config, tmp_path: Path) -> None:
    """A run whose teacher is asked at every step must learn from it alone where its share is 1, so labels that lie
    make no difference to its loss; and its file must keep no weights of the teacher.
    """
    lying = dataclasses.replace(drawn, label=np.where(drawn.split == "train", (drawn.label + 1) % 3, drawn.label))
    config = dataclasses.replace(
        tiny, epochs=1, teachers=(str(finished.run),), teacher_views=0, teacher_share=1.0, lr=1e-4, targets="hard",
        weights=str(finished.run / "model.safetensors"), seed=9,
    )  # fmt: skip
    losses = {}
    for name, data in (("right", drawn), ("lying", lying)):
        outcome = train(data, config, tmp_path / name)
        with (outcome.run / "metrics.csv").open(encoding="utf-8", newline="") as file:
            losses[name] = float(next(csv.DictReader(file))["train_loss"])
        keys = load_network(outcome.run)[0].state_dict().keys()
        assert keys == {key for key in load_network(finished.run)[0].state_dict() if not key.startswith("heads.votes")}
    assert losses["lying"] == pytest.approx(losses["right"], abs=1e-4)


def test_side_at() -> None:
    """Crops must grow in steps of 8 pixels over the first 60 % of the epochs, and stay whole without a start."""
    growing = Config(size=48, grow_from=32, epochs=10)
    assert [side_at(growing, epoch) for epoch in range(10)] == [32, 32, 32, 40, 40, 40, 48, 48, 48, 48]
    assert side_at(dataclasses.replace(growing, grow_from=0), 0) == 48
    assert side_at(dataclasses.replace(growing, size=24, grow_from=16), 9) == 24
