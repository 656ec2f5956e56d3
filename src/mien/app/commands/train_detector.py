"""`mien train-detector`: photographs with face boxes in, a detector's model file out."""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from mien.core.contract import NOT_STATED
from mien.core.errors import OptionError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mien.data.faces import FacePicture
    from mien.learn.detector.net import DetectorNet, Widths
    from mien.learn.detector.second.export import SecondFile

__all__ = ["command"]

_FILE, _SMALL_FILE, _DRAFT, _RECORD = "model.onnx", "model-int8.onnx", "draft.onnx", "training.json"
_SETTINGS = ("minutes", "lr", "batch", "size", "large", "mosaic", "fine", "deep", "broad", "seed", "threads", "workers")
_path = click.Path(path_type=Path)


@dataclass(frozen=True)
class _Run:
    """What a run learns from, where it lies, and what its model files will say of it.

    Args:
        out: its folder.
        pictures: what it learns from.
        judged: what chooses threshold and calibration.
        start: the file it began with.
        teachers: networks that have a say in what a second look learns.
        mixed: network that has a share of the second look's weights, and the share.
        record: for the files' metadata.

    """

    out: Path
    pictures: Sequence[FacePicture]
    judged: Sequence[FacePicture]
    start: Path | None
    teachers: Sequence[SecondFile]
    mixed: tuple[SecondFile, float] | None
    record: dict[str, Any]


@click.command()
@click.argument("sources", nargs=-1, required=True, type=_path, metavar="SOURCE...")
@click.option(
    "--out", type=_path, required=True, metavar="RUN", help="Folder of the run; a run that lies there goes on."
)
@click.option(
    "--validation", type=_path, multiple=True, metavar="SOURCE", help="Photographs for the threshold; may be repeated."
)
@click.option("--int8", is_flag=True, help="Write an 8-bit copy as well.")
@click.option(
    "--start", type=_path, metavar="FILE", help="Begin with the weights of a run's last.pt or of a .onnx file."
)
@click.option(
    "--keep-start",
    type=click.FloatRange(0, 1),
    default=0.0,
    metavar="SHARE",
    help="Share of the weights of --start in the model file's, 0.5 for half.",
)
@click.option(
    "--minutes",
    type=click.FloatRange(0),
    help="Wall time of all parts; 0 leaves the network of --start as it is.  [default: 90]",
)
@click.option(
    "--second-look",
    "second_minutes",
    type=click.FloatRange(0),
    default=15.0,
    show_default=True,
    metavar="MINUTES",
    help="Wall time for a network that looks again at faces that are not sure; it goes on from the one in --start, "
    "and 0 leaves that as it is. Needs --validation.",
)
@click.option(
    "--second-teacher",
    "teachers",
    type=_path,
    multiple=True,
    metavar="FILE",
    help="Detector's file whose network for second looks has a say in what is a face; may be repeated.",
)
@click.option(
    "--mix-second",
    "mix",
    type=(_path, click.FloatRange(0, 1)),
    metavar="FILE SHARE",
    help="Detector's file whose network for second looks has this share of the weights in the model file's.",
)
@click.option("--lr", type=float, help="Learning rate at its highest.  [default: 0.002]")
@click.option("--batch", type=click.IntRange(1), help="Pictures per step.  [default: 16]")
@click.option("--size", type=int, help="Side of the training pictures, a multiple of 32 px.  [default: 320]")
@click.option("--large", type=click.FloatRange(0, 1), help="Share of steps at twice the side.  [default: 0.1]")
@click.option("--mosaic", type=click.FloatRange(0, 1), help="Share of pictures made of four.  [default: 0.6]")
@click.option("--fine", type=click.IntRange(0), help="Channels in a further block at stride 8.  [default: 0]")
@click.option("--deep", type=click.IntRange(0), help="Channels in a further block at stride 16.  [default: 0]")
@click.option("--broad", type=click.IntRange(0), help="The same at stride 32.  [default: 0]")
@click.option("--seed", type=int, help="Seed of everything random.  [default: 1]")
@click.option("--threads", type=click.IntRange(1), help="Processor threads.  [default: 1]")
@click.option("--workers", type=click.IntRange(0), help="Processes that make training pictures.  [default: 1]")
@click.option("--license", "licence", default=NOT_STATED, show_default=True, help="SPDX name of the weights' licence.")
def command(
    sources: tuple[Path, ...],
    out: Path,
    validation: tuple[Path, ...],
    int8: bool,
    start: Path | None,
    keep_start: float,
    licence: str,
    second_minutes: float,
    teachers: tuple[Path, ...],
    mix: tuple[Path, float] | None,
    **options: Any,
) -> None:
    """Train a face detector on photographs with boxes, for so many minutes.

    SOURCE is a Parquet file (columns image, boxes, landmarks, ignore), a WIDER FACE list or folder, or a folder of
    Pascal VOC files. Stopped, the run goes on when the same line is given again. With --validation the finished run
    becomes RUN/model.onnx: its scores calibrated, a network for second looks taught on its mistakes, its threshold the
    lowest with at most one false face in 40 pictures without one.
    """
    from mien.data.faces import read_faces
    from mien.learn.detector.config import DetectorConfig
    from mien.learn.detector.train import Trainer
    from mien.learn.runfolder import write_json

    if keep_start and start is None:
        raise OptionError("--keep-start needs --start, whose weights it keeps.")
    if options["minutes"] == 0 and start is None:
        raise OptionError("--minutes 0 needs --start, whose network it leaves as it is.")
    if int8 and not validation:
        raise OptionError("--int8 needs --validation, which chooses its threshold.")
    for name, given in (("--second-teacher", teachers), ("--mix-second", mix)):
        if given and not (validation and second_minutes):
            raise OptionError(f"{name} needs --validation and minutes of --second-look, of whose network it is.")
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    config = DetectorConfig(**{name: options[name] for name in _SETTINGS if options[name] is not None})
    judged = [picture for source in validation for picture in read_faces(source)]
    pictures = [picture for source in sources for picture in read_faces(source)]
    asked = [_network_of(path, "--second-teacher") for path in teachers]
    trainer = Trainer(pictures, config, out, start)
    mixed = _mixed(mix, trainer.net.widths)
    if not trainer.run():
        _stopped(out)
    record = {**_record(sources, len(pictures), start, config), "kept_start": keep_start}
    record |= {"second_look_minutes": second_minutes if validation else 0.0, **_taught(teachers, mix)}
    write_json(out / _RECORD, record)
    net = trainer.result(keep_start)
    run = _Run(out, pictures, judged, start, asked, mixed, record)
    if validation and not _release(run, net, int8, licence):
        _stopped(out)


