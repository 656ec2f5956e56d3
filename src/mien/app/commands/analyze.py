"""`mien analyze`: expressions of the faces in photographs."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from mien.app.ending import STOPPED
from mien.app.inputs import ANNOTATED, Inputs
from mien.app.options import analyzer_options, make_analyzer
from mien.app.records import BINARY, FORMATS, RecordWriter, format_of, open_writer, totals
from mien.app.terminal import notice, progress
from mien.core.errors import OptionError
from mien.core.files import atomic_write, is_file, make_folder
from mien.core.text import counted
from mien.core.types import Analysis, Image

if TYPE_CHECKING:
    from mien.infer.analyzer import Analyzer
    from mien.infer.options import AnalyzerOptions

_BAR_FROM = 8  # pictures: fewer are done before a bar could be read


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option(
    "--format",
    "kind",
    type=click.Choice(FORMATS),
    help="Output format.  [default: what the output's suffix says, else table]",
)
@click.option(
    "--output", "-o", type=click.Path(path_type=Path), help="Write the result to this file ('-': standard output)."
)
@click.option(
    "--annotate",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Write each picture with boxes, labels and bars into this folder.",
)
@click.option("--bom", is_flag=True, help="Begin CSV and TSV with a byte order mark, for Excel.")
@click.option("--top", type=click.IntRange(1), default=3, show_default=True, help="Expressions per face in the table.")
@analyzer_options()
def command(
    paths: tuple[str, ...],
    kind: str | None,
    output: Path | None,
    annotate: Path | None,
    bom: bool,
    top: int,
    analysis: AnalyzerOptions,
) -> None:
    """Read the expressions of all faces in photographs.

    PATH is a picture, a folder (with its subfolders) or a quoted pattern such as 'party/*.jpg'.

    A picture that cannot be read becomes a record with an error and does not stop the others; the exit status is
    then 1. Stopped by Ctrl-C, it keeps what has been read.
    """
    inputs = Inputs(paths, annotate)
    found = inputs.found
    output = _checked(output, found)
    kind = _checked_kind(kind, output, bom)
    analyzer = make_analyzer(analysis)
    if annotate is not None:
        make_folder(annotate)
    counts = _Counts()
    single = found == [(paths[0], None)]  # one picture by its name, not what a folder or a pattern happens to hold
    with _opened(output, kind) as file:
        writer = open_writer(kind, file, analyzer.labels, top=top, single=single, bom=bom)
        try:
            _run(analyzer, inputs, writer, annotate, counts)
        except KeyboardInterrupt:
            if not counts.pictures:  # nothing to keep
                raise
            counts.missed = len(found) - counts.pictures
        writer.close()
    _close(counts, inputs, output, annotate)


def _checked_kind(kind: str | None, output: Path | None, bom: bool) -> str:
    kind = kind or ("table" if output is None else format_of(output))
    if kind in BINARY and output is None:
        raise OptionError(f"--format {kind} is no text; name a file with --output.")
    if bom and kind not in {"csv", "tsv"}:
        raise OptionError(f"--bom goes with CSV and TSV, not with the format {kind}.")
    return kind


def _checked(output: Path | None, found: Sequence[tuple[str, str | None]]) -> Path | None:
    """Where to write, None for standard output; a picture that is read is not written over."""
    if output is None or str(output) == "-":
        return None
    if is_file(output) and any(problem is None and is_file(Path(p)) and output.samefile(p) for p, problem in found):
        raise OptionError(f"{output} is one of the pictures; give the result another name.")
    return output


@dataclass
class _Counts:
    pictures: int = 0
    faces: int = 0
    errors: int = 0
    missed: int = 0
    """Pictures that a person did not wait for."""

    def add(self, analysis: Analysis) -> None:
        self.pictures += 1
        self.faces += len(analysis.faces)
        self.errors += analysis.error is not None

    def __str__(self) -> str:
        return totals(self.pictures, self.faces, self.errors)


def _run(
    analyzer: Analyzer,
    inputs: Inputs,
    writer: RecordWriter,
    annotate: Path | None,
    counts: _Counts,
) -> None:
    found = inputs.found
    pictures = [path for path, problem in found if problem is None]
    results = analyzer.reports_with_images(pictures)
    names = _Names()
    total = len(found) if len(found) >= _BAR_FROM else 0
    with progress("Reading", total, "pictures") if total else contextlib.nullcontext(lambda _n: None) as advance:
        for path, problem in found:
            image, analysis = (
                (None, Analysis(path, None, None, None, None, error=problem)) if problem else next(results)
            )
            writer.write(analysis)
            counts.add(analysis)
            if analysis.error is None:
                inputs.look(path)
            if annotate is not None and image is not None:
                _annotate(annotate / names.fresh(path), image, analysis)
            advance(1)


class _Names:
    """File names for annotated pictures; two pictures of one name get two files."""

    def __init__(self) -> None:
        self._used: set[str] = set()

    def fresh(self, source: str) -> str:
        stem, number = Path(source).stem, 1
        name = f"{stem}{ANNOTATED}"
        while name.lower() in self._used:
            number += 1
            name = f"{stem}-{number}{ANNOTATED}"
        self._used.add(name.lower())
        return name


def _annotate(path: Path, image: Image, analysis: Analysis) -> None:
    from mien.media.overlay import annotated
    from mien.pictures.write import write_picture

    write_picture(path, annotated(image, analysis.faces))


@contextlib.contextmanager
def _opened(output: Path | None, kind: str) -> Iterator[IO[Any]]:
    if output is None:
        yield sys.stdout
        return
    binary = kind in BINARY
    with atomic_write(output, "wb") if binary else atomic_write(output, "w", newline="") as file:
        yield file


def _close(counts: _Counts, inputs: Inputs, output: Path | None, annotate: Path | None) -> None:
    sys.stdout.flush()
    if output is not None:
        notice(f"Wrote {output}.")
    if annotate is not None:
        notice(f"Annotated pictures are in {annotate}.")
    notice(f"{counts}{inputs.remarks()}")
    if counts.missed:
        notice(f"Stopped; {counted(counts.missed, 'picture')} not read, those before are kept.")
        raise SystemExit(STOPPED)
    if counts.errors:
        raise SystemExit(1)
