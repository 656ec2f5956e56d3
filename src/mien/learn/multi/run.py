"""One run on several data sets, from a recipe to a trained network in a folder.

Puts the pieces together: pictures without leaks, softened targets, the start, what it will cost, the loop.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mien.core.contract import CropSpec
from mien.core.files import make_folder
from mien.data import read
from mien.data.manifest import Manifest
from mien.infer.store import resolve_model
from mien.learn.distill import mixed
from mien.learn.finish import LEAST_TILT
from mien.learn.grow import grow, read_trunk
from mien.learn.leaks import split_for_training
from mien.learn.models import Network, build, count_macs, count_parameters, default_size
from mien.learn.multi.loop import Loop
from mien.learn.multi.nothing import crops_without_face, targets_without_face
from mien.learn.multi.parts import Part, framed_crops
from mien.learn.multi.recipe import Recipe, SetPlan
from mien.learn.multi.teachers import cleaned, kept_answers
from mien.learn.runfolder import WEIGHTS, write_json
from mien.learn.targets import Head, heads_of
from mien.learn.weights import load_trunk, save_weights, weights_of

__all__ = ["CHECKPOINT", "RECORD", "keep_start", "run_recipe", "start_of"]

CHECKPOINT = "last.pt"
RECORD = "sets.json"

Say = Callable[[str], None]

_SOME = 1024  # crops of a set that give norms their statistics back
_TRIED_STEPS = 3  # whose time is taken to say what a run will cost


def run_recipe(recipe: Recipe, out: Path, say: Say) -> Network:
    """Train by a recipe into a folder, or go on with the run in it; gives the moving average of the weights.

    Raises:
        DataError: a data set cannot be read.
        TrainError: data that cannot be trained on, weights that do not fit, or a run that was stopped.
        OptionError: a name that is not known.

    """
    torch.set_num_threads(recipe.threads)
    make_folder(out)
    manifests = [read(plan.source, check=False) for plan in recipe.sets]
    splits = [split_for_training(manifest) for manifest in manifests]
    for plan, split in zip(recipe.sets, splits, strict=True):
        say(f"{plan.source}: {len(split.train):,} pictures to learn from. {split.message()}".strip())
    parts, sizes = _parts(recipe, [split.train for split in splits], out, say)
    network = start_of(recipe, sizes, some := _some(parts))
    loop = Loop(network, [*parts, *_nothing(recipe, parts, say)], recipe, out / CHECKPOINT)
    say(_cost(recipe, network, parts, loop.bf16))
    loop.run(say)
    average = loop.average.eval()
    if recipe.keep_start:
        keep_start(average, start_of(recipe, sizes, some), recipe)
    save_weights(average, out / WEIGHTS)
    write_json(out / RECORD, _record(recipe, manifests, parts, loop.step))
    return average


def keep_start(average: Network, start: Network, recipe: Recipe) -> None:
    """Move a network to the mean of its own weights and those that it began with, with the recipe's share of these."""
    known = set(weights_of(recipe.weights).heads or ())
    fresh = tuple(f"heads.{name}." for name in recipe.heads if name not in known)
    theirs = start.state_dict()
    for name, tensor in average.state_dict().items():
        if tensor.dtype.is_floating_point and not name.startswith(fresh):
            tensor.lerp_(theirs[name], recipe.keep_start)


def start_of(recipe: Recipe, heads: Mapping[str, int], crops: NDArray[np.uint8]) -> Network:
    """The network that a run begins with: the recipe's weights, grown where its architecture is larger.

    Args:
        recipe: names architecture and weights.
        heads: number of classes by head.
        crops: training crops (N, S, S) uint8, which give a model file's norms back.

    Raises:
        TrainError: the weights do not fit.
        ModelError: the weights are a model file of another architecture, or in 8 bit.

    """
    torch.manual_seed(recipe.seed)
    size = default_size(recipe.model)
    network = build(recipe.model, heads, size=size)
    known = weights_of(recipe.weights)
    if known.path.suffix == ".onnx":
        read_trunk(network, known.path, crops)
        return network
    if known.architecture in {"", recipe.model}:
        load_trunk(network, known.path)
        return network
    small = build(known.architecture, heads, size=size)
    load_trunk(small, known.path)
    grow(small, network)
    return network


def _some(parts: Sequence[Part]) -> NDArray[np.uint8]:
    """Crops of every data set in equal numbers, always the same."""
    return np.concatenate([part.crops[0][:_SOME].numpy() for part in parts])


