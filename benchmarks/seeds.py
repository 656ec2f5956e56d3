"""How much chance there is in the recipe that ships: its figures for every seed, their mean and spread.

    python benchmarks/seeds.py ../shared/data/fer2013 OUT/seed-1 OUT/seed-2 OUT/seed-3

The folders are finished runs of `runs/ship.sh`. Nothing is chosen here: which seed ships was settled on the validation
split before. Each run's model files are judged once on validation and on test. Writes docs/seeds.json and the table in
docs/training.md.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from pages import replace_part, table

from mien.data import read
from mien.data.manifest import Manifest
from mien.evaluate.judge import judge
from mien.evaluate.records import decimal, percent
from mien.infer.classify import load_classifier

DOCS = Path(__file__).resolve().parents[1] / "docs"
FILES = {"fer2013": "model.onnx", "ferplus": "model-votes.onnx"}
SPLITS = ("validation", "test")
FIGURES = {"accuracy": "accuracy", "macro_f1": "macro-F1", "log_loss": "log-loss", "ece": "ECE"}


def main() -> None:
    """Judge, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path, help="FER-2013 with FER+ votes.")
    parser.add_argument("runs", type=Path, nargs="+", help="Finished runs of one recipe, at least two.")
    options = parser.parse_args()
    if len(options.runs) < 2:
        parser.error("a spread takes at least two runs.")
    manifest = read(options.source)
    runs = {run.name: judged(run, manifest) for run in options.runs}
    result = {"date": date.today().isoformat(), "runs": runs, "over_runs": over_runs(list(runs.values()))}
    (DOCS / "seeds.json").write_text(json.dumps(result, indent=1) + "\n", "utf-8")
    replace_part(DOCS / "training.md", "seeds", page(result))


def judged(run: Path, manifest: Manifest) -> dict[str, Any]:
    """Figures of a run's two model files on both splits."""
    found: dict[str, Any] = {}
    for model, file in FILES.items():
        classifier = load_classifier(run / file)
        found[model] = {"sha256": classifier.sha256}
        for split in SPLITS:
            figures = judge(classifier, manifest, split=split, bootstrap=0).figures
            found[model][split] = {name: getattr(figures, name) for name in FIGURES}
            print(run.name, model, split, found[model][split], flush=True)
    return found


def over_runs(runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Mean and standard deviation (of a sample) of every figure."""
    result: dict[str, Any] = {}
    for model in FILES:
        for split in SPLITS:
            for name in FIGURES:
                values = [run[model][split][name] for run in runs]
                spread = {"mean": mean(values), "deviation": stdev(values)}
                result.setdefault(model, {}).setdefault(split, {})[name] = spread
    return result


def page(result: Mapping[str, Any]) -> str:
    """The table, a line per model and split."""
    header = ["model, split", "figure", *(name.replace("-", " ") for name in result["runs"]), "mean ± deviation"]
    rows = []
    for model in FILES:
        for split in SPLITS:
            for name, title in FIGURES.items():
                spread = result["over_runs"][model][split][name]
                values = [run[model][split][name] for run in result["runs"].values()]
                cells = [shown(value, name) for value in values]
                both = f"{shown(spread['mean'], name)} ± {shown(spread['deviation'], name)}"
                rows.append([f"`{model}`, {split}", title, *cells, both])
    note = f"The deviation is that of a sample of {len(result['runs'])}; {result['date']}."
    return f"{table(header, rows)}\n\n{note}"


def shown(value: float, name: str) -> str:
    """A figure for people: accuracies in per cent."""
    return percent(value) if name == "accuracy" else decimal(value)


if __name__ == "__main__":
    main()
