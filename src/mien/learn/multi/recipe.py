"""Settings of a run on several data sets, read from TOML."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from mien.core.errors import OptionError, unknown_name
from mien.learn.augment import Augmentation, augmentation
from mien.learn.settings import read_toml

__all__ = ["Frame", "Recipe", "SetPlan", "read_recipe"]

T = TypeVar("T")

_LEAST_SIDE = 16


@dataclass(frozen=True)
class Frame:
    """Part of a data set's pictures that becomes the crop.

    Args:
        side: side of the crop as a share of the picture's side; 1 takes it whole.
        down: how far the crop's centre lies below the picture's, as a share of the picture's side.

    """

    side: float = 1.0
    down: float = 0.0


@dataclass(frozen=True)
class SetPlan:
    """What a run does with one data set.

    Args:
        source: the data set, as `mien.data.read` takes it.
        labels: name of the head that learns its labels.
        votes: name of the head that learns its raters' votes; "" for none.
        share: part of every batch that comes from this set.
        weight: of its loss against the other sets'.
        vote_share: weight of what votes say about a label against the label itself (`mien.learn.raters`).
        cleaning: weight of what the teachers' answers say about a label, by cross-validation, against the label
            itself: labels that nobody else would give count less.
        spread: power of the class counts by which pictures are drawn less often; 0 draws all alike, 1 classes alike.
        taught: weight of the loss by which the other sets' heads learn the teachers' answers on these pictures.
        frames: framings that are used in equal parts.

    """

    source: str
    labels: str
    votes: str = ""
    share: float = 1.0
    weight: float = 1.0
    vote_share: float = 0.0
    cleaning: float = 0.0
    spread: float = 0.0
    taught: float = 0.0
    frames: tuple[Frame, ...] = (Frame(),)


@dataclass(frozen=True)
class Recipe:
    """A whole run.

    Args:
        model: architecture, one of the project's own nets.
        weights: packaged name or file of weights to start from; with fewer blocks than `model`, they are deepened. A
            float32 model file gives its trunk.
        minutes: how long the run takes, over all its parts; the learning rate follows this clock.
        sets: the data sets.
        teachers: model file (or its shipped name) by the head that it teaches.
        teacher_share: weight of the teachers' answers against labels and votes of the sets that have them.
        batch: pictures per step.
        lr: learning rate at its highest, of SGD with Nesterov momentum 0.9.
        weight_decay: not applied to batch norm and biases.
        ema: decay of the moving average of the weights, which is what the run leaves.
        early, late: changes of the presets "standard" and "light", before and after `late_from`.
        keep_start: share of the start's weights in the ones that the run leaves, the mean of both (Wortsman et al.
            2022); heads that the start does not have are the run's own.
        late_from: share of the minutes after which pictures are changed less.
        mixup: alpha of mixup within every set, before `late_from` (Zhang et al. 2018); 0 mixes nothing.
        grow_from: side of the crops at first, in pixels; half way to the full side after a quarter of the minutes, full
            after half of them. 0 has the full side throughout.
        nothing: photographs with boxes of faces; what is no face there teaches every head to be unsure. "" for none.
        nothing_share: pictures without a face that every batch gets besides, as a share of it.
        nothing_weight: of their loss.
        threads: processor threads.
        seed: of everything random. The clock decides how many steps there are, so two runs are alike, not equal.

    """

    model: str
    weights: str
    minutes: float
    sets: tuple[SetPlan, ...]
    teachers: Mapping[str, str] = field(default_factory=dict)
    teacher_share: float = 0.4
    batch: int = 128
    lr: float = 0.025
    weight_decay: float = 5e-4
    ema: float = 0.998
    early: Mapping[str, float] = field(default_factory=dict)
    late: Mapping[str, float] = field(default_factory=dict)
    keep_start: float = 0.0
    late_from: float = 0.65
    mixup: float = 0.0
    grow_from: int = 0
    nothing: str = ""
    nothing_share: float = 0.06
    nothing_weight: float = 0.1
    threads: int = 1
    seed: int = 1

    def __post_init__(self) -> None:
        _check(self)

    @property
    def heads(self) -> tuple[str, ...]:
        """Names of all heads, those of the first set first."""
        return tuple(name for plan in self.sets for name in (plan.labels, plan.votes) if name)

    def augmentations(self) -> tuple[Augmentation, Augmentation]:
        """How pictures are changed before and after `late_from`."""
        return augmentation("standard", self.early), augmentation("light", self.late)


def _check(recipe: Recipe) -> None:
    if not recipe.sets:
        raise OptionError("A recipe needs at least one [[sets]] table with the 'source' of a data set.")
    twice = next((name for name in recipe.heads if recipe.heads.count(name) > 1), None)
    if twice is not None:
        raise OptionError(f"Two label sets would learn the head {twice!r}; give every one a head of its own.")
    for head in recipe.teachers:
        if head not in recipe.heads:
            raise OptionError(unknown_name("head of a teacher", head, recipe.heads))
    total = sum(plan.share for plan in recipe.sets)
    if any(plan.share <= 0 for plan in recipe.sets) or not math.isclose(total, 1, abs_tol=1e-6):
        raise OptionError(f"The 'share' of the sets must be greater than 0 and add up to 1, got {total:g}.")
    if recipe.minutes <= 0 or recipe.batch < 2 * len(recipe.sets) or recipe.lr <= 0 or recipe.threads < 1:
        raise OptionError("'minutes' and 'lr' must be greater than 0, 'threads' at least 1, 'batch' 2 for every set.")
    if not 0 <= recipe.keep_start < 1:
        raise OptionError(f"'keep_start' must lie in 0..1 and below 1, got {recipe.keep_start:g}.")
    if recipe.nothing and not (0 < recipe.nothing_share <= 1 and recipe.nothing_weight > 0):
        raise OptionError("'nothing_share' must lie in 0..1, 'nothing_weight' be greater than 0.")
    if recipe.mixup < 0 or (recipe.grow_from and recipe.grow_from < _LEAST_SIDE):
        raise OptionError(f"'mixup' must be 0 or more, 'grow_from' 0 or at least {_LEAST_SIDE} pixels.")
    recipe.augmentations()  # checks the names and values


def read_recipe(path: Path | str) -> Recipe:
    """A recipe from a TOML file; sources are taken relative to the working folder.

    Raises:
        OptionError: the file cannot be read, is not TOML, lacks something, or holds an unknown or impossible value.

    """
    body, where = read_toml(path), str(path)
    sets = tuple(_plan(entry, where) for entry in body.pop("sets", []))
    return _made(Recipe, {**body, "sets": sets}, where)


def _plan(entry: Mapping[str, Any], where: str) -> SetPlan:
    body = dict(entry)
    if "frames" in body:
        body["frames"] = tuple(_made(Frame, frame, where) for frame in body["frames"])
    return _made(SetPlan, body, where)


def _made(kind: type[T], body: Mapping[str, Any], where: str) -> T:
    """A dataclass from a table of TOML.

    Raises:
        OptionError: an unknown key, a missing one, or a value of another type.

    """
    fields = {f.name: f for f in dataclasses.fields(kind)}  # type: ignore[arg-type]
    for key in body:
        if key not in fields:
            raise OptionError(f"{where}: {unknown_name('setting', key, fields)}")
    for name, f in fields.items():
        needed = f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
        if needed and name not in body:
            raise OptionError(f"{where}: the setting {name!r} is missing.")
    for key, value in body.items():
        default = fields[key].default
        wanted = (int, float) if isinstance(default, float) else type(default)
        if isinstance(value, bool) or not (default is dataclasses.MISSING or isinstance(value, wanted)):
            raise OptionError(f"{where}: {key!r} has a value of another kind, got {value!r}.")
    return kind(**body)
