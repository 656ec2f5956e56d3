"""Laws that hold for any input: suppression, pictures, labels, tables, smoothing."""

import csv
import io
import math

import damage_readers  # noqa: F401 - finds the makers of data sets
import numpy as np
from data_worlds import png
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as stn
from PIL import Image

from mien.core.contract import CropSpec, DetectorInfo, ModelInfo
from mien.core.errors import DataError, ImageError, ModelError
from mien.core.geometry import iou, non_maximum_suppression
from mien.core.labels import LabelSet
from mien.infer.smooth import Smoother
from mien.pictures.decode import load_image

QUICK = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
_SIDE = st.floats(0, 200, width=32)
BOX = st.tuples(_SIDE, _SIDE, _SIDE, _SIDE).map(lambda v: [v[0], v[1], v[0] + v[2], v[1] + v[3]])
NAMES = st.lists(st.text(min_size=1, max_size=12), min_size=1, max_size=6)


@QUICK
@given(st.lists(st.tuples(BOX, st.integers(0, 64)), max_size=12), st.integers(0, 16))
def test_suppression(faces, sixteenths):
    """Kept boxes overlap one another by no more than the threshold; every other box overlaps a better one by more."""
    boxes, threshold = np.reshape([box for box, _ in faces], (-1, 4)), sixteenths / 16
    scores = [score / 64 for _, score in faces]
    kept = non_maximum_suppression(boxes, scores, threshold).tolist()
    overlap = iou(boxes, boxes)

    assert [scores[i] for i in kept] == sorted((scores[i] for i in kept), reverse=True)
    assert all(overlap[i, j] <= threshold for i in kept for j in kept if i != j)
    for i in set(range(len(boxes))) - set(kept):
        assert any(overlap[i, j] > threshold and scores[j] >= scores[i] for j in kept)


@QUICK
@given(
    stn.arrays(
        st.one_of(stn.integer_dtypes(), stn.unsigned_integer_dtypes(), stn.floating_dtypes(), stn.boolean_dtypes()),
        stn.array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=6),
    )
)
def test_any_array(array):
    """Whatever its type, shape and values: a picture of its height and width, channels first or last, or one error."""
    before = array.copy()
    try:
        image = load_image(array)
    except ImageError as error:
        assert str(error)
    else:
        last = array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (1, 3, 4))
        height_and_width = [array.shape[:2]] if last else [array.shape[-2:], array.shape[-3:-1]]
        assert (image.dtype, image.shape[2]) == (np.uint8, 3)
        assert image.shape[:2] in height_and_width
    np.testing.assert_array_equal(array, before)


@QUICK
@given(
    stn.arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(3))),
    st.sampled_from(["PNG", "BMP", "TIFF", "PPM", "TGA"]),
)
def test_pictures_without_loss(rgb, kind):
    """What a lossless format stores is what is read."""
    stream = io.BytesIO()
    Image.fromarray(rgb).save(stream, kind)

    np.testing.assert_array_equal(load_image(stream.getvalue()), rgb[..., ::-1])


@QUICK
@given(NAMES)
def test_any_labels(names):
    """A set of labels is refused, or each of its names is found at its place, in any case and spacing."""
    try:
        labels = LabelSet(names)
    except DataError as error:
        assert str(error)
        return
    for i, name in enumerate(names):
        assert labels.index(name) == i
        assert labels.index(f"  {name} ") == i
    assert labels.mapping_to(labels) == tuple(range(len(names)))


@QUICK
@given(NAMES, st.integers(8, 1024), st.floats(), st.floats(), st.text(max_size=9))
def test_metadata_survive(names, size, margin, shift, name):
    """Metadata of a model file are read back as they were written, or refused."""
    try:
        info = ModelInfo(name, tuple(names), CropSpec(size, margin, shift_y=shift))
        back = ModelInfo.from_json(info.to_json(), "a.onnx")
    except ModelError as error:
        assert "a.onnx" in str(error)
        return
    assert back == info


@QUICK
@given(st.text(max_size=60) | st.binary(max_size=60).map(lambda data: data.decode("latin-1")))
def test_any_text_as_metadata(text):
    """Text that is no metadata is refused by both kinds of model files."""
    for kind in (ModelInfo, DetectorInfo):
        try:
            kind.from_json(text, "a.onnx")
        except ModelError as error:
            assert str(error)
        else:
            raise AssertionError("read")


@QUICK
@given(
    rows=st.lists(
        st.tuples(st.sampled_from(["happy", "sad", "Anger", " joy"]), st.text(max_size=8)), min_size=1, max_size=6
    )
)
def test_any_cells_of_a_table(rows, tmp_path_factory):
    """Subjects of any text go through a CSV of paths as they are, without the spaces around them."""
    from mien.data import read

    folder = tmp_path_factory.mktemp("table")
    (folder / "a.png").write_bytes(png(np.zeros((4, 4), np.uint8)))
    with (folder / "list.csv").open("w", encoding="utf-8", errors="surrogatepass", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "label", "subject"])
        writer.writerows(["a.png", label, subject] for label, subject in rows)
    try:
        manifest = read(folder / "list.csv")
    except DataError as error:
        assert str(error)
        assert any(not s.isprintable() for _, s in rows)
        return
    assert [str(s) for s in manifest.subject] == [s.strip() for _, s in rows]


@QUICK
@given(
    st.lists(
        st.tuples(st.floats(0, 0.5), st.lists(st.floats(0.01, 1), min_size=3, max_size=3)), min_size=1, max_size=20
    )
)
def test_smoothing(steps):
    """For any probabilities at any rate: smoothed ones sum to 1, and the label is one of the model's."""
    smoother, time_s = Smoother(), 0.0
    for step, weights in steps:
        time_s += step
        values = np.array(weights) / sum(weights)
        smooth, label = smoother.update(1, values, time_s)

        assert math.isclose(sum(smooth), 1, abs_tol=1e-6)
        assert min(smooth) >= 0
        assert 0 <= label < 3
