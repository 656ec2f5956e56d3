"""Training of the detector: windows and their labels, the loss, resuming, and the exported file."""

import json
from importlib import resources
from pathlib import Path
from typing import Any, cast

import cv2
import numpy as np
import pytest
import torch
from skimage import data

from mien.core.contract import DetectorInfo
from mien.core.errors import ModelError, OptionError, TrainError
from mien.data.faces import FacePicture
from mien.data.pictures import Pixels
from mien.infer.crop import tilt_of
from mien.infer.detect import DetectOptions
from mien.infer.detectors.own import OwnDetector, decode, merged, padded
from mien.learn.detector.appearance import defocused, degrade
from mien.learn.detector.augment import Labels, Sample, mosaic, view
from mien.learn.detector.calibrate import calibrated, fit_scores
from mien.learn.detector.config import STRIDES, DetectorConfig
from mien.learn.detector.drawn import drawn
from mien.learn.detector.export import export_detector
from mien.learn.detector.loss import Targets, detection_loss
from mien.learn.detector.net import DetectorNet, Widths
from mien.learn.detector.recover import mixed, recovered, widened
from mien.learn.detector.release import release_int8
from mien.learn.detector.train import CHECKPOINT, HISTORY, Trainer, load_net

NOTHING = np.zeros((0, 4), np.float32)
NO_REGIONS = torch.zeros(0, 5)


def scene(box=(60, 40, 100, 90)) -> Sample:
    """A dark picture with one white ellipse as its face and the landmarks of that face."""
    image = np.full((128, 160, 3), 40, np.uint8)
    x1, y1, x2, y2 = box
    centre, half = ((x1 + x2) // 2, (y1 + y2) // 2), ((x2 - x1) // 2, (y2 - y1) // 2)
    cv2.ellipse(image, centre, half, 0, 0, 360, (255, 255, 255), -1)
    points = [(x1 + 10, y1 + 15), (x2 - 10, y1 + 15), (x1 + 20, y1 + 25), (x1 + 12, y2 - 12), (x2 - 12, y2 - 12)]
    return Sample(image, Labels(np.array([box], np.float32), np.array([points], np.float32), NOTHING))


def empty() -> Sample:
    """A grey picture without a face."""
    return Sample(np.full((96, 128, 3), 90, np.uint8), Labels(NOTHING, np.zeros((0, 5, 2), np.float32), NOTHING))


def targets(boxes, landmarks=None, ignore=NO_REGIONS) -> Targets:
    """Faces of the first picture of a batch."""
    box = torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4)
    points = torch.full((len(box), 5, 2), torch.nan) if landmarks is None else landmarks
    return Targets(torch.zeros(len(box), dtype=torch.long), box, points, ignore)


