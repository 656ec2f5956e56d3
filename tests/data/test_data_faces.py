"""Readers of photographs with face boxes: Parquet, WIDER FACE, Pascal VOC, and what is wrong with damaged ones."""

import cv2
import numpy as np
import pytest

from mien.core.errors import DataError
from mien.data.faces import load_bgr, read_faces


def png(value=50) -> bytes:
    """A grey picture of 20x10 px."""
    return cv2.imencode(".png", np.full((10, 20, 3), value, np.uint8))[1].tobytes()


def write_parquet(path, **columns):
    """A table with the pictures inside."""
    pa = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    parquet.write_table(pa.table(columns), path)


def test_parquet(tmp_path):
    """One face with landmarks, one without, one picture without a face; grey pictures come as three channels."""
    points = [float(v) for v in range(10)]
    write_parquet(
        tmp_path / "val.parquet",
        image=[{"bytes": png(), "path": "a.png"}, {"bytes": png(), "path": "b.png"}],
        boxes=[[[0.0, 0.0, 5.0, 6.0], [7.0, 1.0, 9.0, 4.0]], []],
        landmarks=[[points, None], []],
        ignore=[[[1.0, 1.0, 2.0, 2.0]], []],
    )

    first, second = read_faces(tmp_path)

    assert first.name == "a.png"
    assert first.boxes.tolist() == [[0, 0, 5, 6], [7, 1, 9, 4]]
    assert first.landmarks[0, 4].tolist() == [8, 9]
    assert np.isnan(first.landmarks[1]).all()
    assert first.ignore.tolist() == [[1, 1, 2, 2]]
    assert second.boxes.shape == (0, 4)
    assert second.landmarks.shape == (0, 5, 2)
    assert load_bgr(first).shape == (10, 20, 3)


def test_shared_photographs(shared):
    """The shared table has the counts that its README names."""
    file = shared / "data" / "faces" / "val.parquet"
    if not file.is_file():
        pytest.skip("the photographs with face boxes are not in the folder of shared data")

    pictures = read_faces(file)

    assert len(pictures) == 627
    assert sum(len(p.boxes) for p in pictures) == 1119
    assert sum(not len(p.boxes) for p in pictures) == 139


def test_wider(tmp_path):
    """Invalid boxes are ignored, empty ones left out, and "0 faces" has its line of zeros."""
    (tmp_path / "wider_face_split").mkdir()
    images = tmp_path / "WIDER_val" / "images" / "0--Parade"
    images.mkdir(parents=True)
    for name in ("a.png", "b.png"):
        (images / name).write_bytes(png())
    (tmp_path / "wider_face_split" / "wider_face_val_bbx_gt.txt").write_text(
        "0--Parade/a.png\n3\n1 2 10 5 0 0 0 0 0 0\n3 3 2 2 0 0 0 1 0 0\n4 4 0 3 0 0 0 0 0 0\n"
        "0--Parade/b.png\n0\n0 0 0 0 0 0 0 0 0 0\n"
    )

    first, second = read_faces(tmp_path)

    assert first.boxes.tolist() == [[1, 2, 11, 7]]
    assert first.ignore.tolist() == [[3, 3, 5, 5]]
    assert len(second.boxes) == 0
    assert load_bgr(second).shape == (10, 20, 3)


def test_voc(tmp_path):
    """Objects are faces, difficult ones are ignored; the picture lies in ../JPEGImages."""
    (tmp_path / "Annotations").mkdir()
    (tmp_path / "JPEGImages").mkdir()
    (tmp_path / "JPEGImages" / "a.png").write_bytes(png())
    box = "<bndbox><xmin>1</xmin><ymin>2</ymin><xmax>8</xmax><ymax>9</ymax></bndbox>"
    (tmp_path / "Annotations" / "a.xml").write_text(
        f"<annotation><filename>a.png</filename><object><name>face</name>{box}</object>"
        f"<object><difficult>1</difficult>{box}</object></annotation>"
    )

    (only,) = read_faces(tmp_path / "Annotations")

    assert only.boxes.tolist() == [[1, 2, 8, 9]]
    assert only.ignore.tolist() == [[1, 2, 8, 9]]
    assert load_bgr(only).shape == (10, 20, 3)


def test_what_is_wrong_is_said(tmp_path):
    """Nothing there, nothing known, a missing picture, a broken box, bytes that are no picture: one sentence each."""
    with pytest.raises(DataError, match="There is no"):
        read_faces(tmp_path / "nowhere")
    with pytest.raises(DataError, match="no photographs with face boxes"):
        read_faces(tmp_path)
    (tmp_path / "x_bbx_gt.txt").write_text("a.png\n1\n1 2 3 4\n")
    with pytest.raises(DataError, match=r"names a\.png, which is in none of"):
        read_faces(tmp_path)
    (tmp_path / "x_bbx_gt.txt").write_text("a.png\nmany\n")
    with pytest.raises(DataError, match="not followed by the number"):
        read_faces(tmp_path)
    (tmp_path / "x_bbx_gt.txt").unlink()
    (tmp_path / "a.xml").write_text("<annotation><object/></annotation>")
    with pytest.raises(DataError, match="no bndbox"):
        read_faces(tmp_path)
    (tmp_path / "a.xml").write_text("<annotation>")
    with pytest.raises(DataError, match="is not XML"):
        read_faces(tmp_path)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"image": [b"x"], "boxes": [[[5.0, 0.0, 1.0, 6.0]]]}, "x1 < x2"),
        ({"image": [b"x"], "boxes": [[[5.0, 0.0, 1.0]]]}, "boxes of 4"),
        ({"image": [b"x"], "boxes": [[[0.0, 0.0, 1.0, 1.0]]], "landmarks": [[[1.0] * 10] * 2]}, "landmarks of 2 faces"),
        ({"image": [b"x"]}, "no column boxes"),
        ({"image": ["text"], "boxes": [[[0.0, 0.0, 1.0, 1.0]]]}, "holds no bytes"),
    ],
)
def test_damaged_tables(tmp_path, columns, message):
    """A table whose values contradict its layout is one sentence."""
    write_parquet(tmp_path / "bad.parquet", **columns)

    with pytest.raises(DataError, match=message):
        read_faces(tmp_path / "bad.parquet")


def test_a_picture_that_cannot_be_read(tmp_path):
    """It shows when the pixels are asked for, with the picture's name."""
    write_parquet(tmp_path / "bad.parquet", image=[{"bytes": b"x", "path": "p.jpg"}], boxes=[[[0.0, 0.0, 1.0, 1.0]]])
    (only,) = read_faces(tmp_path / "bad.parquet")

    with pytest.raises(DataError, match=r"p\.jpg"):
        load_bgr(only)
