"""The report of a video: who showed which expression when, as one HTML page without script or other host.

Works on the summary of a video alone.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path

from mien.core.errors import OutputError
from mien.core.types import Frame, Reading
from mien.draw.charts import Span, areas, clock, lanes, legend, line, shares
from mien.draw.page import facts as fact_table
from mien.draw.page import figure_svg, note, page, section, table, tiles, write_page
from mien.draw.palette import colours_of, hex_of
from mien.media.plausible import RULES, doubtful_text
from mien.media.summary import Person, Summary, VideoSummary

__all__ = ["ReportSink", "video_page"]

_MOST_LANES = 30
_MOST_CURVES = 12
_MOST_ROWS = 60


class ReportSink:
    """A sink that writes the report when it is closed.

    Args:
        path: the page.
        summary: sums the video up; fed and closed by this sink.
        name: what the video is called.
        facts: (name, value) pairs for the foot of the page, such as the model and the detector.
        notes: gives sentences about what was not as it should be; asked when the page is written.

    Raises:
        OutputError: there is no such folder.

    """

    def __init__(
        self,
        path: Path | str,
        summary: Summary,
        name: str,
        facts: Sequence[tuple[str, str]] = (),
        notes: Callable[[], Sequence[str]] = tuple,
    ) -> None:
        self.path = Path(path)
        if not self.path.parent.is_dir() or self.path.is_dir():
            raise OutputError(f"Cannot write {path}: name a file in a folder that exists.")
        self._summary = summary
        self._name = name
        self._facts = facts
        self._notes = notes

    def write(self, frame: Frame, readings: Sequence[Reading]) -> None:
        """Take in one frame."""
        self._summary.write(frame, readings)

    def close(self) -> None:
        """Write the page.

        Raises:
            OutputError: it cannot be written there.

        """
        self._summary.close()
        write_page(self.path, video_page(self._summary.result(), self._name, self._facts, self._notes()))

    def abort(self) -> None:
        """Nothing was written yet."""


def video_page(
    summary: VideoSummary, name: str, facts: Sequence[tuple[str, str]] = (), notes: Sequence[str] = ()
) -> str:
    """Whole HTML document about a video.

    Args:
        summary: what was seen.
        name: what the video is called.
        facts: (name, value) pairs for the foot of the page.
        notes: sentences about what was not as it should be.

    """
    colours = {label: hex_of(colour) for label, colour in colours_of(summary.labels).items()}
    people = summary.people
    parts = [_tiles(summary, len(people)), *(note(text) for text in notes)]
    if not people:
        parts.append(note("No face was found in this video."))
    else:
        span = Span(summary.start_s, summary.end_s, summary.step_s)
        parts += [
            _when(summary, people, colours, span),
            _together(summary, colours, span) if len(people) > 1 else "",
            _share(summary, people, colours),
            _each(summary, people, colours, span),
            _changes(summary),
        ]
    parts.append(_reading_guide(summary.doubtful, facts))
    frames = "1 frame was" if summary.frames == 1 else f"{summary.frames:,} frames were"
    lead = f"{clock(summary.start_s)} to {clock(summary.end_s)}: {frames} read."
    return page(f"Expressions in {name}", lead, "".join(parts))


def _tiles(summary: VideoSummary, people: int) -> str:
    seen = summary.frames_with_faces / summary.frames if summary.frames else 0.0
    seconds = summary.seconds
    shown = sum(seconds.values())
    return tiles(
        [
            ("length", clock(summary.length_s)),
            ("person" if people == 1 else "people", f"{people:,}"),
            ("faces at most at once", str(summary.most_faces)),
            ("of frames show a face", f"{seen:.0%}"),
            ("shown longest", max(seconds, key=seconds.__getitem__) if seconds else "–"),
            ("of the time unsure", f"{summary.unsure_s / shown:.0%}" if shown else "–"),
        ]
    )


def _when(summary: VideoSummary, people: Sequence[Person], colours: dict[str, str], span: Span) -> str:
    shown = people[:_MOST_LANES]
    rows = []
    for person in shown:
        means = person.held.means()
        rows.append((_short(person), {step: summary.labels[int(mean.argmax())] for step, mean in means.items()}))
    more = f" The first {_MOST_LANES} of {len(people)} people." if len(people) > _MOST_LANES else ""
    return section(
        "Who showed what when",
        legend(summary.labels, colours),
        figure_svg(
            lanes(rows, colours, span, "Expression of each person over time"),
            f"The expression that each face held, in steps of {summary.step_s:.2g} s.{more}",
        ),
    )


def _together(summary: VideoSummary, colours: dict[str, str], span: Span) -> str:
    drawing = areas(
        summary.everyone.means(), summary.labels, colours, span, "Probabilities of all faces together over time"
    )
    return section(
        "All faces together",
        figure_svg(drawing, "Mean probabilities over all faces that are seen at the time."),
        figure_svg(line(summary.faces, span, "Number of faces over time"), "How many faces are seen."),
    )


def _share(summary: VideoSummary, people: Sequence[Person], colours: dict[str, str]) -> str:
    shown = sorted(people, key=lambda person: -person.seen_s)[:_MOST_ROWS]
    bars = [(_short(p), {label: p.seconds.get(label, 0.0) for label in summary.labels}) for p in shown[:_MOST_LANES]]
    total = summary.seconds
    if len(summary.people) > 1:
        bars.insert(0, ("all", {label: total.get(label, 0.0) for label in summary.labels}))
    rows: list[list[object]] = [
        [
            f"Person\u00a0{p.track}",
            clock(p.first_s),
            f"{p.seen_s:.1f}",
            *(f"{p.seconds.get(x, 0.0):.1f}" for x in summary.labels),
            f"{p.unsure_s:.1f}",
        ]
        for p in shown
    ]
    if len(summary.people) > 1:
        sums = (sum(total.values()), *(total.get(x, 0.0) for x in summary.labels), summary.unsure_s)
        rows.append(["All\u00a0faces", "", *(f"{seconds:.1f}" for seconds in sums)])
    return section(
        "Share of time",
        figure_svg(shares(bars, colours, "Share of time per expression")),
        table(["", "first seen", "seen (s)", *summary.labels, "unsure\u00a0(?)"], rows, "Seconds per expression"),
    )


def _each(summary: VideoSummary, people: Sequence[Person], colours: dict[str, str], span: Span) -> str:
    shown = sorted(people, key=lambda person: -person.seen_s)[:_MOST_CURVES]
    figures = []
    for person in sorted(shown, key=lambda p: p.track):
        title = f"Probabilities of person {person.track} over time"
        drawing = areas(person.curve.means(), summary.labels, colours, span, title)
        figures.append(_head(person) + figure_svg(drawing))
    more = f"The {_MOST_CURVES} people who were seen longest, of {len(people)}." if len(people) > _MOST_CURVES else ""
    parts = [note(more)] if more else []
    return section("Each person", *parts, legend(summary.labels, colours), *figures)


def _head(person: Person) -> str:
    """Name of a person and what can be said in a line, beside the thumbnail if there is one."""
    changes = sum(person.changes.values())
    rate = changes / max(person.seen_s / 60, 1e-9)
    text = (
        f"seen {clock(person.seen_s)} from {clock(person.first_s)}, mostly {person.main}; "
        f"{changes} {'change' if changes == 1 else 'changes'} of expression ({rate:.0f} per minute)"
    )
    return (
        '<div style="display:flex;gap:.8rem;align-items:center;margin:1.4rem 0 .2rem;break-after:avoid">'
        f'{_thumbnail(person)}<div><h3 style="margin:0">Person {person.track}</h3>'
        f'<span style="color:var(--soft)">{escape(text)}</span></div></div>'
    )


def _thumbnail(person: Person) -> str:
    if person.thumbnail is None:
        return ""
    data = base64.b64encode(person.thumbnail).decode("ascii")
    size = 'width="64" height="64" style="border-radius:.4rem"'
    return f'<img alt="Face of person {person.track}" {size} src="data:image/jpeg;base64,{data}">'


def _changes(summary: VideoSummary) -> str:
    counts = summary.changes
    if not counts:
        return section("Changes of expression", note("No face changed its expression."))
    used = [label for label in summary.labels if any(label in pair for pair in counts)]
    rows = [[f"from {a}", *(counts[a, b] or ("" if a == b else "·") for b in used)] for a in used]
    return section(
        "Changes of expression",
        table(["", *(f"to {b}" for b in used)], rows, "How often one expression gave way to another, over all faces"),
    )


def _reading_guide(doubtful: int, facts: Sequence[tuple[str, str]]) -> str:
    told = [
        "A person here is a face that was followed without a longer break: who leaves and comes back counts again. "
        "Expressions are smoothed over time; one holds until it has clearly trailed another for a moment. "
        "A reading is unsure while its probability is so low that such readings are more often wrong than right; its "
        "seconds count for its expression too."
    ]
    if doubtful:
        told.append(f"{doubtful_text(doubtful)} A person is: {'; '.join(rule.text for rule in RULES.values())}.")
    parts = [f"<p>{escape(text)}</p>" for text in told]
    if facts:
        parts.append(fact_table(facts))
    return section("How to read this", *parts)


def _short(person: Person) -> str:
    return f"person {person.track}"
