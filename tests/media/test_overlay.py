"""Drawing: the caller's picture stays, sizes are right, and strange faces do no harm."""

from dataclasses import replace

import numpy as np
import pytest

from mien.core.errors import OutputError
from mien.core.types import Face, Reading
from mien.draw.lettering import bars, chip, colour_of
from mien.media.overlay import SteadyDrawing, annotated, draw_panel, draw_readings
from mien.pictures.decode import load_image
from mien.pictures.write import write_picture

LABELS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")


def _reading(box, emotion: int = 3) -> Reading:
    values = tuple(0.7 if i == emotion else 0.05 for i in range(7))
    return Reading(Face(box, 0.9), LABELS, values)


@pytest.mark.parametrize("background", [0, 127, 255])
def test_a_face_is_drawn_on_any_background(background):
    """Box and plates show on black, grey and white, and the caller's picture is not touched."""
    image = np.full((480, 640, 3), background, np.uint8)

    drawn = draw_readings(image, [_reading((200, 100, 300, 220))])

    assert drawn.shape == image.shape
    assert (image == background).all()
    changed = np.abs(drawn.astype(int) - background).max(axis=2) > 40
    assert changed[100:220, 198:203].mean() > 0.5
    assert changed.sum() > 5000 if background else changed.sum() > 2000


def test_every_expression_has_a_bar():
    """A plate has a row per label, and a longer bar for a larger probability."""
    plate = bars(LABELS, (0.0, 0.0, 0.0, 0.9, 0.1, 0.0, 0.0), 20)
    happy = np.array(colour_of("happy"))
    sad = np.array(colour_of("sad"))

    def pixels(colour):
        return (plate[..., :3] == colour).all(axis=2).sum()

    assert pixels(happy) == pytest.approx(9 * pixels(sad), rel=0.15)


@pytest.mark.parametrize(
    "box", [(-50, -50, 20, 20), (630, 470, 900, 900), (0, 0, 640, 480), (10, 10, 10, 10), (-900, 5, -800, 90)]
)
def test_faces_at_and_beyond_the_border(box):
    """A box may leave the picture, fill it, or have no area."""
    assert draw_readings(np.zeros((480, 640, 3), np.uint8), [_reading(box)]).shape == (480, 640, 3)


def test_plates_do_not_hide_other_faces():
    """Beside a neighbour the bars go to the free side: the neighbour's face keeps its pixels."""
    image = np.full((480, 640, 3), 90, np.uint8)
    left, right = (220, 180, 300, 280), (310, 180, 390, 280)

    drawn = draw_readings(image, [_reading(left), _reading(right)])

    inner = drawn[190:270, 320:380]
    assert (inner == 90).mean() > 0.95


def test_small_pictures_are_enlarged_to_be_looked_at():
    """A 48 px picture becomes large enough to read what is drawn; a large one keeps its size."""
    assert max(annotated(np.zeros((48, 40, 3), np.uint8), [_reading((5, 5, 20, 20))]).shape) == 480
    assert annotated(np.zeros((500, 700, 3), np.uint8), []).shape == (500, 700, 3)


def test_the_panel_keeps_one_size():
    """With or without faces the frame has one size, as a video needs."""
    image = np.zeros((480, 640, 3), np.uint8)

    assert draw_panel(image, []).shape == draw_panel(image, [_reading((9, 9, 99, 99))] * 5).shape


def test_labels_in_any_script():
    """A custom label is drawn, not refused."""
    assert chip("überrascht 12%", "überrascht", 14).shape[2] == 4
    assert colour_of("überrascht") == colour_of("überrascht")
    assert colour_of("Anger") == colour_of("angry")


def test_pictures_are_written_whole(tmp_path):
    """The file holds the picture; an unknown suffix or a missing folder is one sentence."""
    image = np.random.default_rng(0).integers(0, 255, (20, 30, 3)).astype(np.uint8)
    write_picture(tmp_path / "a.png", image)

    np.testing.assert_array_equal(load_image(tmp_path / "a.png"), image)
    with pytest.raises(OutputError, match=r"ends in .jpg, .png or .webp"):
        write_picture(tmp_path / "a.xyz", image)
    with pytest.raises(OutputError, match="does not exist"):
        write_picture(tmp_path / "no" / "a.png", image)


def test_a_face_that_fills_the_picture_has_its_bars_beside_it():
    """The crop itself stays visible: the picture grows to the right by a panel."""
    crop = np.full((48, 48, 3), 120, np.uint8)

    drawn = annotated(crop, [_reading((0, 0, 48, 48))])

    assert drawn.shape[0] == 480
    assert drawn.shape[1] > 480 + 150
    assert (drawn[100:400, 100:400] == 120).mean() > 0.95


def test_a_crowd_keeps_its_faces():
    """Where bars would hide other faces they are left out: most pixels of all faces stay as they were."""
    image = np.full((240, 320, 3), 90, np.uint8)
    boxes = [(x, y, x + 50, y + 50) for x in range(5, 300, 60) for y in range(20, 200, 60)]

    drawn = draw_readings(image, [_reading(box) for box in boxes])

    untouched = [(drawn[y1 + 20 : y2 - 5, x1 + 6 : x2 - 6] == 90).mean() for x1, y1, x2, y2 in boxes]
    assert np.mean(untouched) > 0.8


def test_only_large_faces_of_several_have_bars():
    """A small face beside a large one changes nothing below its tag; alone it has its bars."""
    image = np.full((480, 640, 3), 90, np.uint8)
    small = _reading((500, 300, 530, 330))

    together = draw_readings(image, [_reading((100, 100, 220, 240)), small])
    alone = draw_readings(image, [small])

    assert (together[340:] == 90).all()
    assert (together[:, 540:] == 90).mean() > 0.97
    assert (alone != 90).sum() > 10_000


def test_labels_of_a_video_stay_on_their_side():
    """A face near the upper border keeps its label below while it trembles; frames drawn singly would let it jump."""
    image = np.full((480, 640, 3), 90, np.uint8)
    draw = SteadyDrawing()

    def above(y: int) -> bool:
        drawn = draw(image, [replace(_reading((200, y, 300, y + 100)), track=1)])
        return bool((drawn[: y - 4, 210:240] != 90).any())

    assert [above(y) for y in (60, 12, 60, 12, 60)] == [True, False, False, False, False]


def test_a_panel_says_how_many_faces_it_has_no_room_for():
    """Nothing of a long list is cut at the lower edge: the last rows stay empty."""
    image = np.zeros((240, 320, 3), np.uint8)

    drawn = draw_panel(image, [_reading((9, 9, 30, 30))] * 40)

    assert (drawn[-5:, 320:] == 24).all()
    assert (drawn[:, 320:] != 24).any()
