"""What training makes of a second look at faces that are not sure, and which arithmetic it learns in."""

import dataclasses
import itertools
from collections.abc import Callable
from importlib import resources
from pathlib import Path

import cv2
import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch
from skimage import data

from mien.core.errors import OptionError, TrainError
from mien.core.types import Face
from mien.data.faces import FacePicture
from mien.data.pictures import Pixels
from mien.infer.detectors.own import OwnDetector
from mien.infer.detectors.scaling import DetectOptions
from mien.infer.detectors.second_look import Seen
from mien.learn import steps
from mien.learn.detector.calibrate import fit_scores
from mien.learn.detector.data import decoded
from mien.learn.detector.net import DetectorNet, Widths
from mien.learn.detector.release import release
from mien.learn.detector.second import fit, train
from mien.learn.detector.second import squares as squares_module
from mien.learn.detector.second import teachers as teachers_module
from mien.learn.detector.second import turned as turned_module
from mien.learn.detector.second.config import SecondConfig
from mien.learn.detector.second.export import SecondFile, network_file, quantized_file, second_file
from mien.learn.detector.second.mix import mixed_second
from mien.learn.detector.second.net import begun
from mien.learn.detector.second.recover import recovered_second
from mien.learn.detector.second.squares import Learned, Squares
from mien.learn.detector.second.teachers import Teachers
from mien.learn.detector.second.turned import TurnedFaces

FLOAT16 = onnx.TensorProto.FLOAT16
PACKAGED = Path(str(resources.files("mien") / "assets" / "models" / "face-int8.onnx"))
NO_POINTS = np.zeros((0, 5, 2), np.float32)
NOTHING = np.zeros((0, 4), np.float32)
NETWORK = SecondFile(b"", 96, 2.4)


def chance(logit):
    """The sigmoid."""
    return 1 / (1 + np.exp(-np.asarray(logit)))


def test_two_scores_become_one_chance():
    """The slopes and the shift that made the hits come back; the order of many boxes does not matter."""
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 1.5, (40_000, 2))
    hits = rng.random(40_000) < chance(logits @ [0.8, 0.4] - 0.7)

    first, other, shift = fit_scores(chance(logits), hits)

    assert (first, other, shift) == (
        pytest.approx(0.8, abs=0.04),
        pytest.approx(0.4, abs=0.04),
        pytest.approx(-0.7, abs=0.04),
    )


def picture(key, box=None) -> FacePicture:
    """A grey photograph of 640 px, with a face or without."""
    boxes = NOTHING if box is None else np.array([box], np.float32)
    points = np.full((len(boxes), 5, 2), np.nan, np.float32)
    return FacePicture(key, Pixels(np.full((480, 640, 3), 90, np.uint8)), boxes, points, NOTHING)


@pytest.fixture
def looks(monkeypatch):
    """What both looks say is made up: give first scores, second ones, and boxes of each photograph in turn."""
    told: dict[str, Callable[[int], list]] = {}

    class Detector:
        def __init__(self, *_given):
            pass

    turns = itertools.count()
    monkeypatch.setattr(fit, "OwnDetector", Detector)
    monkeypatch.setattr(fit, "SecondNetwork", lambda *_: None)
    monkeypatch.setattr(fit, "read_model", lambda _path: b"")
    monkeypatch.setattr(fit, "seen", lambda *_: told["faces"](next(turns)))
    monkeypatch.setattr(fit, "seen_again", lambda places, *_: [Seen(c) for c in told["chances"](len(places))])
    return told


