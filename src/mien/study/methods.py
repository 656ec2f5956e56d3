"""The paragraph about a study that a methods section needs, to copy; every figure in it comes from the study."""

from __future__ import annotations

from collections.abc import Sequence

from mien.core.text import counted
from mien.infer.stream import StreamOptions
from mien.media.quality import FLAGS
from mien.study.agree import Agreement
from mien.study.group import seen_of
from mien.study.read import Record
from mien.study.table import Figures, Plan

__all__ = ["methods"]


def methods(figures: Figures, records: Sequence[Record], plan: Plan, agreed: Agreement | None) -> str:
    """Plain text, one paragraph."""
    parts = [_reading(figures, records), _following(plan), _counted(figures, plan), _measures(plan)]
    if agreed is not None:
        parts.append(_agreement(agreed))
    parts.append("Expressions describe how faces look; they are not measures of what people feel.")
    return " ".join(parts)


def _reading(figures: Figures, records: Sequence[Record]) -> str:
    read = [record for record in records if record.error is None]
    facts = next((record.facts for record in read if record.facts), {})
    people = len({person.source.participant for person in figures.people})
    frames = sum(record.frames for record in read)
    every = f", one frame per {facts['every_s']} s" if facts.get("every_s") else ""
    unread = len(records) - len(read)
    failed = f" {counted(unread, 'further video')} could not be read." if unread else ""
    sha = f", SHA-256 {facts['model_sha256'][:16]}" if facts.get("model_sha256") else ""
    return (
        f"Facial expressions were read from {counted(len(read), 'video')} of {counted(people, 'participant')} "
        f"({counted(frames, 'frame')}{every}) with mien {facts.get('mien', '')} (model {facts.get('model', '')}{sha}; "
        f"labels: {facts.get('labels', '')}; face detector {facts.get('detector', '')}, "
        f"{facts.get('detector_every', '')}).{failed}"
    )


def _following(plan: Plan) -> str:
    options = StreamOptions()
    if plan.merged:
        who = "which of the followed faces is whom was told by hand"
    elif plan.each:
        who = "every followed face was taken as a person"
    else:
        who = "the largest face of a frame was taken as the participant's"
    return (
        f"Faces were followed over time, and {who}. The label of a face follows from its probabilities after "
        f"exponential smoothing (time constant {options.time_constant_s:g} s); it gives way when another label has led "
        f"by {options.margin:g} for {options.hold_s:g} s."
    )


def _counted(figures: Figures, plan: Plan) -> str:
    seen = seen_of(figures)
    frames, face = sum(s.frames for s in seen), sum(s.face for s in seen)
    excluded, uncertain = sum(s.excluded for s in seen), sum(s.uncertain for s in seen)
    text = f"No face of the person was found in {_per_cent(frames - face, frames)} of the frames."
    if plan.exclude:
        rules = "; ".join(f"{name}: {flag.rule}" for name, flag in FLAGS.items() if name in plan.exclude)
        text += f" {_per_cent(excluded, face)} of the frames with a face were excluded for their quality ({rules})."
    else:
        text += " No frame was excluded for its quality."
    return text + f" Of the frames that count, {_per_cent(uncertain, face - excluded)} had an uncertain reading."


def _measures(plan: Plan) -> str:
    per = "epoch" if plan.epochs is not None else "video"
    if plan.window_s is not None:
        per = f"window of {plan.window_s:g} s" + (" within an epoch" if plan.epochs is not None else "")
    text = (
        f"Per {per}, means, standard deviations and medians of the probabilities are over frames, shares, spells and "
        "changes of the label over the time with a face that counts."
    )
    if plan.baseline is not None:
        text += f" Means are also given as differences from the participant's mean in the epoch '{plan.baseline}'."
    return text


def _agreement(agreed: Agreement) -> str:
    kappa = "undefined" if agreed.kappa is None else f"{agreed.kappa:.2f}"
    text = (
        f"Labels agreed with the human coder's in {_per_cent(round(agreed.agreed * agreed.frames), agreed.frames)} of "
        f"{counted(agreed.frames, 'frame')} (Cohen's kappa {kappa})"
    )
    if agreed.best_lag_s and agreed.best_kappa is not None:
        way = "later" if agreed.best_lag_s > 0 else "earlier"
        text += f"; kappa is highest, {agreed.best_kappa:.2f}, when mien is taken as {abs(agreed.best_lag_s):g} s {way}"
    return text + "."


def _per_cent(part: int, whole: int) -> str:
    return f"{part / whole:.1%}".replace("%", " %") if whole else "0 %"
