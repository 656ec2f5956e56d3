"""The fields of an ONNX file, as far as a table of its operators needs them; without the package onnx.

Reads the protobuf encoding (https://protobuf.dev/programming-guides/encoding/): a file is a row of fields, each with a
number, a wire type and a value. Field numbers are those of ONNX's onnx.proto.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["Node", "Tensor", "output_fields", "read_graph", "read_metadata"]

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_GRAPH, _METADATA = 7, 14  # of ModelProto
_KEY, _VALUE = 1, 2  # of StringStringEntryProto
_NODE, _INITIALIZER, _OUTPUT = 1, 5, 12  # of GraphProto
_NODE_INPUT, _NODE_OUTPUT, _NODE_NAME, _NODE_KIND = 1, 2, 3, 4
_DIMS, _DATA_TYPE, _TENSOR_NAME = 1, 2, 8
_INFO_NAME = 1  # of ValueInfoProto


@dataclass(frozen=True)
class Node:
    """An operator: its name, its kind, and the names of what it reads and writes ("" where something is left out)."""

    name: str
    kind: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


@dataclass(frozen=True)
class Tensor:
    """A constant of the graph: its sizes, and the number of its element type in ONNX."""

    dims: tuple[int, ...]
    data_type: int


def read_graph(data: bytes) -> tuple[list[Node], dict[str, Tensor]]:
    """Operators of a model file in their order, and its constants by name.

    Raises:
        ValueError: the bytes are not a protobuf message with a graph.

    """
    view = memoryview(data)
    nodes: list[Node] = []
    tensors: dict[str, Tensor] = {}
    for number, graph in _fields(view):
        if number != _GRAPH or isinstance(graph, int):
            continue
        for field, value in _fields(graph):
            if isinstance(value, int):
                continue
            if field == _NODE:
                nodes.append(_node(value))
            elif field == _INITIALIZER:
                name, tensor = _tensor(value)
                tensors[name] = tensor
    if not nodes:
        raise ValueError("there is no graph in it")
    return nodes, tensors


def read_metadata(data: bytes) -> dict[str, str]:
    """Keys and values of a model file's metadata.

    Raises:
        ValueError: the bytes are not a protobuf message, or hold text that is not UTF-8.

    """
    found: dict[str, str] = {}
    for number, entry in _fields(memoryview(data)):
        if number == _METADATA and not isinstance(entry, int):
            parts = {field: value for field, value in _fields(entry) if not isinstance(value, int)}
            key, value = (bytes(parts.get(field, b"")).decode() for field in (_KEY, _VALUE))
            found[key] = value
    return found


def output_fields(names: list[str]) -> bytes:
    """Bytes that make these values outputs of the graph when they are put behind a model file.

    A message that occurs twice is merged, so a second graph with nothing but outputs adds them to the first one.
    """
    outputs = b"".join(_framed(_OUTPUT, _framed(_INFO_NAME, name.encode())) for name in names)
    return _framed(_GRAPH, outputs)


def _framed(number: int, body: bytes) -> bytes:
    return _varint_bytes(number << 3 | _BYTES) + _varint_bytes(len(body)) + body


def _varint_bytes(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _fields(view: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Number and value of each field: whole numbers as such, everything else as bytes."""
    at = 0
    while at < len(view):
        key, at = _varint(view, at)
        number, wire = key >> 3, key & 7
        if wire == _VARINT:
            value, at = _varint(view, at)
            yield number, value
            continue
        if wire == _BYTES:
            size, at = _varint(view, at)
        elif wire in (_FIXED32, _FIXED64):
            size = 4 if wire == _FIXED32 else 8
        else:
            raise ValueError(f"a field of the unknown wire type {wire}")
        if at + size > len(view):
            raise ValueError("a field is longer than the file")
        yield number, view[at : at + size]
        at += size


def _varint(view: memoryview, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(view):
            raise ValueError("it ends inside a number")
        byte = view[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise ValueError("a number has more than ten bytes")


def _node(view: memoryview) -> Node:
    texts: dict[int, list[str]] = {_NODE_INPUT: [], _NODE_OUTPUT: [], _NODE_NAME: [], _NODE_KIND: []}
    for number, value in _fields(view):
        if number in texts and not isinstance(value, int):
            texts[number].append(str(value, "utf-8"))
    name, kind = ("".join(texts[key][-1:]) for key in (_NODE_NAME, _NODE_KIND))
    return Node(name, kind, tuple(texts[_NODE_INPUT]), tuple(texts[_NODE_OUTPUT]))


def _tensor(view: memoryview) -> tuple[str, Tensor]:
    name, data_type, dims = "", 0, []
    for number, value in _fields(view):
        if number == _DIMS and isinstance(value, int):
            dims.append(value)
        elif number == _DIMS and not isinstance(value, int):  # packed
            at = 0
            while at < len(value):
                size, at = _varint(value, at)
                dims.append(size)
        elif number == _DATA_TYPE and isinstance(value, int):
            data_type = value
        elif number == _TENSOR_NAME and not isinstance(value, int):
            name = str(value, "utf-8")
    return name, Tensor(tuple(dims), data_type)
