"""`mien evaluate`: judge a model on a data set, and say exactly how."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mien.app.terminal import console, notice, progress

if TYPE_CHECKING:
    from mien.data.manifest import Manifest
    from mien.evaluate.judge import Evaluation
    from mien.infer.classify import OnnxClassifier

_SPLITS = ("train", "validation", "test", "all")
_PROTOCOLS = ("auto", "labels", "ferplus-majority")


@click.command()
@click.argument("model")
@click.argument("source", type=click.Path(path_type=Path))
@click.option("--split", type=click.Choice(_SPLITS), default="test", show_default=True, help="Part to judge on.")
@click.option(
    "--protocol",
    type=click.Choice(_PROTOCOLS),
    default="auto",
    show_default=True,
    help="Where a picture's label comes from; auto takes the FER+ majority for a model with the FER+ labels.",
)
@click.option(
    "--labels", help="What numbers as class names mean: raf-db, affectnet, expw, names in order, or 1=sad,2=happy."
)
@click.option(
    "--subject",
    default="",
    help=r"Who is in a picture, for the intervals: a pattern with a group, such as 'S(\d+)', or a column.",
)
@click.option("--flip", is_flag=True, help="Also judge the mean of a picture and its mirror image.")
@click.option("--corruptions", is_flag=True, help="Also judge on corrupted pictures (takes 40 times as long).")
@click.option("--conditions", is_flag=True, help="Also by pose, brightness, sharpness and colour of the pictures.")
@click.option("--speed", is_flag=True, help="Also measure milliseconds per face on this machine.")
@click.option("--report", type=click.Path(path_type=Path, file_okay=False), help="Write a page, plots and JSON here.")
@click.option(
    "--pictures/--no-pictures",
    default=True,
    show_default=True,
    help="Show pictures of the data set in the report: the surest wrong answers, and what they rest on.",
)
@click.option("--text", "as_text", is_flag=True, help="Print the classification report as scikit-learn lays it out.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
@click.option("--card", type=click.Path(path_type=Path, dir_okay=False), help="Write a model card to this file.")
@click.option(
    "--card-with",
    type=click.Path(path_type=Path, dir_okay=False),
    multiple=True,
    metavar="JSON",
    help="Also describe this evaluation in the card (may be repeated).",
)
@click.option("--threads", type=click.IntRange(1), default=1, show_default=True, help="Threads of the runtime.")
@click.option("--bootstrap", type=click.IntRange(0), default=1000, show_default=True, help="Resamples for intervals.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of resamples and corruptions.")
def command(
    model: str,
    source: Path,
    *,
    as_json: bool,
    as_text: bool,
    pictures: bool,
    report: Path | None,
    card: Path | None,
    card_with: tuple[Path, ...],
    threads: int,
    **options: Any,
) -> None:
    """Judge a model on one split of a data set.

    MODEL is a shipped name, an .onnx file or the folder of a training run; SOURCE is a data set in any layout that
    `mien data` reads. Choose between models on the validation split; read the test split once.
    """
    from mien.data.formats import refuse_inside
    from mien.evaluate.judge import split_of
    from mien.infer.classify import load_classifier

    if card_with and card is None:
        raise click.UsageError("--card-with needs --card FILE.")
    if as_json and as_text:
        raise click.UsageError("--json and --text each say what is printed; give one of them.")
    if report is not None:
        refuse_inside(report, source)
    _check_targets(report, card)
    others = _read_all(card_with)
    classifier = load_classifier(model, threads)
    manifest = _read(source, options)
    found, body = _judge(classifier, manifest, options)
    if report is not None:
        from mien.app.judged import write_folder

        judged = split_of(manifest, options["split"]).select(found.task.rows)
        notice(f"Report: {write_folder(found, body, judged, classifier, report, pictures=pictures)}")
    if card is not None:
        from mien.evaluate.card import write_card

        write_card(card, [body, *others])
        notice(f"Model card: {card}")
    if as_json:
        click.echo(json.dumps(body, ensure_ascii=False, indent=1, allow_nan=False))
    elif as_text:
        from mien.evaluate.text_report import classification_report

        click.echo(classification_report(body["figures"]), nl=False)
    elif report is None and card is None:
        _show(body)


def _check_targets(report: Path | None, card: Path | None) -> None:
    """Fail before the work, not after it, where a result cannot be written."""
    from mien.core.errors import MissingExtraError, OutputError
    from mien.core.files import make_folder

    if report is not None:
        if find_spec("matplotlib") is None:
            raise MissingExtraError("A report", "matplotlib", "train")
        make_folder(report)
    if card is not None and not card.parent.is_dir():
        raise OutputError(f"Cannot write {card}: the folder {card.parent} does not exist.")


def _read_all(paths: tuple[Path, ...]) -> list[dict[str, Any]]:
    from mien.evaluate.records import read_evaluation

    return [read_evaluation(path) for path in paths]


def _read(source: Path, options: Mapping[str, Any]) -> Manifest:
    from mien.data import read

    with progress("Reading", None, "pictures") as advance:
        return read(source, labels=options["labels"], subject=options["subject"], advance=advance)


def _judge(
    classifier: OnnxClassifier, manifest: Manifest, options: Mapping[str, Any]
) -> tuple[Evaluation, dict[str, Any]]:
    """The judgement, and all that was asked for as the body of evaluation.json."""
    from mien.evaluate.facts import measure_speed, model_facts
    from mien.evaluate.judge import judge, split_of

    total = len(split_of(manifest, options["split"])) * (2 if options["flip"] else 1)
    with progress("Judging", total, "pictures") as advance:
        found = judge(
            classifier,
            manifest,
            split=options["split"],
            protocol=options["protocol"],
            model=model_facts(classifier),
            flip=options["flip"],
            bootstrap=options["bootstrap"],
            seed=options["seed"],
            advance=advance,
        )
    body = found.to_dict()
    if options["corruptions"]:
        body["corruptions"] = _corruptions(classifier, manifest, found, options)
    if options["conditions"]:
        body["conditions"] = _conditions(manifest, found, options)
    if options["speed"]:
        body["speed"] = measure_speed(classifier)
    return found, body


def _conditions(manifest: Manifest, found: Evaluation, options: Mapping[str, Any]) -> list[dict[str, Any]]:
    from mien.evaluate.conditions import judge_conditions
    from mien.evaluate.judge import split_of

    judged = split_of(manifest, options["split"]).select(found.task.rows)
    return judge_conditions(found, judged, bootstrap=options["bootstrap"], seed=options["seed"])


def _corruptions(
    classifier: OnnxClassifier, manifest: Manifest, found: Evaluation, options: Mapping[str, Any]
) -> dict[str, Any]:
    from mien.evaluate.corruption import CORRUPTIONS, STRENGTHS, judge_corruptions
    from mien.evaluate.judge import split_of

    judged = split_of(manifest, options["split"]).select(found.task.rows)
    with progress("Corrupting", len(judged) * len(CORRUPTIONS) * len(STRENGTHS), "pictures") as advance:
        return judge_corruptions(classifier, judged, found.task, seed=options["seed"], advance=advance)


def _show(body: Mapping[str, Any]) -> None:
    """The figures as tables for a person: first the protocol, then the figures."""
    from mien.evaluate.records import protocol_rows

    out = console()
    for name, text in protocol_rows(body):
        click.echo(f"{name:<22}{text}")
    click.echo()
    columns = [("all", body["figures"])]
    if body["unseen"] is not None and body["unseen"]["figures"] is not None:
        columns.append(("not in training", body["unseen"]["figures"]))
    if body["flip"] is not None:
        columns.append(("with mirror image", body["flip"]))
    out.print(_figure_table(columns))
    out.print()
    out.print(_class_table(body["figures"]))
    if body["groups"]:
        out.print()
        out.print(_group_table(body["groups"]))
    for line in _remarks(body):
        out.print(line)


def _table(*headers: str, left: tuple[int, ...] = (0,)) -> Any:
    from rich.table import Table

    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for i, header in enumerate(headers):
        table.add_column(header, justify="left" if i in left else "right")
    return table


def _figure_table(columns: list[tuple[str, Mapping[str, Any]]]) -> Any:
    from mien.evaluate.records import decimal, percent, span

    table = _table("", *(name for name, _ in columns))
    table.add_row("pictures", *(f"{f['n']:,}" for _, f in columns))
    for name, key in (("accuracy", "accuracy"), ("macro-F1", "macro_f1"), ("balanced accuracy", "balanced_accuracy")):
        table.add_row(name, *(percent(f[key]) for _, f in columns))
        if columns[0][1][f"{key}_interval"]:
            table.add_row("  95 % interval", *(span(f[f"{key}_interval"]) for _, f in columns), style="dim")
    table.add_row("label among best two", *(percent(f["top2_accuracy"]) for _, f in columns))
    table.add_row("mean confidence", *(percent(f["mean_confidence"]) for _, f in columns))
    for name, key in (("ECE, equal width", "ece"), ("ECE, equal count", "adaptive_ece"), ("log-loss", "log_loss"),
                      ("Brier score", "brier"), ("KL to votes", "kl_votes")):  # fmt: skip
        if columns[0][1][key] is not None:
            table.add_row(name, *(decimal(f[key]) for _, f in columns))
    return table


def _group_table(groups: list[Mapping[str, Any]]) -> Any:
    from mien.evaluate.records import percent, span

    table = _table("group", "pictures", "accuracy", "95 % interval", "balanced accuracy")
    for g in groups:
        f = g["figures"]
        table.add_row(g["group"], f"{f['n']:,}", percent(f["accuracy"]), span(f["accuracy_interval"]),
                      percent(f["balanced_accuracy"]))  # fmt: skip
    return table


def _class_table(figures: Mapping[str, Any]) -> Any:
    from mien.evaluate.records import percent

    headers = ("class", "precision", "recall", "F1", "pictures", "recall", "most often predicted as")
    table = _table(*headers, left=(0, 5, 6))
    for i, c in enumerate(figures["classes"]):
        wrong = {figures["names"][j]: count for j, count in enumerate(figures["confusion"][i]) if j != i and count}
        most = max(wrong, key=wrong.__getitem__, default="")
        share = f"{most} {percent(wrong[most] / c['support'], 0)}" if most else ""
        table.add_row(c["name"], percent(c["precision"]), percent(c["recall"]), percent(c["f1"]),
                      f"{c['support']:,}", "█" * round(c["recall"] * 12), share)  # fmt: skip
    return table


def _remarks(body: Mapping[str, Any]) -> list[str]:
    from mien.evaluate.records import percent, uncertain_text

    lines = ["", uncertain_text(body["coverage"]["uncertain"])]
    if body["unseen"] is not None:
        lines.append(f"{body['unseen']['removed']:,} of the pictures also occur in the training split.")
    if "corruptions" in body:
        found = body["corruptions"]
        lines.append(
            f"Corrupted pictures: mean accuracy {percent(found['mean_accuracy'])}; by strength 1 to 5, per cent:"
        )
        lines += [
            f"  {name:15} " + "  ".join(f"{v * 100:5.1f}" for v in row["accuracy"])
            for name, row in found["table"].items()
        ]
    if "speed" in body:
        lines.append(f"One face {body['speed']['one_ms']:.3f} ms; in a batch {body['speed']['batch_ms']:.3f} ms each.")
    return lines