def _stopped(out: Path) -> NoReturn:
    click.echo(f"{out}: stopped; the same command goes on.")
    raise SystemExit(130)


def _record(sources: Sequence[Path], pictures: int, start: Path | None, config: Any) -> dict[str, Any]:
    """What the run learned from, as the model file says it."""
    from mien.learn.detector.release import data_hash

    names = ", ".join(source.name for source in sources)
    begun = {"started_from_sha256": data_hash([start])} if start else {}
    return {"data": names, "data_sha256": data_hash(sources), "pictures": pictures, **begun, **asdict(config)}


def _taught(teachers: Sequence[Path], mix: tuple[Path, float] | None) -> dict[str, Any]:
    """Who had a say in the second look, as the model file says it."""
    from mien.learn.detector.release import data_hash

    asked = {"second_look_teachers_sha256": data_hash(teachers)} if teachers else {}
    return asked | ({"second_look_mixed_sha256": data_hash([mix[0]]), "second_look_mixed": mix[1]} if mix else {})


def _mixed(mix: tuple[Path, float] | None, widths: Widths) -> tuple[SecondFile, float] | None:
    """The network to mix in, which is one of these widths; refused before anything is trained."""
    from mien.learn.detector.second.recover import filled_second

    if mix is None:
        return None
    file = _network_of(mix[0], "--mix-second")
    filled_second(file, widths)
    return file, mix[1]


def _network_of(path: Path, option: str) -> SecondFile:
    """The network inside a file that an option names, which takes the run's squares; refused before training."""
    from mien.learn.detector.second.config import SecondConfig
    from mien.learn.detector.second.export import second_file
    from mien.learn.detector.second.teachers import refuse_strangers

    file = second_file(path)
    if file is None:
        raise OptionError(f"{path} has no network for second looks; choose another file for {option}.")
    refuse_strangers([file], SecondConfig())
    return file


def _release(run: _Run, net: DetectorNet, int8: bool, licence: str) -> bool:
    """Write the model files; False where a signal stopped the second look's training."""
    from mien.learn.detector.release import draft, release, release_int8, some
    from mien.learn.detector.second.export import second_file

    net = draft(net, run.judged, run.out / _DRAFT, run.record, licence)
    second = second_file(run.start) if run.start is not None and run.start.suffix == ".onnx" else None
    if run.record["second_look_minutes"]:
        second = _second_look(run, net, second)
        if second is None:
            return False
    info = release(run.out / _DRAFT, run.judged, run.out / _FILE, second)
    _tell(run.out / _FILE, info.metrics, info.score)
    if int8:
        small = release_int8(run.out / _FILE, some(run.pictures), run.judged, run.out / _SMALL_FILE)
        _tell(run.out / _SMALL_FILE, small.metrics, small.score)
    return True


def _second_look(run: _Run, net: DetectorNet, start: SecondFile | None) -> SecondFile | None:
    """The network that looks again, taught on what the draft takes for faces; None where a signal stopped it."""
    from mien.learn.detector.second.config import SecondConfig
    from mien.learn.detector.second.export import network_file
    from mien.learn.detector.second.mix import mixed_second
    from mien.learn.detector.second.train import train_second

    settings = {name: run.record[name] for name in ("seed", "threads", "workers")}
    config = SecondConfig(run.record["second_look_minutes"], **settings)
    taught = train_second(run.pictures, run.out / _DRAFT, net, config, run.out, start, run.teachers)
    if taught is None:
        return None
    file = network_file(taught, config.margin)
    return mixed_second(file, *run.mixed) if run.mixed else file


def _tell(path: Path, figures: Any, threshold: float) -> None:
    click.echo(
        f"{path}: average precision {figures['ap']:.3f} ({figures['enlarged']['ap']:.3f} enlarged), recall from 20 px "
        f"{figures['recall_20']:.3f}, faces from a score of {threshold:.3f}"
    )
