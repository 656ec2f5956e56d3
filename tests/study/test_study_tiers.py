"""ELAN and Praat files: what is written opens in other programs' readers, and what they write is read."""

from xml.etree import ElementTree

import pytest

from mien.core.errors import DataError
from mien.study.eaf import read_eaf, write_eaf
from mien.study.intervals import Interval, Tier
from mien.study.textgrid import read_textgrid, write_textgrid
from mien.study.tiers import pick_tier, read_tiers

TIERS = [
    Tier(
        "P01", (Interval(0.0, 1.25, "happy"), Interval(1.25, 2.0, 'a "quoted" <word> & é'), Interval(3.0, 4.5, "sad"))
    ),
    Tier("empty", ()),
]


def test_eaf_there_and_back(tmp_path):
    """Tiers survive, to the millisecond."""
    write_eaf(tmp_path / "a.eaf", TIERS, "../videos/a.mp4")
    assert read_eaf(tmp_path / "a.eaf") == TIERS


def test_eaf_opens_in_pympi(tmp_path):
    """pympi, the usual reader of ELAN files in Python, finds the same annotations and the video."""
    pympi = pytest.importorskip("pympi")
    write_eaf(tmp_path / "a.eaf", TIERS, "../videos/a.mp4")
    eaf = pympi.Elan.Eaf(str(tmp_path / "a.eaf"))
    assert list(eaf.get_tier_names()) == ["P01", "empty"]
    found = [tuple(a[:3]) for a in sorted(eaf.get_annotation_data_for_tier("P01"))]
    assert found == [(0, 1250, "happy"), (1250, 2000, 'a "quoted" <word> & é'), (3000, 4500, "sad")]
    assert eaf.get_linked_files()[0]["RELATIVE_MEDIA_URL"] == "../videos/a.mp4"


def test_eaf_keeps_to_the_schema(tmp_path):
    """Elements stand in the order of EAF 3.0, time slots rise, and every reference has its target."""
    write_eaf(tmp_path / "a.eaf", TIERS, "a.mp4")
    root = ElementTree.parse(tmp_path / "a.eaf").getroot()
    assert [child.tag for child in root] == ["HEADER", "TIME_ORDER", "TIER", "TIER", "LINGUISTIC_TYPE"]
    assert {"AUTHOR", "DATE", "FORMAT", "VERSION"} <= set(root.attrib)
    slots = {slot.attrib["TIME_SLOT_ID"]: int(slot.attrib["TIME_VALUE"]) for slot in root.iter("TIME_SLOT")}
    assert list(slots.values()) == sorted(set(slots.values()))
    for annotation in root.iter("ALIGNABLE_ANNOTATION"):
        assert slots[annotation.attrib["TIME_SLOT_REF1"]] < slots[annotation.attrib["TIME_SLOT_REF2"]]
    types = {t.attrib["LINGUISTIC_TYPE_ID"] for t in root.iter("LINGUISTIC_TYPE")}
    assert {tier.attrib["LINGUISTIC_TYPE_REF"] for tier in root.iter("TIER")} <= types


def test_eaf_of_elan(tmp_path):
    """Slots without a time lie between their neighbours, dependent tiers take their parent's time, a shift counts."""
    (tmp_path / "b.eaf").write_text(
        '<ANNOTATION_DOCUMENT><HEADER><MEDIA_DESCRIPTOR MEDIA_URL="b.mp4" MIME_TYPE="v" TIME_ORIGIN="500"/></HEADER>'
        '<TIME_ORDER><TIME_SLOT TIME_SLOT_ID="t1" TIME_VALUE="0"/><TIME_SLOT TIME_SLOT_ID="t2"/>'
        '<TIME_SLOT TIME_SLOT_ID="t3" TIME_VALUE="1000"/></TIME_ORDER>'
        '<TIER TIER_ID="face"><ANNOTATION>'
        '<ALIGNABLE_ANNOTATION ANNOTATION_ID="a1" TIME_SLOT_REF1="t1" TIME_SLOT_REF2="t2">'
        "<ANNOTATION_VALUE>joy</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION></TIER>"
        '<TIER TIER_ID="note"><ANNOTATION><REF_ANNOTATION ANNOTATION_ID="a2" ANNOTATION_REF="a1">'
        "<ANNOTATION_VALUE>wide</ANNOTATION_VALUE></REF_ANNOTATION></ANNOTATION></TIER></ANNOTATION_DOCUMENT>"
    )
    assert read_tiers(tmp_path / "b.eaf") == [
        Tier("face", (Interval(0.5, 1.0, "joy"),)),
        Tier("note", (Interval(0.5, 1.0, "wide"),)),
    ]