def test_a_second_look_is_fitted_where_it_tells_faces_from_others(looks):
    """First scores say little here and second ones much; sure faces do not count."""
    rng = np.random.default_rng(1)
    photographs = [picture(str(i), (100, 100, 160, 160)) if i % 2 else picture(str(i)) for i in range(200)]
    hits: list[bool] = []

    def faces(turn):
        hits.append(turn // 2 % 2 == 1)  # every photograph is looked at as it is and enlarged
        score = float(rng.uniform(0.3, 0.8)) + hits[-1] / 10
        return [Face((100, 100, 160, 160), score), Face((300, 300, 320, 320), 0.99)]

    looks["faces"] = faces
    looks["chances"] = lambda number: chance(rng.normal(1.5 if hits[-1] else -1.5, 1, number)).tolist()

    look = fit.fitted(Path("a.onnx"), fit.unfitted(NETWORK), photographs)

    assert look is not None
    assert look.second > look.first > 0
    assert look.second > 1
    assert (look.side, look.margin, look.below, look.points) == (96, 2.4, 0.98, 24.0)
    assert fit.unfitted(SecondFile(b"", 96, 2.4, points=False)).points is None


def test_no_second_look_where_it_says_nothing(looks):
    """Photographs without a face show nothing of it, so that the file is made without."""
    looks["faces"] = lambda _turn: [Face((100, 100, 160, 160), 0.5)]
    looks["chances"] = lambda number: [0.5] * number

    assert fit.fitted(Path("a.onnx"), fit.unfitted(NETWORK), [picture("1"), picture("2")]) is None
    looks["faces"] = lambda _turn: []
    assert fit.fitted(Path("a.onnx"), fit.unfitted(NETWORK), [picture("1"), picture("2")]) is None


def astronaut() -> FacePicture:
    """A photograph with one face."""
    box = np.array([[177, 65, 270, 193]], np.float32)
    pixels = Pixels(data.astronaut()[..., ::-1].copy())
    return FacePicture("face", pixels, box, np.full((1, 5, 2), np.nan, np.float32), NOTHING)


def coffee() -> FacePicture:
    """A photograph without a face."""
    return FacePicture("empty", Pixels(data.coffee()[..., ::-1].copy()), NOTHING, NO_POINTS, NOTHING)


def test_a_file_is_judged_anew_with_its_weights_as_they_are(tmp_path, monkeypatch):
    """The packaged file, on a photograph with a face and one without: other figures, the same two networks."""
    monkeypatch.setattr("mien.learn.detector.release.fitted", lambda _file, look, _pictures: look)

    info = release(PACKAGED, [astronaut(), coffee()], tmp_path / "face.onnx")

    opened = OwnDetector(tmp_path / "face.onnx", DetectOptions()).info
    assert opened == info
    assert (info.name, info.precision, info.metrics["pictures"]) == ("mien-int8", "int8", 2)
    assert info.metrics["recall"] == info.metrics["ap"] == 1.0
    before = second_file(PACKAGED)
    assert before is not None
    assert info.second_look == fit.unfitted(before)
    assert onnx.load(tmp_path / "face.onnx").graph == onnx.load(PACKAGED).graph
    assert second_file(tmp_path / "face.onnx") == second_file(PACKAGED)


def test_squares_show_what_the_detector_takes_for_faces():
    """Faces are in their middle and called faces, everything else is not; neither is missing. No landmarks."""
    config = SecondConfig(side=32, batch=16, store=64, workers=0)
    samples = decoded([astronaut(), coffee()])

    squares, hits, points = next(iter(Squares(samples, PACKAGED, config, seed=1)))

    assert squares.shape == (16, 32, 32, 3)
    assert squares.dtype == torch.uint8
    assert set(hits.tolist()) == {0.0, 1.0}
    assert points.shape == (16, 5, 2)
    assert points.isnan().all()
    others = next(iter(Squares(samples, PACKAGED, config, seed=2))).squares
    assert not torch.equal(squares, others)


class Says:
    """A session that says one chance of every square."""

    def __init__(self, chance):
        self.chance = chance

    def run(self, outputs, inputs):
        """The chance for each."""
        assert outputs == ["faces"]
        return [np.full(len(inputs["squares"]), self.chance, np.float32)]


def test_teachers_have_half_a_say(monkeypatch):
    """Log-odds of 2 and 0 have the mean 1; a face is learnt as the mean of that chance and 1, no face of it and 0."""
    said = {b"a": 1 / (1 + np.exp(-2)), b"b": 0.5}
    monkeypatch.setattr(teachers_module, "one_thread", lambda data: Says(said[data]))
    squares, hits = np.zeros((2, 32, 32, 3), np.uint8), np.array([True, False])
    files = [SecondFile(data, 32, 2.4) for data in said]

    mean = 1 / (1 + np.exp(-1))
    assert Teachers(files).targets(squares, hits) == pytest.approx([0.5 + mean / 2, mean / 2])
    assert Teachers([]).targets(squares, hits).tolist() == [1.0, 0.0]
    assert Teachers(files).targets(squares[:0], hits[:0]).shape == (0,)

    config = SecondConfig(side=32, batch=16, store=64, workers=0)
    samples = decoded([astronaut(), coffee()])
    taught = next(iter(Squares(samples, PACKAGED, config, seed=1, teachers=files[1:])))
    assert set(taught.hits.tolist()) == {0.25, 0.75}


def test_a_teacher_of_other_squares_is_refused(tmp_path):
    """Both sizes are named, before anything is trained."""
    with pytest.raises(TrainError, match="squares of 64 px, 2.4 times a face; .* takes 32 px"):
        train.train_second([], PACKAGED, DetectorNet(Widths()), SecondConfig(side=32), tmp_path,
                           teachers=[SecondFile(b"", 64, 2.4)])  # fmt: skip


def marked() -> FacePicture:
    """A photograph whose one face has five landmarks, each a spot of its own colour on grey."""
    image = np.full((400, 500, 3), 40, np.uint8)
    for (x, y), color in zip(SPOTS, COLORS, strict=True):
        cv2.circle(image, (x, y), 9, color, -1)
    box = np.array([[150, 100, 270, 260]], np.float32)
    return FacePicture("marked", Pixels(image), box, np.array([SPOTS], np.float32), NOTHING)


SPOTS = [(180, 150), (240, 150), (212, 180), (190, 220), (230, 220)]
COLORS = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0), (255, 0, 255)]


