"""A whole job: plan, parts, end; and how it goes on after a kill.

Files appear in this order: the plan, the manifest, the parts, and the manifest again.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import AbstractContextManager, closing, nullcontext, suppress
from dataclasses import dataclass, field, replace
from os import PathLike, fspath
from typing import Any, Literal

from mien.batch.local import run_local
from mien.batch.manifest import NAME, Manifest, check_same, read_manifest, write_manifest
from mien.batch.parts import Done, done_parts, remove_leavings
from mien.batch.places import LOCK, Folder, absolute, open_folder, stamp
from mien.batch.plan import Chunk, from_line, passed_in, plan, to_line
from mien.batch.rows import faces_schema, inputs_schema
from mien.batch.settings import Settings
from mien.core.errors import InputError, MienError, MissingExtraError, OptionError, OutputError, unknown_name
from mien.core.text import is_whole
from mien.pictures.listing import Passed

__all__ = ["Engine", "Outcome", "run_batch"]

PLAN = "plan.jsonl"
Engine = Literal["local", "ray"]
Progress = Callable[[int], AbstractContextManager[Callable[[int], None]]]


@dataclass(frozen=True)
class Outcome:
    """What a finished job holds.

    `earlier` of the inputs were done before this call (with `resume`); `passed` counts files that are no inputs.
    """

    out: str
    inputs: int
    faces: int
    errors: int
    frames: int
    earlier: int
    passed: Passed = field(default_factory=Passed)


def run_batch(
    source: str | PathLike[str],
    out: str | PathLike[str],
    settings: Settings | None = None,
    *,
    engine: Engine = "local",
    workers: int | None = None,
    resume: bool = False,
    progress: Progress | None = None,
) -> Outcome:
    """Read every picture and video of a source and write the results as Parquet.

    The processes of the engine "local" import the calling script, so it calls this below `if __name__ == "__main__":`
    (or with 0 workers), as Python's `multiprocessing` asks for.

    Args:
        source: picture, video, folder, tar or zip archive, Parquet table, or CSV file with pixels; path or address.
        out: the result folder; path or address.
        settings: how to read; the defaults are those of `mien analyze`.
        engine: "local" (processes of this machine) or "ray".
        workers: processes or actors; None for one per processor, 0 to work in this process.
        resume: go on with the job in `out`, or begin it when there is none.
        progress: called with the number of inputs that are left; gives a context with a function that advances it.

    Raises:
        InputError: there is nothing to read, or source or out is no path.
        OptionError: an impossible value, an unknown engine, or `resume` with another source or other settings.
        OutputError: `out` holds something else already, or cannot be written.
        ModelError, StoreError, MissingExtraError: something that the job needs is missing.

    """
    _need_pyarrow()
    settings = (settings or Settings()).anchored()
    if engine not in ("local", "ray"):
        raise OptionError(unknown_name("engine", str(engine), ("local", "ray")))
    if workers is not None and not is_whole(workers, 1 if engine == "ray" else 0):
        raise OptionError(f"The number of workers must be at least 1 (or 0: no other process), got {workers!r}.")
    where, folder = _path(source), open_folder(_path(out))
    with folder.claimed():
        return _run(where, folder, settings, engine, workers, resume, progress or _no_progress)


def _run(
    where: str,
    folder: Folder,
    settings: Settings,
    engine: Engine,
    workers: int | None,
    resume: bool,
    progress: Progress,
) -> Outcome:
    found = read_manifest(folder)
    manifest = _open(folder, found, where, settings, resume)
    done = done_parts(folder, manifest.job) if found is not None else {}
    counted = list(done.values())
    earlier = sum(one.inputs for one in counted)
    if len(done) < manifest.parts:
        left = _left(folder, manifest, done)
        work = _engine(engine)(left, settings, folder.text, manifest.job, workers, manifest.parts - len(done))
        try:
            with closing(work), progress(manifest.inputs - earlier) as advance:
                for one in work:
                    counted.append(one)
                    advance(one.inputs)
        except MienError:
            if found is None:
                _withdraw_unbegun(folder)
            raise
        finally:
            with suppress(OutputError):
                remove_leavings(folder)
    finished = _finish(folder, manifest, counted)
    return Outcome(
        folder.text,
        manifest.inputs,
        finished.faces or 0,
        finished.errors or 0,
        finished.frames or 0,
        earlier,
        Passed.of(finished.passed),
    )


def _need_pyarrow() -> None:
    try:
        import pyarrow  # noqa: F401
    except ImportError as error:
        raise MissingExtraError("`mien batch`", "pyarrow", "data") from error


def _path(place: object) -> str:
    if isinstance(place, str | PathLike):
        return str(fspath(place))
    raise InputError(f"Expected a path or an address, got {type(place).__name__}; run one job for each source.")


def _no_progress(_left: int) -> AbstractContextManager[Callable[[int], None]]:
    return nullcontext(lambda _done: None)


def _engine(name: Engine) -> Callable[..., Generator[Done, None, None]]:
    if name == "ray":
        from mien.batch.on_ray import run_ray

        return run_ray
    return run_local


def _open(folder: Folder, found: Manifest | None, source: str, settings: Settings, resume: bool) -> Manifest:
    """The manifest of the job in a folder that is empty, or that holds the same job already."""
    if found is None:
        _check_empty(folder)
        return _begin(folder, source, settings)
    if not resume:
        raise OutputError(f"{folder.text} holds a job already; go on with --resume, or name another folder.")
    check_same(found, _asked(source, settings), folder.text)
    remove_leavings(folder)
    _check_unchanged(_planned(folder, found.plan))
    return found


def _check_empty(folder: Folder) -> None:
    """Nothing but the plan of a job that was killed before it began."""
    remove_leavings(folder)
    strange = [name for name in folder.names() if name not in {PLAN, LOCK}]
    if strange:
        raise OutputError(f"{folder.text} is not empty (it holds {strange[0]}); name a new folder.")


def _begin(folder: Folder, source: str, settings: Settings) -> Manifest:
    """Plan the job; nothing is written when there is nothing to read."""
    asked = _asked(source, settings)  # opens the models, so it fails before anything is written
    chunks = plan(source, settings.chunk, settings.column, settings.keep_columns)
    first = next(chunks)  # raises when there is none
    digest, inputs, parts, passed = hashlib.sha256(), 0, 0, Passed()
    with folder.create(PLAN) as file:
        for chunk in itertools.chain((first,), chunks):
            line = to_line(chunk).encode("ascii")
            file.write(line)
            digest.update(line)
            inputs, parts = inputs + chunk.count, parts + 1
            for name, times in passed_in(chunk):
                passed.note(name, times)
    manifest = replace(asked, plan=digest.hexdigest(), inputs=inputs, parts=parts, passed=dict(passed))
    write_manifest(folder, manifest)
    return manifest


def _withdraw_unbegun(folder: Folder) -> None:
    """A job that ended before its first part does not stand in the way of the next try."""
    if set(folder.names()) <= {NAME, PLAN, LOCK}:
        for name in (NAME, PLAN):
            folder.remove(name)


def _asked(source: str, settings: Settings) -> Manifest:
    """The manifest as far as it is known before the source is listed."""
    import mien
    from mien.infer.detect import detector_sha256
    from mien.infer.plug import model_file

    analyzer = settings.analyzer(settings.max_faces)
    classifier = model_file(analyzer.classifier)
    info = classifier.info
    faces_schema(info.labels, {}, settings.keep_columns)  # these raise for a name that is taken
    inputs_schema({}, settings.keep_columns)
    return Manifest(
        source=absolute(source),
        mien=mien.__version__,
        model={"name": info.name, "sha256": classifier.sha256},
        detector={"name": analyzer.detector.name, "sha256": detector_sha256(str(settings.detector))},
        labels=info.labels,
        settings=settings.to_dict(),
        plan="",
        inputs=0,
        parts=0,
    )


def _planned(folder: Folder, wanted: str) -> Iterator[Chunk]:
    """The plan as it stands in the result folder; `wanted` is its SHA-256.

    Raises:
        OutputError: it is not there, or is not the plan that was written (known at its end).

    """
    digest, damaged = hashlib.sha256(), f"{folder.text}/{PLAN} is missing or damaged; begin again in another folder."
    try:
        with folder.open(PLAN) as file:
            for line in _lines(file):
                digest.update(line + b"\n")
                yield from_line(line.decode("ascii"))
    except (FileNotFoundError, ValueError, TypeError) as error:
        raise OutputError(damaged) from error
    if digest.hexdigest() != wanted:
        raise OutputError(damaged)


def _lines(file: Any) -> Iterator[bytes]:
    """Lines of a binary file, one at a time; pyarrow's files cannot be iterated everywhere."""
    rest = b""
    while block := file.read(2**20):
        *whole, rest = (rest + block).split(b"\n")
        yield from whole