def _parts(recipe: Recipe, manifests: Sequence[Manifest], out: Path, say: Say) -> tuple[list[Part], dict[str, int]]:
    files = {head: resolve_model(name) for head, name in recipe.teachers.items()}
    parts: list[Part] = []
    sizes: dict[str, int] = {}
    size = default_size(recipe.model)
    for plan, manifest in zip(recipe.sets, manifests, strict=True):
        crops = framed_crops(manifest, plan.frames, size)
        said = kept_answers(files, crops[0], out / f"answers-{len(parts)}.safetensors", plan.source, say)
        heads = heads_of(manifest, "both" if plan.votes else "hard", 0.0, plan.vote_share)
        names = {plan.labels: heads[0]} | ({plan.votes: heads[1]} if plan.votes else {})
        targets = {name: _target(name, head, said, recipe) for name, head in names.items()}
        if plan.cleaning:
            targets[plan.labels] = cleaned(targets[plan.labels], manifest, plan.cleaning, said)
        taught = {name: torch.from_numpy(p) for name, p in said.items() if name not in targets}
        parts.append(Part(plan, crops, targets, taught, _chances(manifest, plan)))
        sizes |= {name: len(head.labels) for name, head in names.items()}
    return parts, sizes


def _nothing(recipe: Recipe, parts: Sequence[Part], say: Say) -> list[Part]:
    if not recipe.nothing:
        return []
    spec = CropSpec(size=default_size(recipe.model), align="eyes", least_tilt=LEAST_TILT)
    crops = torch.from_numpy(crops_without_face(recipe.nothing, spec, recipe.seed))
    plan = SetPlan(recipe.nothing, "", share=recipe.nothing_share, weight=recipe.nothing_weight)
    say(f"{recipe.nothing}: {len(crops):,} pictures without a face.")
    learnt = {name: targets for part in parts for name, targets in part.targets.items()}
    return [Part(plan, (crops,), targets_without_face(len(crops), learnt), {})]


def _target(name: str, head: Head, said: Mapping[str, np.ndarray[Any, Any]], recipe: Recipe) -> Tensor:
    target = torch.from_numpy(head.targets)
    return mixed(target, torch.from_numpy(said[name]), recipe.teacher_share) if name in said else target


def _chances(manifest: Manifest, plan: SetPlan) -> Tensor | None:
    if not plan.spread:
        return None
    counts = np.maximum(manifest.counts().astype(np.float64), 1)
    return torch.from_numpy(counts[manifest.label] ** -plan.spread)


def _cost(recipe: Recipe, network: Network, parts: Sequence[Part], bf16: bool) -> str:
    """What the run will take, from the time of a few steps that are thrown away."""
    speed = _pictures_per_second(recipe, network, bf16)
    seen = speed * recipe.minutes * 60
    passes = ", ".join(
        f"{plan.labels} {seen * plan.share / len(part):.1f}" for plan, part in zip(recipe.sets, parts, strict=True)
    )
    macs = count_macs(network, default_size(recipe.model), "gray")
    return (
        f"{recipe.model}: {macs / 1e6:.0f} million multiply-adds, {count_parameters(network) / 1e6:.1f} million "
        f"weights. {recipe.minutes:g} minutes on {recipe.threads} threads at {speed:.0f} pictures/s: about {seen:,.0f} "
        f"pictures, so every picture is seen so many times, by head: {passes}."
    )


def _pictures_per_second(recipe: Recipe, network: Network, bf16: bool) -> float:
    trial = copy.deepcopy(network).train()
    size = default_size(recipe.model)
    x = torch.randn(recipe.batch, 1, size, size).contiguous(memory_format=torch.channels_last)
    times = []
    for _ in range(_TRIED_STEPS):
        start = time.perf_counter()
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            logits = trial.from_planes(x)
        torch.stack([z.float().logsumexp(dim=1).mean() for z in logits.values()]).sum().backward()
        times.append(time.perf_counter() - start)
    return recipe.batch / min(times)


def _record(recipe: Recipe, manifests: Sequence[Manifest], parts: Sequence[Part], steps: int) -> dict[str, Any]:
    return {
        "architecture": recipe.model,
        "started_from": recipe.weights,
        "minutes": recipe.minutes,
        "steps": steps,
        "without_a_face": Path(recipe.nothing).name,
        "sets": [
            {
                "name": Path(plan.source).name,
                "sha256": manifest.digest,
                "pictures": len(part),
                "heads": list(part.targets),
                "labels": list(manifest.labels),
            }
            for plan, manifest, part in zip(recipe.sets, manifests, parts, strict=True)
        ],
    }