def test_landmarks_turn_with_their_faces(monkeypatch):
    """However a face is turned, mirrored, moved or shrunk, each landmark lies on its spot; a mirrored face's right eye
    is the other one. Sizes and turns differ; some stand on their head."""
    monkeypatch.setattr(turned_module, "degrade", lambda image, _rng: image)
    drawn = TurnedFaces(decoded([marked(), coffee()]), SecondConfig())
    rng = np.random.default_rng(3)
    mirrored = {0: 1, 1: 0, 2: 2, 3: 4, 4: 3}
    slopes, flips = [], []

    assert len(drawn) == 1
    for _ in range(60):
        square, points = drawn.draw(rng)
        across, down = points[1] - points[0], points[3:].mean(0) - points[:2].mean(0)
        slopes.append(np.degrees(np.arctan2(across[1], across[0])))
        pixels = np.rint((points + 1) * 48 - 0.5).astype(int).clip(0, 95)
        colors = np.array([square[y, x] for x, y in pixels], float)
        names = [int(np.abs(np.array(COLORS) - color).sum(1).argmin()) for color in colors]
        flips.append(names == [mirrored[i] for i in range(5)])
        assert names == [0, 1, 2, 3, 4] or flips[-1]
        assert across[0] * down[1] - across[1] * down[0] > 0  # mirror image or not, the person's left is right of down
    assert 15 < sum(flips) < 45
    assert sum(abs(slope) > 120 for slope in slopes) >= 2
    assert sum(abs(slope) < 15 for slope in slopes) > 20


def test_faces_without_landmarks_or_too_small_are_not_drawn():
    """The squares of a batch are those of the search alone then."""
    small = dataclasses.replace(marked(), boxes=np.array([[10, 10, 24, 24]], np.float32))
    samples = decoded([astronaut(), coffee(), small])

    assert len(TurnedFaces(samples, SecondConfig())) == 0
    config = SecondConfig(side=32, batch=8, turned=8, store=16, workers=0)
    assert len(next(iter(Squares(samples, PACKAGED, config, seed=1))).squares) == 8
    squares, hits, points = next(iter(Squares(decoded([astronaut(), coffee(), marked()]), PACKAGED, config, seed=1)))
    assert len(squares) == 16
    assert hits[:8].isfinite().all() and hits[8:].isnan().all()
    assert points[:8].isnan().all() and points[8:].isfinite().all()


def test_nothing_to_learn_from_is_said(monkeypatch):
    """A detector that sees nothing gives no squares; the search for them ends."""
    monkeypatch.setattr(squares_module, "seen", lambda *_: [])
    with pytest.raises(TrainError, match="sees nothing"):
        next(iter(Squares(decoded([coffee()]), PACKAGED, SecondConfig(batch=4, workers=0), seed=1)))


EVERYWHERE = np.array([(-0.4, -0.4), (0.4, -0.4), (0.0, 0.2), (-0.3, 0.6), (0.3, 0.6)])