def blank_maps(size=128, score=-6.0):
    """Raw maps of a network that sees nothing."""
    maps = [torch.zeros(1, 15, size // s, size // s) for s in STRIDES]
    for m in maps:
        m[:, 0] = score
        m[:, 3:5] = -3.0  # boxes of a twentieth of a stride
    return maps


def test_the_box_follows_the_face():
    """Whatever a window does, a face that is whole in it lies where its box says, turned or not."""
    rng = np.random.default_rng(3)
    compared = 0
    for _ in range(200):
        sample = view(scene(), 192, 160, rng)
        assert sample.image.shape == (160, 192, 3)
        for box in sample.labels.boxes:
            x1, y1, x2, y2 = box
            if x1 < 2 or y1 < 2 or x2 > 190 or y2 > 158 or x2 - x1 < 20 or sample.image.max(2)[0].max() > 200:
                continue
            bright = sample.image.min(2) > 150
            if bright[:, :1].any() or bright[:, -1:].any() or bright[-1].any():
                continue  # a bright border
            rows, columns = np.nonzero(bright)
            seen = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
            assert box == pytest.approx(seen, abs=3)
            compared += 1
    assert compared > 40


def test_a_mirrored_or_turned_face_keeps_its_sides():
    """Right and left are the person's: seen along the face, from the eyes to the mouth, the right eye lies left."""
    rng = np.random.default_rng(0)
    turned = 0
    for _ in range(120):
        points = view(scene(), 160, 160, rng).labels.landmarks
        for face in points[np.isfinite(points).all((1, 2))]:
            right, left, _nose, right_mouth, left_mouth = face
            across, down = left - right, right_mouth + left_mouth - right - left
            assert across[0] * down[1] - across[1] * down[0] > 0
            turned += abs(tilt_of(face.tolist())) > 60
    assert turned > 1


def test_windows_cut_faces_down_to_their_half():
    """Some windows cut through a face: its visible part is the box, at least half of the face, never outside."""
    rng = np.random.default_rng(4)
    cut = 0
    for _ in range(200):
        sample = view(scene(), 160, 160, rng)
        for box, points in zip(sample.labels.boxes, sample.labels.landmarks, strict=True):
            assert (box >= 0).all()
            assert (box <= 160).all()
            cut += bool(np.isfinite(points).all() and ((points < 0) | (points > 160)).any())
    assert cut > 5


def test_pictures_without_a_face_are_drawn_and_defocused():
    """Drawn pictures fill their size and differ; what is out of focus has hardly any edges left."""
    rng = np.random.default_rng(5)
    made = [drawn(96, 64, rng) for _ in range(20)]
    assert {image.shape for image in made} == {(64, 96, 3)}
    assert len({image.tobytes() for image in made}) == 20
    noise = rng.integers(0, 256, (120, 160, 3)).astype(np.uint8)
    assert np.abs(np.diff(defocused(noise, rng).astype(int), axis=1)).mean() < 12


def test_appearance_leaves_the_size():
    """Tone, old prints, night, blur, noise and JPEG change pixels only."""
    rng = np.random.default_rng(6)
    image = rng.integers(0, 256, (40, 56, 3)).astype(np.uint8)
    changed = [degrade(image, rng) for _ in range(60)]
    assert {(c.shape, c.dtype) for c in changed} == {(image.shape, image.dtype)}
    assert sum(np.array_equal(c, image) for c in changed) < 20


def test_a_model_file_gives_its_network_back(tmp_path):
    """What is recovered from a file answers as the file does, also with a further block, and in training nearly so."""
    torch.manual_seed(0)
    net = DetectorNet().eval()
    with torch.no_grad():
        net.out.weight.normal_(0, 0.05)
        for index, norm in enumerate(cast(Any, net.norms)):
            norm.running_mean.normal_()
            norm.running_var.uniform_(0.5, 1 + index)
    path = tmp_path / "face.onnx"
    export_detector(net, DetectorInfo("mien", STRIDES, 0.3, 0.4), path)
    images = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (6, 3, 96, 96)).astype(np.float32))

    back = widened(recovered(path, [images]), Widths(wide=16, fine=20, deep=24, broad=40))

    assert (back.widths.wide, back.widths.fine, back.widths.deep, back.widths.broad) == (16, 20, 24, 40)
    with torch.no_grad():
        for ours, theirs in zip(back(images), net(images), strict=True):
            torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-4)
        for ours, theirs in zip(back.train()(images), net(images), strict=True):
            torch.testing.assert_close(ours, theirs, atol=0.05, rtol=0.05)
    export_detector(back.eval(), DetectorInfo("mien", STRIDES, 0.3, 0.4), path)
    assert recovered(path, [images]).widths == back.widths
    export_detector(widened(net, Widths(wide=16)), DetectorInfo("mien", STRIDES, 0.3, 0.4), path)
    assert recovered(path, [images]).widths == Widths(wide=16)
    with pytest.raises(TrainError, match="not a float32 detector file"):
        recovered(Path(str(resources.files("mien") / "assets" / "models" / "face-int8.onnx")), [images])


def test_the_start_is_kept_in_part():
    """The mean has its share of every weight, statistics of its own, and leaves both networks as they are."""
    torch.manual_seed(0)
    net, start = DetectorNet().eval(), DetectorNet().eval()
    before = net.head.weight.clone()
    images = torch.rand(4, 3, 64, 64) * 255

    mean = mixed(net, start, 0.25, [images])

    torch.testing.assert_close(mean.head.weight, 0.75 * net.head.weight + 0.25 * start.head.weight)
    assert torch.equal(net.head.weight, before)
    with torch.no_grad():
        stem = cast(Any, mean.stem)
        centred = stem[0][0]((images - 128) * mean.unit)
    torch.testing.assert_close(stem[0][1].running_mean, centred.mean((0, 2, 3)), atol=1e-4, rtol=1e-3)
    assert not mean.training


def test_scores_become_chances():
    """A score that was too sure comes out as the share of hits, and the network's weights say so."""
    rng = np.random.default_rng(0)
    chance = rng.uniform(0.02, 0.98, 20_000)
    scores = 1 / (1 + np.exp(-(2 * np.log(chance / (1 - chance)) + 1)))  # twice as sure, and shifted

    slope, shift = fit_scores(scores, rng.random(20_000) < chance)

    assert slope == pytest.approx(0.5, abs=0.03)
    assert shift == pytest.approx(-0.5, abs=0.06)
    net = DetectorNet().eval()
    images = torch.zeros(1, 3, 32, 32)
    with torch.no_grad():
        before = net(images)[0]
        after = calibrated(net, slope, shift)(images)[0]
    torch.testing.assert_close(after[:, 0], before[:, 0] * slope + shift)
    torch.testing.assert_close(after[:, 1:], before[:, 1:])
    with pytest.raises(TrainError, match="some of which are faces"):
        fit_scores([0.5, 0.6], [True, True])


