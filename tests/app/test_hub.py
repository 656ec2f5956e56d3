"""Models and Spaces onto the Hugging Face hub and from it: the real huggingface_hub, a hub of our own on loopback."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hub_worlds import ODD_LABELS, TOKEN, Hub, served_hub, write_model, write_pictures

pytest.importorskip("huggingface_hub", reason='huggingface_hub is not installed: pip install "mien[hub]"')
pytest.importorskip("onnx", reason='onnx is not installed: pip install "mien[train]"')
yaml = pytest.importorskip("yaml")


@pytest.fixture
def hub() -> Iterator[Hub]:
    with served_hub() as served:
        yield served


@pytest.fixture
def typed(hub, tmp_path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """The command line in a process of its own, whose hub is ours and whose home is empty."""

    def run(*line: object, token: str | None = TOKEN, **more: str) -> subprocess.CompletedProcess[str]:
        environment = {k: v for k, v in os.environ.items() if not k.startswith("HF_") and "proxy" not in k.lower()}
        own = {"HF_ENDPOINT": hub.address, "HF_HOME": str(tmp_path / "hf"), "MIEN_CACHE": str(tmp_path / "store")}
        secret = {} if token is None else {"HF_TOKEN": token}
        return subprocess.run(
            [sys.executable, "-m", "mien", *map(str, line)],
            cwd=tmp_path, capture_output=True, text=True, encoding="utf-8", timeout=120,
            env={**environment, **own, **secret, "PYTHONUTF8": "1", **more},
        )  # fmt: skip

    return run


def is_private(made: dict[str, Any]) -> bool:
    """Of a repository that was asked for; versions of huggingface_hub say it in two ways."""
    return made.get("private") is True or made.get("visibility") == "private"


def front_matter(readme: bytes) -> dict[str, Any]:
    text = readme.decode()
    assert text.startswith("---\n")
    return dict(yaml.safe_load(text.split("---\n")[1]))


@pytest.fixture
def run_folder(tmp_path, command) -> Path:
    """A run of four classes with odd names, judged on pictures of its own."""
    run = tmp_path / "home" / "of ann" / "odd-run"
    model = write_model(run / "model.onnx", license="CC-BY-4.0", training={"data": "own", "data_sha256": "0" * 64})
    (run / "model.safetensors").write_bytes(b"weights\0")
    (run / "model.json").write_text("{}", "utf-8")
    (run / "data.csv").write_text("path,split\nprivate/ann.jpg,train\n", "utf-8")
    pictures = write_pictures(tmp_path / "home" / "of ann" / "faces")
    ended = command("evaluate", model, pictures, "--report", tmp_path / "report", "--bootstrap", 50)
    assert ended.code == 0, ended.err
    return run


@pytest.mark.skipif(sys.platform == "win32", reason="Windows forbids such names of folders")
def test_a_run_goes_there_and_back(hub, typed, run_folder, tmp_path, hopper_file):
    """A pushed run has a card with its figures, and nothing of the machine; pulled, `--model hub:...` reads with it."""
    line = ("models", "push", "hub:ann/odd", run_folder, "--evaluation", tmp_path / "report" / "evaluation.json")
    ended = typed(*line)

    assert ended.returncode == 0, ended.stderr
    assert f"{hub.address}/ann/odd" in ended.stdout
    assert is_private(hub.made[0])
    files = hub.repos["models/ann/odd"]
    assert set(files) == {
        "README.md", ".gitattributes", "model.onnx", "model.evaluation.json", "model.safetensors", "model.json",
    }  # fmt: skip
    assert files["model.onnx"] == (run_folder / "model.onnx").read_bytes()
    assert b"of ann" not in b"".join(files.values())
    card = front_matter(files["README.md"])
    assert (card["license"], card["pipeline_tag"], card["library_name"]) == (
        "cc-by-4.0",
        "image-classification",
        "mien",
    )
    assert {"facial-expression-recognition", "onnx"} <= set(card["tags"])
    (index,) = card["model-index"]
    assert index["name"] == "odd one"
    (result,) = index["results"]
    assert (result["dataset"]["type"], result["dataset"]["split"]) == ("faces", "test")
    assert {m["type"]: m["value"] for m in result["metrics"]}["accuracy"] == 0.5  # the two extremes of four
    assert b"AI Act" in files["README.md"]

    ended = typed("models", "pull", "hub:ann/odd")
    assert ended.returncode == 0, ended.stderr
    assert Path(ended.stdout.strip()).read_bytes() == files["model.onnx"]
    assert "hub:ann/odd" in typed("models", "list").stdout
    read = typed("analyze", hopper_file, "--model", "hub:ann/odd", HF_ENDPOINT="http://127.0.0.1:9")
    assert read.returncode == 0, read.stderr
    assert any(label in read.stdout for label in ODD_LABELS)


@pytest.mark.parametrize(
    ("licence", "fields"),
    [
        ("not stated", {}),
        ("", {}),
        ("MIT", {"license": "mit"}),
        ("GPL-3.0-or-later", {"license": "gpl-3.0"}),
        ("for research\nthat is not commercial", {
            "license": "other", "license_name": "for-research-that-is-not-commercial",
            "license_link": "LICENSE-MODEL.txt",
        }),
    ],
)  # fmt: skip
def test_the_licence_is_what_the_file_says(licence, fields, tmp_path):
    """The front matter names what the hub knows, links to other words, and says nothing where nothing is said."""
    from mien.app.hub.models import write_repository
    from mien.infer.hub import HubName

    write_repository(tmp_path, HubName("ann/odd"), write_model(tmp_path / "in" / "a.onnx", license=licence))

    found = front_matter((tmp_path / "README.md").read_bytes())
    assert {key: value for key, value in found.items() if key.startswith("license")} == fields
    assert (tmp_path / "LICENSE-MODEL.txt").exists() == ("license_link" in fields)
    assert "model-index" not in found
    assert "not stated" in (tmp_path / "README.md").read_text("utf-8") or fields


def test_figures_of_the_packaged_models(tmp_path):
    """A packaged model brings its own evaluation, measured on this very file; the card shows it."""
    from mien.app.hub.models import write_repository
    from mien.infer.hub import HubName

    write_repository(tmp_path, HubName("ann/ferplus"), "ferplus")

    card = front_matter((tmp_path / "README.md").read_bytes())
    (result,) = card["model-index"][0]["results"]
    assert result["dataset"]["name"].endswith("ferplus-majority")
    assert {m["type"] for m in result["metrics"]} == {"accuracy", "f1", "balanced_accuracy", "ece"}
    assert card["metrics"] == ["accuracy", "f1"]


def test_figures_of_another_file_are_refused(tmp_path, command):
    """An evaluation of other bytes does not become this model's."""
    import mien

    foreign = Path(mien.__file__).parent / "assets" / "models" / "ferplus.evaluation.json"
    ended = command("models", "push", "hub:a/b", write_model(tmp_path / "a.onnx"), "--evaluation", foreign)

    assert ended.code == 1
    assert "judges another file" in ended.err


