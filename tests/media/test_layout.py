"""Labels beside faces: they cover no face and no label, stay inside the picture, and stay where they were."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mien.draw.layout import BESIDE, OVER, Place, lay_out

PICTURE = (640, 480)


def _meet(a, b) -> bool:
    return min(a[2], b[2]) > max(a[0], b[0]) and min(a[3], b[3]) > max(a[1], b[1])


@st.composite
def _boxes(draw):
    """Up to 12 boxes, also beyond the border."""
    n = draw(st.integers(0, 12))
    whole = st.integers
    corners = [(draw(whole(-60, 660)), draw(whole(-60, 500))) for _ in range(n)]
    return [(x, y, x + draw(whole(1, 300)), y + draw(whole(1, 300))) for x, y in corners]


sizes = st.lists(st.tuples(st.integers(5, 700), st.integers(5, 200)), min_size=1, max_size=4)


@settings(deadline=None, max_examples=60)
@given(_boxes(), sizes, st.sampled_from([OVER, BESIDE]), st.booleans())
@example([(0, 294, 86, 394)] * 2, [(6, 200)], BESIDE, True)  # narrow, and taller than the face
def test_no_label_covers_a_face_or_a_label_or_leaves_the_picture(faces, wanted, sides, may_cover):
    """The one exception is a label in its own face, which is asked for, covers little and nobody else."""
    out = lay_out(PICTURE, faces, dict.fromkeys(range(len(faces)), wanted), sides, may_cover=may_cover)

    placed = {i: place for i, place in out.items() if place is not None}
    assert set(out) == set(range(len(faces)))
    for i, place in placed.items():
        x1, y1, x2, y2 = place.box
        assert (x2 - x1, y2 - y1) == wanted[place.size]
        assert 0 <= x1 <= x2 <= PICTURE[0]
        assert 0 <= y1 <= y2 <= PICTURE[1]
        others = [face for j, face in enumerate(faces) if j != i or place.side != "inside"]
        assert not any(_meet(place.box, face) for face in others)
        assert not any(_meet(place.box, other.box) for j, other in placed.items() if j != i)
        if place.side == "inside":
            face = faces[i]
            assert may_cover
            assert (x2 - x1) * (y2 - y1) <= 0.15 * (face[2] - face[0]) * (face[3] - face[1])


@settings(deadline=None, max_examples=40)
@given(_boxes(), sizes)
def test_a_face_goes_without_a_label_only_where_no_side_is_free(faces, wanted):
    """For each face without a label, every candidate place at every size meets a face, a label or the border."""
    out = lay_out(PICTURE, faces, dict.fromkeys(range(len(faces)), wanted), OVER)

    labels = [place.box for place in out.values() if place is not None]
    for i in (i for i, place in out.items() if place is None):
        x1, y1, x2, y2 = faces[i]
        for w, h in wanted:
            if w > PICTURE[0] or h > PICTURE[1]:
                continue
            corners = [(x, y) for x in (x1, x2 - w) for y in (y1 - 2 - h, y2 + 2)]
            corners += [(x, y) for x in (x2 + 2, x1 - 2 - w) for y in (y1, y2 - h)]
            for x, y in corners:
                x, y = max(min(x, PICTURE[0] - w), 0), max(min(y, PICTURE[1] - h), 0)
                assert any(_meet((x, y, x + w, y + h), other) for other in [*faces, *labels])


@settings(deadline=None, max_examples=40)
@given(_boxes(), sizes, st.integers(-3, 3), st.integers(-3, 3))
def test_labels_keep_side_and_size_while_faces_stay(faces, wanted, dx, dy):
    """The same faces again give the same places; a small common step never breaks the rules."""
    asked = dict.fromkeys(range(len(faces)), wanted)
    first = lay_out(PICTURE, faces, asked, OVER)

    again = lay_out(PICTURE, faces, asked, OVER, before=first)
    moved = [(a + dx, b + dy, c + dx, d + dy) for a, b, c, d in faces]
    stepped = lay_out(PICTURE, moved, asked, OVER, before=again)

    assert {i for i, place in again.items() if place} >= {i for i, place in first.items() if place}
    for i, place in first.items():
        if place is not None:
            assert again[i] is not None
            assert again[i].side == place.side
            assert again[i].size <= place.size
    boxes = [place.box for place in stepped.values() if place is not None]
    assert not any(_meet(box, face) for box in boxes for face in moved)


def test_a_lone_label_stays_above_until_the_border_and_then_below():
    """A face that trembles at the height where its label no longer fits above does not make it jump up and down."""
    places = []
    held: dict[int, Place | None] | None = None
    for y in (40, 24, 18, 24, 18, 24, 40):
        held = lay_out(PICTURE, [(100, y, 160, y + 60)], {0: [(70, 20)]}, OVER, before=held)
        places.append(held[0])

    assert [place.side for place in places if place] == ["above", "above", *["below"] * 5]


def test_a_label_grows_again_only_with_room_to_spare():
    """Shrunk by a neighbour, it stays small while the neighbour is near, and is large again once it has gone."""
    asked = {0: [(100, 20), (40, 20)]}
    alone = (300, 200, 340, 240)

    def placed(neighbours, before):
        return lay_out(PICTURE, [alone, *neighbours], asked, ["above"], before=before, gap=4)

    near = placed([(380, 170, 420, 210)], None)
    just_off = placed([(402, 170, 442, 210)], near)
    gone = placed([], just_off)

    assert [out[0].size for out in (near, just_off, gone)] == [1, 1, 0]


@pytest.mark.parametrize("sides", [OVER, BESIDE])
def test_every_side_is_used_where_the_others_are_taken(sides):
    """A label finds the only free side."""
    face, label = (300, 200, 340, 240), (40, 20)
    free = lay_out(PICTURE, [face], {0: [label]}, sides)[0]
    assert free is not None
    assert free.side == sides[0]

    for side in sides:
        only = lay_out(PICTURE, [face], {0: [label]}, [side])[0]
        others = [
            lay_out(PICTURE, [face], {0: [label]}, [other])[0].box
            for other in sides
            if not _meet(lay_out(PICTURE, [face], {0: [label]}, [other])[0].box, only.box)
        ]
        found = lay_out(PICTURE, [face], {0: [label]}, sides, taken=others)[0]
        assert found is not None
        assert _meet(found.box, only.box)