def _left(folder: Folder, manifest: Manifest, done: dict[int, Done]) -> Iterator[Chunk]:
    return (chunk for chunk in _planned(folder, manifest.plan) if chunk.part not in done)


def _check_unchanged(chunks: Iterable[Chunk]) -> None:
    """Containers must be as they were: the plan says where in them the inputs lie.

    Raises:
        InputError: one has changed.

    """
    checked: str = ""
    for chunk in chunks:
        if chunk.stamp is None or chunk.base == checked:
            continue
        checked = chunk.base
        try:
            same = stamp(chunk.base) == chunk.stamp
        except OSError:
            same = False
        if not same:
            raise InputError(f"{chunk.shown} has changed since the job was started; begin again in another folder.")


def _finish(folder: Folder, manifest: Manifest, counted: list[Done]) -> Manifest:
    finished = replace(
        manifest,
        state="finished",
        faces=sum(one.faces for one in counted),
        errors=sum(one.errors for one in counted),
        frames=sum(one.frames for one in counted),
    )
    if len({one.part for one in counted}) != manifest.parts:
        made = f"only {len(counted)} of {manifest.parts} parts were made"
        raise OutputError(f"{folder.text}: {made}; go on with --resume.")
    if manifest.state != "finished":
        write_manifest(folder, finished)
    return finished