def test_a_space_is_pushed(hub, typed, tmp_path):
    """`mien space --push` makes a private Space of its kind, with the model in it; a second push replaces it."""
    model = write_model(tmp_path / "odd.onnx")
    line = ("space", "--kind", "gradio", "--model", model, "--push", "ann/faces")

    ended = typed(*line)

    assert ended.returncode == 0, ended.stderr
    assert f"{hub.address}/spaces/ann/faces" in ended.stdout
    (made,) = hub.made
    assert (made["type"], made["sdk"], is_private(made)) == ("space", "gradio", True)
    files = hub.repos["spaces/ann/faces"]
    assert files["models/expression.onnx"] == model.read_bytes()
    assert front_matter(files["README.md"])["sdk"] == "gradio"
    files["mien/of_an_earlier_version.py"] = files["notes.md"] = b""
    again = typed(*line, "--public")
    assert again.returncode == 0, again.stderr
    assert "mien/of_an_earlier_version.py" not in files
    assert "notes.md" in files  # what is not mien's stays


BAD = [
    (("models", "push", "hub:ann/odd", "{model}"), {"token": None}, "No token of the Hugging Face hub was found"),
    (("models", "push", "hub:ann/odd", "{model}"), {"token": "hf_wrong"}, "the token is not valid"),
    (("models", "pull", "hub:ann/absent"), {}, "is not on the hub"),
    (("models", "pull", "hub:ann/empty"), {}, "but holds none"),
    (("models", "pull", "hub:ann/broken"), {}, "is no model that mien can use"),
]
OFFLINE = [
    (("models", "push", "odd", "ferplus"), "A model of the hub is named hub:USER/NAME"),
    (("models", "push", "hub:ann/odd", "absent.onnx"), "absent.onnx"),
    (("models", "pull", "hub:ann/../x"), "A model of the hub is named"),
    (("models", "pull", "hub:ann/odd", "--from", "x"), "--from brings a file"),
    (("analyze", "a.jpg", "--model", "hub:ann/odd"), "mien models pull hub:ann/odd"),
    (("space",), "Name the folder OUT"),
    (("space", "out", "--public"), "needs --push"),
    (("space", "out", "--push", "odd"), "A model of the hub is named"),
]