def test_a_second_look_learns_and_goes_on_where_it_was_stopped(tmp_path, monkeypatch, caplog):
    """White discs are faces here and black ones are not: the loss falls; the second part starts with the first one's
    weights; a checkpoint of another network is refused."""
    caplog.set_level("INFO", "mien")

    class Discs(torch.utils.data.IterableDataset):
        def __init__(self, _samples, _detector, config, _seed, _teachers):
            self.config = config

        def __iter__(self):
            rng = np.random.default_rng(0)
            while True:
                hits = rng.random(self.config.batch) < 0.5
                shown = np.full((self.config.batch, 32, 32, 3), 120, np.uint8)
                for one, hit in zip(shown, hits, strict=True):
                    cv2.circle(one, (16, 16), int(rng.integers(5, 12)), [255 * int(hit)] * 3, -1)
                points = torch.from_numpy(np.where(hits[:, None, None], EVERYWHERE, np.nan)).float()
                yield Learned(torch.from_numpy(shown), torch.from_numpy(hits).float(), points)

    monkeypatch.setattr(train, "Squares", Discs)
    monkeypatch.setattr(train, "_LOG_EVERY", 20)
    monkeypatch.setattr(train, "Clock", Ticks)
    net, given = DetectorNet(Widths()), ([], Path("none.onnx"))
    config = SecondConfig(minutes=1, side=32, batch=16, warmup=1, lr=2e-3, ema=0.9, workers=0)

    taught = train.train_second(*given, net, config, tmp_path)

    assert taught is not None
    losses = [float(line.split()[-1].rstrip(".")) for line in caplog.messages if "loss" in line]
    off = [float(line.split("landmarks ")[1].split(",")[0]) for line in caplog.messages if "loss" in line]
    assert losses[-1] - off[-1] < min(losses[0] - off[0], 0.2)
    assert off[-1] < off[0]
    disc = cv2.circle(np.full((32, 32, 3), 120, np.uint8), (16, 16), 8, (255, 255, 255), -1)
    judge = network_file(taught, 2.4)
    assert judge.margin == 2.4
    assert chance_of(judge, disc) > 0.8
    assert chance_of(judge, 240 - np.minimum(disc, 240)) < 0.2
    small = quantized_file(judge, np.stack([disc, 240 - np.minimum(disc, 240)]))
    assert chance_of(small, disc) == pytest.approx(chance_of(judge, disc), abs=0.1)
    assert points_of(judge, disc) == pytest.approx(EVERYWHERE, abs=0.15)
    assert points_of(small, disc) == pytest.approx(points_of(judge, disc), abs=0.03)
    halves = [item for item in onnx.load_from_string(small.data).graph.initializer if item.data_type == FLOAT16]
    assert sorted(tuple(item.dims) for item in halves) == [(1, 128), (10, 96)]  # the last layers

    longer = train.train_second(*given, net, SecondConfig(**{**vars(config), "minutes": 2}), tmp_path)
    assert longer is not None
    assert any("goes on after" in line for line in caplog.messages)
    assert chance_of(network_file(train.load_second(tmp_path / "second.pt"), 2.4), disc) == pytest.approx(
        chance_of(network_file(longer, 2.4), disc)
    )
    with pytest.raises(TrainError, match="another folder"):
        train.train_second(*given, net, SecondConfig(**{**vars(config), "side": 64, "minutes": 3}), tmp_path)


def test_a_networks_file_becomes_a_network_again():
    """With its norms: it says the same, and learns on; 8 bit and other widths are refused."""
    torch.manual_seed(0)
    net = begun(DetectorNet(Widths()), 32).eval()
    for norm in (module for module in net.modules() if isinstance(module, torch.nn.BatchNorm2d)):
        torch.nn.init.uniform_(norm.running_mean, -0.5, 0.5)
        torch.nn.init.uniform_(norm.running_var, 0.5, 2)
        torch.nn.init.uniform_(norm.weight, 0.5, 1.5)
    net.out.weight.data *= 20
    net.points.weight.data *= 200
    shown = torch.rand(16, 3, 32, 32) * 255
    file = network_file(net, 2.4)

    again = recovered_second(file, Widths(), [shown])

    assert net(shown)[0].std() > 0.1
    assert net(shown)[1].std(0).max() > 0.01
    torch.testing.assert_close(again(shown), net(shown), atol=1e-3, rtol=0)
    assert again.dropout.p == net.dropout.p > 0
    learning = again.train()
    learning.dropout.p = 0.0
    torch.testing.assert_close(learning(shown), net(shown), atol=0.02, rtol=0)  # statistics are those of the squares
    squares = shown.permute(0, 2, 3, 1).byte().numpy()
    for wrong, widths in ((quantized_file(file, squares), Widths()), (file, Widths(fine=32))):
        with pytest.raises(TrainError, match="not a float32 network"):
            recovered_second(wrong, widths, [shown])