def test_small_and_cut_faces_are_ignored_or_forgotten():
    """Nothing below 6 px or mostly outside the window is learned from, and landmarks of small faces are left out."""
    rng = np.random.default_rng(1)
    small = scene((60, 40, 72, 54))
    for _ in range(100):
        labels = view(small, 64, 64, rng).labels
        sides = labels.boxes[:, 2:] - labels.boxes[:, :2]
        assert (np.sqrt(sides.prod(1)) >= 6).all()
        assert np.isnan(labels.landmarks).all()
        assert (labels.boxes >= 0).all()
        assert (labels.boxes <= 64).all()


def test_mosaics_hold_four_pictures():
    """A mosaic is full, its boxes lie inside, and pictures without a face bring none."""
    rng = np.random.default_rng(2)

    made = mosaic([scene(), empty(), scene(), empty()], 128, rng)

    assert made.image.shape == (128, 128, 3)
    assert len(made.labels.boxes) + len(made.labels.ignore) <= 2
    assert degrade(made.image, rng).shape == (128, 128, 3)
    assert len(mosaic([empty()] * 4, 128, rng).labels.boxes) == 0


def test_a_right_answer_costs_least():
    """The same maps cost less when the cell at the face's centre says the box exactly than when it is off."""
    box = [[30.0, 34.0, 58.0, 70.0]]

    def cost(shift):
        maps = blank_maps()
        cell = maps[0][0, :, 6, 5]  # centre (44, 52) lies at the corner of this cell, whose own centre is (44, 52)
        cell[0] = 4.0
        cell[1:3] = torch.tensor([0.0 + shift, 0.0])
        cell[3:5] = torch.log(torch.tensor([28.0, 36.0]) / 8)
        return detection_loss(maps, targets(box))

    right, off = cost(0.0), cost(1.0)

    assert float(right.box) < 0.01
    assert float(right.total) < float(off.total)
    assert float(right.points) == 0


def test_regions_to_ignore_cost_nothing():
    """A sure answer inside a region to ignore is free; outside it costs."""
    maps = blank_maps()
    maps[0][0, 0, 4, 4] = 5.0
    region = torch.tensor([[0.0, 20.0, 20.0, 60.0, 60.0]])

    assert float(detection_loss(maps, targets([], ignore=region)).total) < 0.01
    assert float(detection_loss(maps, targets([])).total) > 1.0


def test_every_face_is_answered_for():
    """Two faces close together, and one at the very edge, all get a cell: the loss pulls at each of them."""
    maps = [m.requires_grad_() for m in blank_maps()]
    boxes = [[40.0, 40.0, 60.0, 60.0], [52.0, 40.0, 72.0, 60.0], [120.0, 120.0, 128.0, 128.0]]

    detection_loss(maps, targets(boxes)).total.backward()

    pulled = sum(int((m.grad[0, 3].abs() > 0).sum()) for m in maps)
    assert pulled >= 3


def test_landmarks_are_learned_where_they_are_known():
    """Landmarks of NaN add nothing; known ones do."""
    box = [[40.0, 40.0, 60.0, 60.0]]
    known = torch.tensor([[[45.0, 45], [55, 45], [50, 50], [46, 55], [54, 55]]])

    assert float(detection_loss(blank_maps(), targets(box)).points) == 0
    assert float(detection_loss(blank_maps(), targets(box, known)).points) > 0


def photographs() -> list[FacePicture]:
    """Six photographs: four with a face, two without."""
    samples = [scene((60, 40, 100, 90)), scene((20, 20, 60, 70)), empty(), scene((80, 30, 120, 80)), scene(), empty()]
    return [
        FacePicture(str(i), Pixels(s.image), s.labels.boxes, s.labels.landmarks, s.labels.ignore)
        for i, s in enumerate(samples)
    ]


def test_a_run_learns_stops_and_goes_on(tmp_path):
    """A short run writes a checkpoint; the same folder with more minutes goes on from its step."""
    config = DetectorConfig(size=64, batch=2, minutes=0.01, workers=0, mine_every=0.001, warmup=2, bf16=False)
    first = Trainer(photographs(), config, tmp_path)

    first.run()

    assert first.step > 0
    longer = DetectorConfig(size=64, batch=2, minutes=0.02, workers=0, mine_every=60, warmup=2, bf16=False)
    second = Trainer(photographs(), longer, tmp_path)
    assert second.step == first.step
    second.run()
    assert second.step > first.step
    net = load_net(tmp_path / CHECKPOINT)
    assert not net.training
    if (tmp_path / HISTORY).exists():
        assert json.loads((tmp_path / HISTORY).read_text().splitlines()[0])["loss"] > 0