@pytest.mark.parametrize(("line", "how", "says"), BAD, ids=[f"{' '.join(b[0])} {b[1]}" for b in BAD])
def test_what_goes_wrong_is_one_sentence(hub, typed, tmp_path, line, how, says):
    """No token, a wrong one, a name that is none, nothing there, a broken file, no connection: told, nothing kept."""
    hub.repos["models/ann/empty"] = {"README.md": b""}
    hub.repos["models/ann/broken"] = {"model.onnx": b"no model"}
    model = write_model(tmp_path / "m.onnx")

    ended = typed(*(part.replace("{model}", str(model)) for part in line), **how)

    assert ended.returncode not in (0, -1)
    assert says in " ".join(ended.stderr.split())
    assert "Traceback" not in ended.stderr
    assert TOKEN not in ended.stderr
    assert len(ended.stderr.strip().splitlines()) <= 3, ended.stderr
    assert not list((tmp_path / "store").rglob("*.onnx"))


@pytest.mark.parametrize(("line", "says"), OFFLINE, ids=[" ".join(line) for line, _ in OFFLINE])
def test_what_can_be_told_without_the_hub(command, store_folder, tmp_path, monkeypatch, line, says):
    """Names that are none, options that do not fit, a model that was not pulled: told at once, nothing is written."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.jpg").write_bytes(b"")

    ended = command(*line)

    assert ended.code not in (0, None)
    assert says in " ".join(ended.err.split())
    assert not (tmp_path / "out").exists()


def test_no_connection_is_told():
    """What huggingface_hub raises where nothing answers becomes a sentence, whichever HTTP library it stands on."""
    from huggingface_hub import errors

    from mien.app.hub import client
    from mien.core.errors import ServiceError

    (http,) = [kind for kind in errors.HfHubHTTPError.__mro__ if kind.__name__ == "HTTPError"]
    refused = next((kind for kind in http.__subclasses__() if kind.__name__ == "RequestError"), http)
    for error in (
        refused("Connection refused\nat 127.0.0.1"),
        errors.LocalEntryNotFoundError("no"),
        TimeoutError("late"),
    ):
        with pytest.raises(ServiceError, match="cannot be reached for hub:a/b"), client._sentences("hub:a/b"):
            raise error


def test_a_missing_package_is_named(monkeypatch, command, tmp_path):
    """Without the extra `hub` one sentence says how to install it."""
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)

    ended = command("models", "pull", "hub:ann/odd")

    assert ended.code == 1
    assert 'pip install "mien[hub]"' in ended.err
