"""The table of layers by torchinfo, beside the figures that training reports."""

from __future__ import annotations

import json
import sys

import pytest
import torch

from mien.learn.layers import layers_of, summarize_layers
from mien.learn.models import build, count_macs, count_parameters


@pytest.mark.parametrize(("name", "size"), [("mien-s3", 48), ("ann", 48), ("mobilenetv2", 64)])
def test_totals_are_those_of_the_report(name, size):
    """Parameters and multiply-adds in sum as `count_parameters` and `count_macs`; the network stays as it was."""
    network = build(name, {"labels": 7}, size=size)
    before = {key: value.clone() for key, value in network.state_dict().items()}
    network.train()
    layers = layers_of(network, (1, size, size))

    assert sum(layer.parameters for layer in layers) == count_parameters(network)
    assert sum(layer.macs for layer in layers) == count_macs(network, size, "gray")
    assert network.training
    assert all(torch.equal(before[key], value) for key, value in network.state_dict().items())
    assert layers[-1].name == "heads.labels"
    assert layers[-1].shape == (7,)


def test_a_packaged_model():
    """What one can train from is shown by its layers; the file computes just as many products."""
    from mien.infer.graph import summarize_file
    from mien.infer.store import entry, entry_path

    found = summarize_layers("fer2013")

    assert found.source == "layers"
    assert found.macs == summarize_file(entry_path(entry("fer2013"))).macs
    assert found.labels[0] == "angry"


def test_summary_of_a_run(finished, command):
    """A run by the layers of its network, with all heads; with --operators by its file, which has the first head."""
    shown = command("models", "summary", str(finished.run))
    assert "Conv2d" in shown.out
    assert "bytes, model.onnx" in shown.out
    both = summarize_layers(finished.run)
    votes = next(layer.macs for layer in both.layers if layer.name == "heads.votes")
    body = json.loads(command("models", "summary", str(finished.run), "--operators", "--json").out)
    assert body["source"] == "operators"
    assert body["macs"] == both.macs - votes


def test_without_torchinfo(finished, command, monkeypatch):
    """The operators of the file take the place of the layers, and one line says why."""
    monkeypatch.setitem(sys.modules, "torchinfo", None)
    shown = command("models", "summary", str(finished.run))
    assert "Softmax" in shown.out
    assert "extra train" in shown.err
