"""The report of a study: what a paper needs, as one page that prints well, and figures as files of their own."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from pathlib import Path

from mien.core.errors import MissingExtraError
from mien.core.files import atomic_write, make_folder
from mien.draw.page import facts, figure_svg, note, page, section, table, tiles, write_page
from mien.evaluate.confusion import class_scores
from mien.study.agree import Agreement
from mien.study.group import Cell, cells_of, seen_of
from mien.study.methods import methods
from mien.study.plots import FIGURES, MOST_PANELS, draw
from mien.study.read import Record
from mien.study.table import Figures, Plan

__all__ = ["write_report"]

_MOST_ROWS = 60

_CAPTIONS = {
    "shares": "Share of time per label: mean over participants with one standard deviation (black and grey marks), and "
    "each participant (small dots).",
    "group": "Probability of each label over time: mean over people and files (line), one standard deviation around it "
    "(band), and each of them (thin lines). Time is that of the files.",
    "participants": "Probability over time of the labels that lead on the whole, per participant: mean of each step "
    "(line) and one standard deviation over its frames (band).",
}


def write_report(
    out: Path,
    figures: Figures,
    records: Sequence[Record],
    plan: Plan,
    agreed: Agreement | None,
    kinds: Sequence[str],
) -> list[Path]:
    """Write `report.html`, and `figures/NAME.KIND` for each kind.

    Args:
        out: the study's folder.
        figures: its tables.
        records: of all videos, also of those that could not be read.
        plan: what the tables are about.
        agreed: agreement with a coder, or None.
        kinds: "svg", "pdf", "png".

    Returns:
        The files.

    Raises:
        MissingExtraError: figures are asked for as files and matplotlib is not installed; the page does without.
        OutputError: something cannot be written.

    """
    files = []
    drawings: dict[str, str] = {}
    try:
        for name in FIGURES:
            made = draw(name, figures, ("svg", *(kind for kind in kinds if kind != "svg")))
            svg = made["svg"].decode("utf-8")
            drawings[name] = svg[svg.index("<svg") :]
            for kind in kinds:
                path = make_folder(out / "figures") / f"{name}.{kind}"
                with atomic_write(path) as file:
                    file.write(made[kind])
                files.append(path)
    except MissingExtraError:
        if kinds:
            raise
    write_page(out / "report.html", _page(figures, records, plan, agreed, drawings))
    return [*files, out / "report.html"]


def _page(
    figures: Figures, records: Sequence[Record], plan: Plan, agreed: Agreement | None, drawings: dict[str, str]
) -> str:
    read = [record for record in records if record.error is None]
    people = len({person.source.participant for person in figures.people})
    parts = [_tiles(figures, read, people), *(note(text) for text in figures.notes)]
    if not drawings:
        parts.append(note('Figures need the package matplotlib: run pip install "mien[study]" and --resume the study.'))
    text = methods(figures, records, plan, agreed)
    parts.append(section("Methods, to copy", f'<p style="text-align:justify">{escape(text)}</p>'))
    parts.append(_group(figures, plan, drawings))
    parts += [
        section(heading, figure_svg(drawings[name], _CAPTIONS[name] + _more(name, figures)))
        for name, heading in (("group", "The group over time"), ("participants", "Each participant over time"))
        if name in drawings
    ]
    if agreed is not None:
        parts.append(_agreement(agreed))
    parts += [_used(figures, plan), _unread(records), _how(read)]
    lead = f"{len(read)} of {len(records)} videos, {people} participants."
    return page("Facial expressions in a study", lead, "".join(parts))


def _tiles(figures: Figures, read: Sequence[Record], people: int) -> str:
    seen = seen_of(figures)
    frames, face = sum(s.frames for s in seen), sum(s.face for s in seen)
    excluded, uncertain = sum(s.excluded for s in seen), sum(s.uncertain for s in seen)
    return tiles(
        [
            ("participants", str(people)),
            ("videos", str(len(read))),
            ("frames", f"{sum(record.frames for record in read):,}"),
            ("of frames show the face", _share(face, frames)),
            ("of faces excluded", _share(excluded, face)),
            ("of readings uncertain", _share(uncertain, face - excluded)),
        ]
    )


def _group(figures: Figures, plan: Plan, drawings: dict[str, str]) -> str:
    shares, means = cells_of(figures, "t"), cells_of(figures, "m")
    differences = cells_of(figures, "d") if plan.baseline is not None else {}
    several = len(shares) > 1
    rows: list[list[object]] = []
    for epoch in shares:
        n = max((len(cell.values) for cell in shares[epoch].values()), default=0)
        first = [epoch, str(n)] if several else [str(n)]
        rows.append(["share of time", *first, *(_spread(shares[epoch][x]) for x in figures.labels)])
        rows.append(["probability", *first, *(_spread(means[epoch][x]) for x in figures.labels)])
        if plan.baseline is not None:
            rows.append(["difference", *first, *(_spread(differences[epoch][x]) for x in figures.labels)])
    head = ["", *(["epoch"] if several else []), "n", *figures.labels]
    caption = "Mean (standard deviation) over participants; n is their number. A participant counts once."
    drawing = [figure_svg(drawings["shares"], _CAPTIONS["shares"])] if "shares" in drawings else []
    return section("The group", *drawing, table(head, rows, caption))


def _spread(cell: Cell) -> str:
    if math.isnan(cell.mean):
        return "–"
    sd = "–" if math.isnan(cell.sd) else _short(cell.sd)
    return f"{_short(cell.mean)} ({sd})"


def _short(value: float) -> str:
    """Two places without a leading zero, as papers write shares."""
    text = f"{value:.2f}".replace("-", "−")
    return text.replace("0.", ".", 1) if abs(value) < 1 and not text.startswith(("1", "−1")) else text


def _more(name: str, figures: Figures) -> str:
    people = len(figures.people)
    return f" The first {MOST_PANELS} of {people}." if name == "participants" and people > MOST_PANELS else ""


def _agreement(agreed: Agreement) -> str:
    precision, recall, f1 = class_scores(agreed.counts)
    support = agreed.counts.sum(axis=1)
    scores = [
        [label, f"{precision[k]:.2f}", f"{recall[k]:.2f}", f"{f1[k]:.2f}", f"{support[k]:,}"]
        for k, label in enumerate(agreed.labels)
        if support[k] or agreed.counts[:, k].sum()
    ]
    counts = [[f"coder: {label}", *agreed.counts[k].tolist()] for k, label in enumerate(agreed.labels) if support[k]]
    kappa = "undefined" if agreed.kappa is None else f"{agreed.kappa:.2f}"
    best = "undefined" if agreed.best_kappa is None else f"{agreed.best_kappa:.2f}"
    rows = [
        ("Frames compared", f"{agreed.frames:,}"),
        ("Same label", f"{agreed.agreed:.1%}".replace("%", " %")),
        ("Cohen's kappa", kappa),
        ("Lag with the highest kappa", f"{agreed.best_lag_s:g} s (kappa {best}); positive: mien is later"),
    ]
    if agreed.others:
        left = ", ".join(f"{word} ({count:,} frames)" for word, count in agreed.others.items())
        rows.append(("Left out, no such label", left))
    return section(
        "Agreement with the annotations",
        facts(rows),
        table(["label", "precision", "recall", "F1", "frames"], scores, "Per label; the coder's labels are the truth"),
        table(["", *(f"mien: {label}" for label in agreed.labels)], counts, "Confusion matrix, in frames"),
        note("Frames that follow each other are alike, so the number of frames overstates how much is known."),
    )


def _used(figures: Figures, plan: Plan) -> str:
    seen = seen_of(figures)
    rows = [
        [
            s.name,
            f"{s.frames:,}",
            _share(s.frames - s.face, s.frames),
            _share(s.excluded, s.face),
            _share(s.uncertain, s.face - s.excluded),
            _share(s.several, s.frames),
        ]
        for s in seen[:_MOST_ROWS]
    ]
    head = ["participant – file", "frames", "no face", "excluded", "uncertain", "several faces"]
    caption = "Shares: of frames, of faces (excluded), of faces that count (uncertain)"
    parts = [table(head, rows, caption)]
    if len(seen) > _MOST_ROWS:
        parts.append(note(f"The first {_MOST_ROWS} of {len(seen)}; the summary table has them all."))
    if plan.exclude:
        why = ", ".join(f"{flag}: {figures.why[flag]:,}" for flag in sorted(plan.exclude))
        parts.append(f"<p>Frames excluded per flag (a face may have several): {escape(why)}.</p>")
    return section("What was used, excluded and missing", *parts)


def _unread(records: Sequence[Record]) -> str:
    rows = [
        (record.file, text) for record in records for text in (*record.notes, *([record.error] if record.error else []))
    ]
    return section("Videos with a note", facts(rows)) if rows else ""


def _how(read: Sequence[Record]) -> str:
    known = next((record.facts for record in read if record.facts), {})
    names = {
        "mien": "mien", "model": "Model", "model_sha256": "Model file, SHA-256", "detector": "Detector",
        "detector_every": "Detection", "every_s": "One frame per (s)", "uncertain_below": "Uncertain below",
        "labels": "Labels",
    }  # fmt: skip
    return section("How it was read", facts([(told, known[name]) for name, told in names.items() if known.get(name)]))


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.1%}".replace("%", " %") if whole else "–"