def test_a_run_begins_with_the_weights_of_another(tmp_path):
    """A new run that names a checkpoint starts from its averaged weights, with its own steps and schedule."""
    config = DetectorConfig(size=64, batch=2, minutes=0.005, workers=0, mine_every=60, warmup=2, bf16=False)
    first = Trainer(photographs(), config, tmp_path / "first")
    first.run()

    second = Trainer(photographs(), config, tmp_path / "second", tmp_path / "first" / CHECKPOINT)

    assert second.step == 0
    for ours, theirs in zip(second.net.state_dict().values(), first.average.state_dict().values(), strict=True):
        assert torch.equal(ours, theirs)


def test_wrong_use(tmp_path):
    """Pictures without any face, a foreign checkpoint and impossible settings are one sentence each."""
    with pytest.raises(TrainError, match="no face"):
        Trainer(photographs()[2:3], DetectorConfig(size=64), tmp_path)
    with pytest.raises(TrainError, match="There is no checkpoint"):
        load_net(tmp_path / "none.pt")
    (tmp_path / CHECKPOINT).write_bytes(b"x")
    with pytest.raises(TrainError, match="damaged"):
        load_net(tmp_path / CHECKPOINT)
    torch.save({"net": {}}, tmp_path / CHECKPOINT)
    with pytest.raises(TrainError, match="not a checkpoint of this network"):
        load_net(tmp_path / CHECKPOINT)
    for bad in ({"size": 100}, {"minutes": -1}, {"batch": 0}):
        with pytest.raises(OptionError):
            DetectorConfig(**bad)


def test_the_exported_file_answers_as_the_network(tmp_path):
    """Boxes from torch and from the file, on a picture that must be padded, are the same within a hundredth of a
    pixel.
    """
    torch.manual_seed(0)
    net = DetectorNet().eval()
    with torch.no_grad():
        net.out.weight.normal_(0, 0.05)
        net.out.bias[0] = 0.0
        norms = cast(Any, net.norms)
        norms[1].running_mean.normal_()
        norms[2].running_var.uniform_(0.5, 2)
    info = DetectorInfo(name="mien", strides=STRIDES, score=0.3, overlap=0.4, training={"data": "none"})
    export_detector(net, info, tmp_path / "face.onnx")
    image = np.random.default_rng(0).integers(0, 256, (90, 130, 3)).astype(np.uint8)

    detector = OwnDetector(tmp_path / "face.onnx", DetectOptions())
    with torch.no_grad():
        maps = net(torch.from_numpy(padded(image, 32)).permute(2, 0, 1)[None].float())
    raw = [torch.cat([m[:, :1].sigmoid(), m[:, 1:]], 1).numpy() for m in maps]
    wanted = merged(decode(raw, STRIDES, 0.15), 0.4, 0.3)
    found = detector.detect(image)

    assert detector.info == info
    assert len(found) == len(wanted) > 0
    for a, b in zip(found, wanted, strict=True):
        assert a.box == pytest.approx(b.box, abs=0.01)
        assert a.score == pytest.approx(b.score, abs=1e-4)
    assert (tmp_path / "face.onnx").stat().st_size <= 1_200_000


def test_the_file_in_8_bit_finds_what_the_other_finds(tmp_path):
    """The packaged detector in 8 bit: below 1.2 MB, a name and a threshold of its own, the same faces; not twice."""
    validation = photographs()
    source = Path(str(resources.files("mien") / "assets" / "models" / "face.onnx"))
    astronaut = cv2.cvtColor(data.astronaut(), cv2.COLOR_RGB2BGR)
    unknown = np.full((1, 5, 2), np.nan, np.float32)
    face = FacePicture("astronaut", Pixels(astronaut), np.array([[177, 65, 270, 193]], np.float32), unknown, NOTHING)

    info = release_int8(source, [face, *validation], [face, *validation], tmp_path / "int8.onnx")

    whole, small = (OwnDetector(path, DetectOptions(min_score=0.5)) for path in (source, tmp_path / "int8.onnx"))
    assert small.info == info
    assert (info.name, info.precision) == ("mien-int8", "int8")
    assert info.metrics["faces"] == 5
    assert (tmp_path / "int8.onnx").stat().st_size <= 1_200_000
    expected, found = (max(d.detect(astronaut), key=lambda face: face.score) for d in (whole, small))
    assert found.box == pytest.approx(expected.box, abs=5)  # pixels; the face is 130 high
    assert found.score == pytest.approx(expected.score, abs=0.05)
    with pytest.raises(ModelError, match="already"):
        release_int8(tmp_path / "int8.onnx", validation, validation, tmp_path / "again.onnx")
