"""The data set that a service shows: its figures, and its pictures only where that is allowed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from server_worlds import drawn_set, running

from mien.app.server.settings import Settings
from mien.core.errors import DataError, OptionError


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    """A small data set in folders."""
    return drawn_set(tmp_path_factory.mktemp("data") / "faces")


def test_figures_without_pictures(faces, quick):
    """Counts by class and split, sizes and mean faces; no name of a file, and no pictures where none are allowed."""
    with running(analyzer=quick, data=faces) as service:
        body = service.ask("GET", "/v1/data").json()
        config = service.ask("GET", "/config.json").json()
        refused = service.ask("GET", "/v1/data/samples?label=joy")

    assert set(body["labels"]) == {"gloom", "joy", "rare"}
    counts = {split["name"]: dict(zip(body["labels"], split["counts"], strict=True)) for split in body["splits"]}
    assert counts == {"train": {"joy": 24, "gloom": 21, "rare": 4}, "test": {"joy": 6, "gloom": 5, "rare": 1}}
    assert body["sizes"]["least"] == [40, 40]
    assert {mean["label"] for mean in body["means"]} == {"joy", "gloom"}
    assert str(faces.parent) not in json.dumps(body)
    assert config["data"] == {"facts": "v1/data", "samples": None}
    assert (refused.status, "--data-samples" in refused.json()["error"]["message"]) == (404, True)


def test_pictures_on_demand(faces, quick):
    """Up to twelve of a class, others each time; an unknown class is named."""
    with running(analyzer=quick, data=faces, data_samples=True) as service:
        first, second = (service.ask("GET", "/v1/data/samples?label=joy").json() for _ in range(2))
        unknown = service.ask("GET", "/v1/data/samples?label=jo")
        odd = service.ask("GET", "/v1/data/samples?label=joy&n=5")

    assert len(first["pictures"]) == 12
    assert all(text.startswith("data:image/png;base64,") for text in first["pictures"])
    assert first["pictures"] != second["pictures"]
    assert (unknown.status, odd.status) == (422, 422)
    assert "joy" in unknown.json()["error"]["message"]


def test_the_token_guards_it(faces, quick):
    """As everything below /v1/."""
    with running(analyzer=quick, data=faces, token="sixteen letters!") as service:
        assert service.ask("GET", "/v1/data").status == 401


def test_no_data_set(served):
    """A service without one says how to show one, and its page has no such tab."""
    answer = served.ask("GET", "/v1/data")

    assert answer.status == 404
    assert "--data" in answer.json()["error"]["message"]
    assert served.ask("GET", "/config.json").json()["data"] is None


def test_a_file_of_figures_will_do(faces, quick, tmp_path, command):
    """`mien data summary --json` writes what a service without the data set shows."""
    file = tmp_path / "faces.json"
    ended = command("data", "summary", faces, "--json", file)
    assert ended.code == 0, ended.err
    with running(analyzer=quick, data=file) as service, running(analyzer=quick, data=faces) as live:
        assert service.ask("GET", "/v1/data").json() == live.ask("GET", "/v1/data").json()


@pytest.mark.parametrize(
    ("text", "said"), [("{", "not JSON"), ("[]", "does not tell"), ('{"format": "mien-data/1"}', "'name' is missing")]
)
def test_a_wrong_file_is_one_sentence(quick, tmp_path, text, said):
    """What is wrong with it, and what writes a right one."""
    file = tmp_path / "odd.json"
    file.write_text(text, "utf-8")
    with pytest.raises(DataError, match=said), running(analyzer=quick, data=file):
        pass


def test_pictures_of_what():
    """Pictures cannot be shown of no data set, nor of a file that holds none."""
    for data in (None, Path("faces.json")):
        with pytest.raises(OptionError, match="name that with --data"):
            Settings(data=data, data_samples=True)