def test_two_networks_are_mixed():
    """None of them, all, half; one without landmarks leaves those layers alone; other networks are refused."""
    torch.manual_seed(0)
    ours, theirs = (network_file(stirred(Widths()), 2.4) for _ in range(2))
    square = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
    blind = onnx.utils.Extractor(onnx.load_from_string(theirs.data)).extract_model(["squares"], ["faces"])

    assert points_of(mixed_second(ours, theirs, 0.0), square) == pytest.approx(points_of(ours, square), abs=1e-6)
    assert points_of(mixed_second(ours, theirs, 1.0), square) == pytest.approx(points_of(theirs, square), abs=1e-6)
    half, back = mixed_second(ours, theirs, 0.5), mixed_second(theirs, ours, 0.5)
    assert points_of(half, square) == pytest.approx(points_of(back, square), abs=1e-6)
    assert points_of(half, square) != pytest.approx(points_of(ours, square), abs=1e-6)
    seeing = mixed_second(ours, dataclasses.replace(theirs, data=blind.SerializeToString()), 1.0)
    assert chance_of(seeing, square) == pytest.approx(chance_of(theirs, square), abs=1e-6)
    layers = [dict(weights_of(file)) for file in (ours, theirs, seeing)]
    last = max(layers[0], key=lambda name: layers[0][name].shape == (10, layers[0][name].shape[-1]))
    assert np.array_equal(layers[2][last], layers[0][last])
    assert not np.array_equal(layers[2][last], layers[1][last])

    small = quantized_file(theirs, np.repeat(square[None], 4, 0))
    wide = network_file(stirred(Widths(eighth=64)), 2.4)
    with pytest.raises(TrainError, match="not a float32 network"):
        mixed_second(ours, small, 0.5)
    with pytest.raises(TrainError, match="instead of"):
        mixed_second(ours, wide, 0.5)


def stirred(widths):
    """A network no two of whose layers have the same bias."""
    net = begun(DetectorNet(widths), 32).eval()
    for module in net.modules():
        if getattr(module, "bias", None) is not None:
            torch.nn.init.uniform_(module.bias, -0.5, 0.5)
    return net


def weights_of(file):
    """Names and values of a network's weights."""
    weights = onnx.load_from_string(file.data).graph.initializer
    return ((item.name, onnx.numpy_helper.to_array(item)) for item in weights)


class Ticks:
    """A clock that a second passes on at every look at what is left."""

    def __init__(self, budget_s, spent_s):
        self.budget_s, self.spent_s = budget_s, spent_s

    @property
    def left_s(self):
        """Seconds that are left."""
        self.spent_s += 1
        return max(self.budget_s - self.spent_s, 0)

    @property
    def share(self):
        """Of the budget, in 0..1."""
        return self.spent_s / self.budget_s


def points_of(file, square) -> np.ndarray:
    """Where a network's file sees the landmarks of one square, (5, 2)."""
    return ort.InferenceSession(file.data).run(["points"], {"squares": square[None]})[0][0]


def chance_of(file, square) -> float:
    """What a network's file says of one square."""
    return float(ort.InferenceSession(file.data).run(["faces"], {"squares": square[None]})[0][0])


@pytest.mark.parametrize("wrong", [{"minutes": 0}, {"side": 40}, {"side": 0}])
def test_impossible_settings_are_refused(wrong):
    """With the values that came."""
    with pytest.raises(OptionError, match="multiple of 16"):
        SecondConfig(**wrong)


@pytest.mark.parametrize(("seconds", "faster"), [((1.0, 0.4), True), ((0.4, 4.0), False)])
def test_the_faster_arithmetic_is_measured(monkeypatch, seconds, faster):
    """A machine whose bfloat16 steps are quicker learns in it, one that has none does not."""
    clock = itertools.accumulate(itertools.cycle((0.0, seconds[0], 0.0, seconds[1])))
    monkeypatch.setattr(steps.time, "perf_counter", lambda: next(clock))
    weight = torch.ones(2, 2, requires_grad=True)

    assert steps.faster_in_bfloat16(lambda: [weight @ weight]) is faster
