"""The table of operators of a model file, without the package onnx; with it here, to check."""

from __future__ import annotations

import base64
import math
from pathlib import Path

import numpy as np
import pytest

from mien.core.errors import ModelError
from mien.core.layers import Layer, stages_of
from mien.infer.graph import FREE_SIDE, summarize_file
from mien.infer.session import read_model
from mien.infer.store import entry, entry_path
from mien.infer.wire import read_graph

onnx = pytest.importorskip("onnx")
MODELS = ["fer2013", "wild-int8", "mien", "mien-int8"]


@pytest.mark.parametrize("name", MODELS)
def test_reads_what_onnx_reads(name):
    """Nodes and constants of the shipped files, by the little reader and by ONNX's own."""
    path = entry_path(entry(name))
    nodes, tensors = read_graph(read_model(path))
    graph = onnx.load(str(path)).graph

    assert [(n.name, n.kind, n.inputs, n.outputs) for n in nodes] == [
        (n.name, n.op_type, tuple(n.input), tuple(n.output)) for n in graph.node
    ]
    assert {k: (t.dims, t.data_type) for k, t in tensors.items()} == {
        t.name: (tuple(t.dims), t.data_type) for t in graph.initializer
    }


def test_figures_of_the_shipped_model():
    """Parameters are those of the float weights, whatever the precision; so are the multiply-adds."""
    whole, small = (summarize_file(entry_path(entry(name)), name) for name in ("fer2013", "fer2013-int8"))
    graph = onnx.load(str(entry_path(entry("fer2013")))).graph
    floats = [tuple(t.dims) for t in graph.initializer if t.data_type == onnx.TensorProto.FLOAT]

    assert whole.parameters == small.parameters == sum(math.prod(dims) for dims in floats if math.prod(dims) > 1)
    assert whole.macs == small.macs > 5e7
    assert small.file_bytes < whole.file_bytes / 3
    assert whole.labels == small.labels
    assert whole.input == (1, 48, 48)
    assert whole.layers[-1].shape == (7,)
    assert "QuantizeLinear" not in {layer.kind for layer in small.layers}


def test_shapes_are_those_of_the_graph():
    """Every map of the face detector halves, and a free side is told."""
    found = summarize_file(entry_path(entry("mien")), "mien")

    assert found.input == (1, FREE_SIDE, FREE_SIDE, 3)
    assert [stage.side[0] for stage in stages_of(found.layers)] == [160, 80, 40, 20, 10]


@pytest.mark.parametrize("name", ["mien", "mien-int8"])
def test_the_network_for_second_looks_is_shown_as_well(name):
    """Of one face, with figures of its own: its weights are those of the graph inside the file."""
    path = entry_path(entry(name))
    found = summarize_file(path, name)
    texts = {one.key: one.value for one in onnx.load(str(path)).metadata_props}
    graph = onnx.load_from_string(base64.b64decode(texts["mien.second_look"])).graph
    weights = [math.prod(one.dims) for one in graph.initializer if len(one.dims) > 1]

    second = found.inside
    assert second is not None
    assert second.input == (1, 96, 96, 3)
    last = {layer.kind: layer.shape for layer in second.layers}
    assert (last["Sigmoid"], last["Reshape"]) == ((), (5, 2))
    assert sum(weights) < second.parameters < 1.01 * sum(weights)
    assert found.parameters != second.parameters
    assert summarize_file(entry_path(entry("fer2013"))).inside is None


def test_any_model_of_pictures(tmp_path):
    """A file of another maker: float input, a matrix product, no metadata."""
    make, proto = onnx.helper, onnx.TensorProto
    weight = onnx.numpy_helper.from_array(np.ones((12, 5), np.float32), "w")
    nodes = [make.make_node("Flatten", ["x"], ["flat"]), make.make_node("MatMul", ["flat", "w"], ["y"])]
    ends = [make.make_tensor_value_info(n, proto.FLOAT, s) for n, s in (("x", ["b", 3, 2, 2]), ("y", ["b", 5]))]
    graph = make.make_graph(nodes, "g", ends[:1], ends[1:], [weight])
    model = make.make_model(graph, opset_imports=[make.make_opsetid("", 18)], ir_version=9)
    onnx.save(model, str(tmp_path / "other.onnx"))

    found = summarize_file(tmp_path / "other.onnx")

    assert (found.name, found.parameters, found.macs, found.labels) == ("other", 60, 60, ())
    assert [(layer.kind, layer.shape) for layer in found.layers] == [("Flatten", (12,)), ("MatMul", (5,))]


def test_stages_gather_maps_of_one_size():
    """A branch that comes back to a size counts there; layers without weights count nowhere."""
    layers = [
        Layer("a", "Conv", (8, 16, 16), 10, 100),
        Layer("b", "Conv", (16, 8, 8), 20, 50),
        Layer("c", "Relu", (16, 8, 8)),
        Layer("d", "Conv", (4, 16, 16), 5, 25),
        Layer("e", "Gemm", (7,), 3, 3),
    ]
    first, second, last = stages_of(layers)
    assert (first.side, first.channels, first.kinds, first.parameters, first.macs) == (
        (16, 16), 4, (("Conv", 2),), 15, 125,
    )  # fmt: skip
    assert (second.side, last.side, last.channels) == ((8, 8), (1, 1), 7)


@pytest.mark.parametrize("cut", [1, 100, 5000])
def test_a_damaged_file_is_one_sentence(cut, tmp_path):
    """Cut anywhere, a file ends in one sentence."""
    whole = entry_path(entry("fer2013-int8")).read_bytes()
    path = Path(tmp_path / "cut.onnx")
    path.write_bytes(whole[:-cut])
    with pytest.raises(ModelError, match=r"cut\.onnx"):
        summarize_file(path)
