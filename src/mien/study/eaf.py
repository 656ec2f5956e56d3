"""ELAN annotation files (EAF 3.0, https://www.mpi.nl/tools/elan/EAFv3.0.xsd): tiers in and out."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree as Xml

from mien.core.errors import DataError
from mien.core.files import atomic_write
from mien.study.intervals import Interval, Tier

__all__ = ["read_eaf", "write_eaf"]

_XSI = "http://www.w3.org/2001/XMLSchema-instance"
_SCHEMA = "http://www.mpi.nl/tools/elan/EAFv3.0.xsd"
_TYPE = "default-lt"
_MIME = {
    ".mp4": "video/mp4",
    ".m4v": "video/mp4",
    ".mov": "video/quicktime",
    ".webm": "video/webm",
    ".avi": "video/x-msvideo",
}


def write_eaf(path: Path, tiers: Sequence[Tier], media: str) -> None:
    """Write tiers as an ELAN file; times are rounded to milliseconds, as the format wants them.

    Args:
        path: the file.
        tiers: names are distinct; the intervals of one do not overlap.
        media: the video, relative to the folder of `path`.

    Raises:
        OutputError: it cannot be written there.

    """
    Xml.register_namespace("xsi", _XSI)
    now = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime())
    attributes = {"AUTHOR": "mien", "DATE": now, "FORMAT": "3.0", "VERSION": "3.0"}
    root = Xml.Element("ANNOTATION_DOCUMENT", attributes | {f"{{{_XSI}}}noNamespaceSchemaLocation": _SCHEMA})
    header = Xml.SubElement(root, "HEADER", {"MEDIA_FILE": "", "TIME_UNITS": "milliseconds"})
    kind = _MIME.get(Path(media).suffix.lower(), "video/*")
    url = {"MEDIA_URL": media, "RELATIVE_MEDIA_URL": media, "MIME_TYPE": kind}
    Xml.SubElement(header, "MEDIA_DESCRIPTOR", url)
    count = sum(len(tier.intervals) for tier in tiers)
    Xml.SubElement(header, "PROPERTY", {"NAME": "lastUsedAnnotationId"}).text = str(count)
    order = Xml.SubElement(root, "TIME_ORDER")
    times = sorted({_ms(t) for tier in tiers for i in tier.intervals for t in (i.start_s, i.end_s)})
    slots = {ms: f"ts{number}" for number, ms in enumerate(times, 1)}
    for ms, slot in slots.items():
        Xml.SubElement(order, "TIME_SLOT", {"TIME_SLOT_ID": slot, "TIME_VALUE": str(ms)})
    number = 0
    for tier in tiers:
        element = Xml.SubElement(root, "TIER", {"LINGUISTIC_TYPE_REF": _TYPE, "TIER_ID": tier.name})
        for interval in tier.intervals:
            number += 1
            places = {"TIME_SLOT_REF1": slots[_ms(interval.start_s)], "TIME_SLOT_REF2": slots[_ms(interval.end_s)]}
            holder = Xml.SubElement(element, "ANNOTATION")
            aligned = Xml.SubElement(holder, "ALIGNABLE_ANNOTATION", {"ANNOTATION_ID": f"a{number}"} | places)
            Xml.SubElement(aligned, "ANNOTATION_VALUE").text = interval.text
    kind_of = {"GRAPHIC_REFERENCES": "false", "LINGUISTIC_TYPE_ID": _TYPE, "TIME_ALIGNABLE": "true"}
    Xml.SubElement(root, "LINGUISTIC_TYPE", kind_of)
    Xml.indent(root, "    ")
    with atomic_write(path, "wb") as file:
        Xml.ElementTree(root).write(file, encoding="UTF-8", xml_declaration=True)


def read_eaf(path: Path) -> list[Tier]:
    """Tiers of an ELAN file, in seconds of its first media file; annotations of other ones take their parent's time.

    Raises:
        DataError: it is missing or damaged.

    """
    try:
        root = Xml.parse(path).getroot()
    except FileNotFoundError as error:
        raise DataError(f"There is no file {path}.") from error
    except (OSError, Xml.ParseError) as error:
        raise DataError(f"{path} is not an ELAN file that can be read: {error}.") from error
    if root.tag != "ANNOTATION_DOCUMENT":
        raise DataError(f"{path} is not an ELAN file: it is a document of {root.tag}.")
    try:
        spans = _spans(root, _slots(root))
        return [_tier(element, spans) for element in root.iter("TIER")]
    except (KeyError, ValueError) as error:
        raise DataError(f"{path} is damaged: {error} is missing or no number.") from error


def _ms(time_s: float) -> int:
    return round(time_s * 1000)


def _slots(root: Xml.Element) -> dict[str, float]:
    """Time slot -> seconds; slots without a time lie evenly between their neighbours, as ELAN shows them."""
    descriptor = root.find("HEADER/MEDIA_DESCRIPTOR")
    origin = float(descriptor.get("TIME_ORIGIN", "0")) if descriptor is not None else 0.0
    names = [slot.attrib["TIME_SLOT_ID"] for slot in root.iter("TIME_SLOT")]
    given = [slot.get("TIME_VALUE") for slot in root.iter("TIME_SLOT")]
    known = [(i, float(value)) for i, value in enumerate(given) if value is not None]
    slots = {}
    for i, name in enumerate(names):
        before = next(((k, v) for k, v in reversed(known) if k <= i), (i, 0.0))
        after = next(((k, v) for k, v in known if k >= i), before)
        share = (i - before[0]) / (after[0] - before[0]) if after[0] > before[0] else 0.0
        slots[name] = (before[1] + share * (after[1] - before[1]) + origin) / 1000
    return slots


def _spans(root: Xml.Element, slots: dict[str, float]) -> dict[str, tuple[float, float]]:
    """Annotation -> start and end."""
    spans = {
        element.attrib["ANNOTATION_ID"]: (
            slots[element.attrib["TIME_SLOT_REF1"]],
            slots[element.attrib["TIME_SLOT_REF2"]],
        )
        for element in root.iter("ALIGNABLE_ANNOTATION")
    }
    parents = {e.attrib["ANNOTATION_ID"]: e.attrib["ANNOTATION_REF"] for e in root.iter("REF_ANNOTATION")}
    for name in parents:
        parent, steps = name, 0
        while parent not in spans and steps <= len(parents):
            parent, steps = parents[parent], steps + 1
        spans[name] = spans[parent]
    return spans


def _tier(element: Xml.Element, spans: dict[str, tuple[float, float]]) -> Tier:
    intervals = []
    for annotation in element.iter():
        if annotation.tag in ("ALIGNABLE_ANNOTATION", "REF_ANNOTATION"):
            start_s, end_s = spans[annotation.attrib["ANNOTATION_ID"]]
            text = (annotation.findtext("ANNOTATION_VALUE") or "").strip()
            intervals.append(Interval(start_s, end_s, text))
    return Tier(element.attrib["TIER_ID"], tuple(sorted(intervals, key=lambda i: (i.start_s, i.end_s))))
