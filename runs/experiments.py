"""Write the tables of docs/experiments.md from run folders: python runs/experiments.py RUNS PAGE.

Replaces what stands between the marks `<!-- NAME -->` and `<!-- end -->`, and nothing else.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

from mien.learn.settings import read_config

ARCHITECTURES = (
    "ann", "cnn", "mien-xs", "mien-s", "mien-m", "mobilenetv2", "efficientnet_b0", "densenet121", "densenet169",
    "resnet50v2", "vgg16",
)  # fmt: skip
CHOICES = (
    ("mien-s", "mien-s: grey, hard labels, flips only"),
    ("mien-s-rgb", "RGB instead of grey (the pictures are grey, so three equal channels)"),
    ("mien-s-weights", "class weights in the loss"),
    ("mien-s-sampler", "balanced sampler"),
    ("mien-s-light", "preset `light`: shifts, turns, zoom, contrast and erasing too"),
    ("mien-s-both", "labels and FER+ votes as joint heads"),
    ("mien-s-4", "four classes: happy, sad, surprise, neutral"),
)
FREEZING = (
    ("mobilenetv2", "from scratch"),
    ("mobilenetv2-votes", "the run on FER+ votes that the following start from (judged by FER+ majority)"),
    ("freeze-head", "head only"),
    ("freeze-20", "head and the last 20 layers"),
    ("freeze-none", "everything"),
    ("freeze-staged", "staged: head, last 20 layers, everything, one epoch each"),
)
HEADERS = ("parameters", "multiply-adds", "seconds", "accuracy", "macro-F1", "ECE")


def record(folder: Path) -> dict[str, Any] | None:
    """run.json of a finished run, or None."""
    file = folder / "run.json"
    if not file.is_file():
        return None
    body: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return body if body.get("state") == "finished" else None


def cells(body: dict[str, Any] | None) -> list[str]:
    """The figures of a run as the cells of a row; dashes where there is no finished run."""
    if body is None:
        return ["not run", *["–"] * (len(HEADERS) - 1)]
    figures = next(iter(body["validation"].values()))
    return [
        f"{body['parameters'] / 1e6:.2f} M",
        f"{body['multiply_adds'] / 1e6:,.0f} M",
        f"{body['seconds']:,.0f}",
        f"{figures['accuracy'] * 100:.1f} %",
        f"{figures['macro_f1']:.3f}",
        f"{figures['ece']:.3f}",
    ]


def table(first: str, rows: list[tuple[str, dict[str, Any] | None]]) -> str:
    """A Markdown table."""
    lines = [f"| {first} | {' | '.join(HEADERS)} |", "|---" + "|--:" * len(HEADERS) + "|"]
    lines += [f"| {name} | {' | '.join(cells(body))} |" for name, body in rows]
    return "\n".join(lines)


def protocol(runs: Path) -> str:
    """What all runs have in common, from the settings of the first."""
    config = read_config(runs / "mien-s" / "config.toml")
    body = record(runs / "mien-s")
    assert body is not None, "the run mien-s is not finished"
    environment = body["environment"]
    pictures = f"{body['data']['trained_on']:,} training pictures drawn with seed {config.seed}"
    return (
        f"Protocol: FER-2013, {pictures} ({body['data']['removed_from_training']} leaked ones left out before), "
        f"{config.epochs} epochs, {config.size} px, batches of {config.batch_size}, {config.optimizer} at {config.lr} "
        f"with {config.schedule}, preset `{config.augment}`, label smoothing {config.label_smoothing}, moving average "
        f"{config.ema}, precision {config.precision} (32 for MobileNetV2 and EfficientNet), {config.threads} thread, "
        f"{environment['device']}, torch "
        f"{environment['torch'].split('+')[0]}. No pretrained weights. Figures: the model file of the best epoch on "
        "the validation split (3,589 pictures, single view), temperature fitted there. Seconds: wall clock of all "
        "epochs on a machine that did other work too. The test split was not read."
    )


def fill(text: str, name: str, content: str) -> str:
    """The page with the part between a mark and the next end replaced."""
    pattern = rf"(<!-- {name} -->\n).*?(<!-- end -->)"
    out, count = re.subn(pattern, lambda m: m[1] + content + "\n" + m[2], text, flags=re.S)
    if count != 1:
        raise SystemExit(f"the page must have one part <!-- {name} --> ... <!-- end -->, found {count}")
    return out


def main() -> None:
    """See the module."""
    runs, page = Path(sys.argv[1]), Path(sys.argv[2])
    text = page.read_text(encoding="utf-8")
    text = fill(text, "protocol", protocol(runs))
    text = fill(text, "architectures", table("model", [(f"`{n}`", record(runs / n)) for n in ARCHITECTURES]))
    text = fill(text, "choices", table("choice", [(words, record(runs / n)) for n, words in CHOICES]))
    text = fill(text, "freezing", table("mobilenetv2 learns", [(words, record(runs / n)) for n, words in FREEZING]))
    page.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