def test_textgrid_there_and_back(tmp_path):
    """Tiers survive exactly."""
    write_textgrid(tmp_path / "a.TextGrid", TIERS, 5.0)
    assert read_textgrid(tmp_path / "a.TextGrid") == TIERS


def test_textgrid_opens_in_praatio(tmp_path):
    """praatio reads the same intervals, and with the empty ones the tier has no gap from 0 to the end."""
    textgrid = pytest.importorskip("praatio.textgrid")
    write_textgrid(tmp_path / "a.TextGrid", TIERS, 5.0)
    grid = textgrid.openTextgrid(str(tmp_path / "a.TextGrid"), includeEmptyIntervals=True)
    entries = grid.getTier("P01").entries
    assert [(e.start, e.end) for e in entries] == [(0, 1.25), (1.25, 2), (2, 3), (3, 4.5), (4.5, 5)]
    assert [e.label for e in entries if e.label] == ["happy", 'a "quoted" <word> & é', "sad"]


def test_textgrid_of_praat(tmp_path):
    """The short form, points, numbers in labels and UTF-16 are read."""
    text = (
        'File type = "ooTextFile"\nObject class = "TextGrid"\n\n0\n3\n<exists>\n2\n"IntervalTier"\n"coder 1"\n0\n3\n2\n'
        '0\n1.5\n"joy 2"\n1.5\n3\n""\n"TextTier"\n"clicks"\n0\n3\n1\n2.25\n"beep"\n'
    )
    (tmp_path / "b.TextGrid").write_bytes(text.encode("utf-16"))
    assert read_tiers(tmp_path / "b.TextGrid") == [
        Tier("coder 1", (Interval(0.0, 1.5, "joy 2"),)),
        Tier("clicks", (Interval(2.25, 2.25, "beep"),)),
    ]


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("a.eaf", None, "no file"),
        ("a.eaf", "<a", "not an ELAN file"),
        ("a.eaf", "<a/>", "document of a"),
        (
            "a.eaf",
            '<ANNOTATION_DOCUMENT><TIER TIER_ID="x"><ALIGNABLE_ANNOTATION/></TIER></ANNOTATION_DOCUMENT>',
            "damaged",
        ),
        ("a.TextGrid", "something", "not a TextGrid"),
        ("a.TextGrid", '"ooTextFile" "TextGrid" 0 1 <exists> 1 "IntervalTier"', "ends too early"),
        ("a.txt", "", "expected an ELAN file"),
    ],
)
def test_damaged_files(tmp_path, name, text, told):
    """What cannot be read is told in a sentence."""
    if text is not None:
        (tmp_path / name).write_text(text)
    with pytest.raises(DataError, match=told):
        read_tiers(tmp_path / name)


def test_which_tier():
    """The only filled tier needs no name; otherwise the message lists what there is."""
    assert pick_tier(TIERS, None, "a").name == "P01"
    with pytest.raises(DataError, match="'P01', 'empty'"):
        pick_tier(TIERS, "other", "a.eaf")
    with pytest.raises(DataError, match="2 tiers"):
        pick_tier([TIERS[0], TIERS[0]], None, "a.eaf")
