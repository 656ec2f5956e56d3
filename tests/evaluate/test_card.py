"""The model card says what was measured, names what was not, and stays valid Markdown."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from judging_worlds import LABELS, Brightness, manifest_of, squares

from mien.core.errors import DataError
from mien.data import Manifest
from mien.evaluate.card import model_card, write_card
from mien.evaluate.corruption import judge_corruptions
from mien.evaluate.judge import judge

FACTS = {
    "name": "brightness", "file": "b.onnx", "sha256": "ab" * 32, "bytes": 1_234_567, "labels": list(LABELS),
    "crop": {"size": 8, "margin": 1.2, "color": "gray", "align": "none", "shift_y": 0.0}, "precision": "fp32",
    "temperature": 1.25, "license": "MIT", "created": "2026-11-21",
    "training": {"data": "squares", "pictures": 12, "class_counts": {"dark": 5, "light": 7}},
}  # fmt: skip


@pytest.fixture
def body(world: Manifest, brightness: Brightness) -> dict[str, Any]:
    return judge(brightness, world, model=FACTS).to_dict()


def tables(card: str) -> list[list[str]]:
    """Lines of each table."""
    found: list[list[str]] = [[]]
    for line in card.splitlines():
        if line.startswith("|"):
            found[-1].append(line)
        elif found[-1]:
            found.append([])
    return [table for table in found if table]


def test_card_of_one_model(body: dict[str, Any]):
    """Identity, protocol, figures and the warnings are there; what was not measured is named as such."""
    card = model_card([body])
    for text in (
        "`b.onnx`", "1.23 MB", "ab" * 32, "grey crops of 8 px", "squares, split test",
        "| training: data | squares |", "| training: class counts | dark 5, light 7 |",
        "without the 2 pictures that also occur in the data's training split",
        "An expression is not an emotion", "Art. 5(1)(f)",
        "Not known: the data does not say", "mien evaluate brightness squares --split test --protocol labels",
        "**squares**: nothing is known",
    ):  # fmt: skip
        assert text in card, text
    assert "Not measured." in card
    assert "nan" not in card.lower().split()


def test_tables_are_regular(body: dict[str, Any]):
    """In every table all lines have the same number of cells, so Markdown shows them as tables."""
    odd = {**body, "model": {**FACTS, "name": "a|b", "license": "x <y>\nz"}}
    found = tables(model_card([body, odd]))
    assert len(found) > 8
    for table in found:
        assert len({line.replace("\\|", "").count("|") for line in table}) == 1, table[0]


def test_what_was_measured_appears(brightness: Brightness):
    """Corruptions, groups, speed, the mirror image and votes appear once they were measured."""
    group = np.array(["old", "young"] * 3)
    votes = np.eye(3, dtype=np.float32)[[0, 1, 2] * 2] * 10
    manifest = manifest_of(
        squares([0.0, 0.5, 1.0] * 2), [0, 1, 2] * 2, ["test"] * 6, group=group, votes=votes, vote_labels=LABELS
    )
    found = judge(brightness, manifest, flip=True, model={**FACTS, "training": {"data": "FER-2013"}})
    body = found.to_dict() | {
        "corruptions": judge_corruptions(brightness, manifest, found.task),
        "speed": {"one_ms": 0.5, "batch": 32, "batch_ms": 0.25, "processor": "a processor"},
    }
    card = model_card([body])
    for text in ("| low resolution |", "| young | 3 |", "0.500 ms", "mirror image", "KL divergence", "**FER+**"):
        assert text in card, text
    assert "Not measured." not in card


def test_refusals(body: dict[str, Any]):
    """No evaluation, or two of one name, make no card."""
    with pytest.raises(DataError, match="at least one"):
        model_card([])
    with pytest.raises(DataError, match="'brightness'"):
        model_card([body, body])


def test_other_data(body: dict[str, Any]):
    """One model judged on other data adds rows and a section, not a second description."""
    other = {**body, "data": {**body["data"], "sha256": "cd" * 32, "source": "elsewhere"}}
    card = model_card([body, other])
    assert card.count("\n## brightness\n") == 1
    assert "### On elsewhere, " in card
    assert card.count("Mean confidence") == 2
    with pytest.raises(DataError, match="'brightness'"):
        model_card([body, {**other, "model": {**FACTS, "sha256": "cd" * 32}}])


def test_models_are_compared_on_the_same_pictures(body: dict[str, Any]):
    """Figures stand together by data; a line without repeated pictures only where there are some."""
    other = {**body, "model": {**FACTS, "name": "other"}, "unseen": {**body["unseen"], "removed": 0}}
    elsewhere = {**body, "data": {**body["data"], "sha256": "cd" * 32, "source": "elsewhere"}}
    here, there = [
        [line.split("|")[1].strip() for line in table[2:]]
        for table in tables(model_card([body, elsewhere, other]))
        if "best two" in table[0]
    ]
    repeated = "brightness, without the 2 pictures that also occur in the data's training split"
    assert here == ["**brightness**", "**other**", repeated]
    assert there == ["**brightness**", repeated]


def test_groups_are_in_order(body: dict[str, Any]):
    """Groups by size, angle and third are listed from the smallest up, the unknown last, whatever the file's order."""

    def listed(*names: str) -> list[str]:
        groups = [{"group": name, "figures": body["figures"]} for name in names]
        return re.findall(r"^\| ([^|]+) \| \d", model_card([{**body, "groups": groups}]).split("### Groups")[1], re.M)

    sizes = ["crops below 64 px", "crops of 64 to 95 px", "crops of 96 to 191 px", "crops of 192 px and more"]
    assert listed(*sorted(sizes)) == sizes
    angles = ["below 10 degrees", "10 to 20 degrees", "from 20 degrees", "no landmarks found"]
    assert listed(*sorted(angles)) == angles
    assert listed("highest third", "lowest third", "middle third") == ["lowest third", "middle third", "highest third"]


def test_card_is_reproducible(body: dict[str, Any], tmp_path: Path):
    """The card is the same however often it is made, also from an evaluation that went through its file."""
    write_card(tmp_path / "CARD.md", [json.loads(json.dumps(body))])
    assert (tmp_path / "CARD.md").read_text(encoding="utf-8") == model_card([body])


def test_card_command(
    mien: Callable[..., tuple[int, str, str]],
    brightness_file: Path,
    folders: Path,
    tmp_path: Path,
    body: dict[str, Any],
):
    """`mien evaluate --card` writes one card for this evaluation and others from their files."""
    other = tmp_path / "evaluation.json"
    other.write_text(json.dumps({**body, "model": {**FACTS, "name": "other"}}))
    card = tmp_path / "MODEL_CARD.md"
    status, out, err = mien("evaluate", brightness_file, folders, "--card", card, "--card-with", other)
    assert (status, out) == (0, "")
    assert "MODEL_CARD.md" in err
    text = card.read_text(encoding="utf-8")
    assert text.index("## brightness") < text.index("## other")
