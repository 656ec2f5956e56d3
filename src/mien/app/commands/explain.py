"""`mien explain`: a picture of what a model's answer rests on."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mien.app.options import analyzer_options
from mien.app.terminal import notice
from mien.core.errors import InputError, MissingExtraError, OptionError, TrainError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mien.evaluate.panel import Map
    from mien.infer.classify import OnnxClassifier
    from mien.infer.options import AnalyzerOptions

_HALVED = math.log(2)
_METHODS = ("auto", "occlusion", "gradcam")


@click.command()
@click.argument("model")
@click.argument("image", type=click.Path(path_type=Path))
@click.option("--output", "-o", required=True, type=click.Path(path_type=Path, dir_okay=False), help="PNG to write.")
@click.option("--label", metavar="NAME", help="Explain this expression instead of the answer.")
@click.option("--crop", "is_crop", is_flag=True, help="IMAGE is a face crop already.")
@click.option("--face", type=click.IntRange(1), default=1, show_default=True, help="Which face, the surest first.")
@analyzer_options("detector")
@click.option(
    "--method",
    type=click.Choice(_METHODS),
    default="auto",
    show_default=True,
    help="auto draws the occlusion map, and Grad-CAM beside it where MODEL is a training run and torch is there.",
)
def command(
    *,
    model: str,
    image: Path,
    output: Path,
    label: str | None,
    is_crop: bool,
    face: int,
    method: str,
    analysis: AnalyzerOptions,
) -> None:
    """Draw which parts of a face a model's answer rests on.

    MODEL is a shipped name, an .onnx file or the folder of a training run. Covering a red part makes the answer less
    likely, covering a blue one more. A map shows what the model looks at, not why, and not whether it is right.
    """
    from mien.core.files import atomic_write
    from mien.core.labels import LabelSet
    from mien.evaluate.panel import draw_panel
    from mien.infer.classify import load_classifier

    if output.suffix.lower() != ".png":
        raise OptionError(f"The output is a PNG file; name it so instead of {output.name}.")
    classifier = load_classifier(model)
    cut = _crop(image, classifier, "none" if is_crop else str(analysis.detector), face)
    p = classifier.classify(cut[None])[0]
    chosen = int(p.argmax()) if label is None else LabelSet(classifier.labels).index(label)
    maps = _maps(model, classifier, cut, chosen, method)
    name = classifier.labels[chosen]
    title = f"{_short(image.name)}: {name} {p[chosen] * 100:.1f} %, {classifier.info.name}"
    data = draw_panel(cut, maps, classifier.labels, p.tolist(), chosen=chosen, title=title)
    with atomic_write(output) as file:
        file.write(data)
    click.echo(f"{name} {p[chosen] * 100:.1f} %: {output}")


def _crop(path: Path, classifier: OnnxClassifier, detector: str, face: int) -> NDArray[np.uint8]:
    """The chosen face as the model sees it."""
    from mien.infer.crop import crop_faces
    from mien.infer.detect import open_detector
    from mien.pictures.decode import load_image

    picture = load_image(path)
    faces = open_detector(detector).detect(picture)
    if not faces:
        raise InputError(f"No face was found in {path}; give --crop if the picture is a face crop already.")
    if face > len(faces):
        raise OptionError(f"--face {face} was asked for, but {path} shows {len(faces)} face(s).")
    cut: NDArray[np.uint8] = crop_faces(picture, [faces[face - 1]], classifier.crop)[0]
    return cut


def _short(name: str, most: int = 40) -> str:
    return name if len(name) <= most else name[: most - 1] + "…"


def _maps(model: str, classifier: OnnxClassifier, cut: NDArray[np.uint8], chosen: int, method: str) -> list[Map]:
    from mien.evaluate.explain import occlusion_map
    from mien.evaluate.panel import Map

    maps = []
    if method != "gradcam":
        values = occlusion_map(classifier, cut, chosen)
        maps.append(Map("occlusion", values, _HALVED, "speaks against", f"needed: odds fall {_fold(values)}"))
    if method == "gradcam" or (method == "auto" and Path(model).is_dir()):
        values = _gradcam(model, cut, chosen, required=method == "gradcam")
        if values is not None:
            maps.append(Map("Grad-CAM", values, 1.0, "", "looked at"))
    return maps


def _fold(values: NDArray[np.float64]) -> str:
    """What full colour means: how far the odds fall, at least a half."""
    import numpy as np

    factor = math.exp(min(max(float(np.abs(values).max()), _HALVED), 99.0))
    return f"{factor:.3g}-fold" if factor < 1000 else "over 1000-fold"


def _gradcam(model: str, cut: NDArray[np.uint8], chosen: int, *, required: bool) -> Any:
    """Grad-CAM of a run's weights, or None with a notice where it cannot be drawn and was not asked for."""
    if not Path(model).is_dir():
        raise OptionError(f"Grad-CAM needs the folder of a training run, got {model}; use --method occlusion.")
    try:
        from mien.learn.gradcam import gradcam
    except ImportError as error:
        missing = MissingExtraError("Grad-CAM", "torch", "train")
        if required:
            raise missing from error
        notice(f"{missing} The occlusion map is drawn alone.")
        return None
    try:
        return gradcam(Path(model), cut, chosen)
    except TrainError as error:
        if required:
            raise
        notice(f"{error} The occlusion map is drawn alone.")
        return None
