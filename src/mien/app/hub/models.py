"""Models to the hub and from it: what a repository holds, and how a pulled one gets into the model store."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from mien.app.hub import client
from mien.app.hub.card import hub_card
from mien.app.hub.facts import evaluations_of
from mien.app.hub.large import write_attributes
from mien.app.hub.licences import LICENCE_FILE, licence_fields
from mien.core.errors import ModelError, StoreError
from mien.core.files import atomic_write, copy_file, make_folder
from mien.infer.classify import load_classifier
from mien.infer.hub import MODEL_FILE, HubName, hub_folder
from mien.infer.store import cache_folder

__all__ = ["pull_model", "push_model", "write_repository"]

_EVALUATION = "model.evaluation.json"
_NETWORK = ("model.safetensors", "model.json")  # of a run: weights, and what builds the network


def push_model(name: HubName, model: str | Path, *, evaluations: Sequence[Path] = (), private: bool = True) -> str:
    """Put a model with its card into a repository of the hub; gives the address.

    Args:
        name: the repository; it is made where it is missing.
        model: folder of a run, `.onnx` file or packaged name.
        evaluations: files of `mien evaluate --report` whose figures the card shall bear.
        private: whether a new repository is private.

    Raises:
        ModelError, DataError: the model or an evaluation cannot be used.
        MissingExtraError, ServiceError: of `mien.app.hub.client.upload`.

    """
    with tempfile.TemporaryDirectory(prefix="mien-hub-") as folder:
        write_repository(Path(folder), name, model, evaluations)
        return client.upload(Path(folder), name, "model", private=private)


def write_repository(out: Path, name: HubName, model: str | Path, evaluations: Sequence[Path] = ()) -> None:
    """Write what a model repository holds: the model file, its card and evaluation, and the weights of a run.

    Raises:
        ModelError, DataError, OutputError: as `push_model`; a file cannot be written.

    """
    from mien.evaluate.records import write_evaluation

    classifier = load_classifier(model)
    bodies = evaluations_of(classifier, evaluations)
    copy_file(classifier.path, out / MODEL_FILE)
    weights = Path(model).is_dir() and all((Path(model) / part).is_file() for part in _NETWORK)
    for part in _NETWORK if weights else ():
        copy_file(Path(model) / part, out / part)
    if bodies:
        write_evaluation(out / _EVALUATION, bodies[0])
    with atomic_write(out / "README.md", "w") as file:
        file.write(hub_card(classifier.info, bodies, name.repo, weights))
    write_licence(out, classifier.info.license)
    write_attributes(out)


def write_licence(out: Path, licence: str) -> None:
    """Write the words of a licence that the hub has no identifier for to the file that the front matter links to."""
    if "license_link" in licence_fields(licence):
        with atomic_write(out / LICENCE_FILE, "w") as file:
            file.write(f"What the model file says of its licence:\n\n{licence}\n")


def pull_model(name: HubName) -> Path:
    """Fetch a model of the hub into the model store, once it is known to be usable; gives its path.

    Raises:
        StoreError: the repository holds no model file.
        ModelError: the file is no model that this version can use; nothing is kept of it.
        MissingExtraError, ServiceError: of `mien.app.hub.client.download`.

    """
    files = client.list_files(name)
    chosen = _model_file(name, files)
    target = hub_folder(name, cache_folder())
    with tempfile.TemporaryDirectory(prefix="mien-hub-") as folder:
        model = client.download(name, chosen, Path(folder))
        try:
            load_classifier(model)
        except ModelError as error:
            raise ModelError(f"{chosen} of {name} is no model that mien can use: {error}") from error
        make_folder(target)
        beside = [part for part in (_EVALUATION, *_NETWORK) if part in files and chosen == MODEL_FILE]
        for part in beside:
            copy_file(client.download(name, part, Path(folder)), target / part)
        return copy_file(model, target / MODEL_FILE)


def _model_file(name: HubName, files: Sequence[str]) -> str:
    """`model.onnx`, or the only model file."""
    models = sorted(file for file in files if file.endswith(".onnx"))
    if MODEL_FILE in models:
        return MODEL_FILE
    if len(models) != 1:
        found = f"{len(models)} of them" if models else "none"
        raise StoreError(f"{name} should hold {MODEL_FILE} or a single .onnx file, but holds {found}.")
    return models[0]
