"""How the detector's numbers are rounded to 8 bits: its answers change less than by rounding each for itself."""

from importlib import resources
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch
from skimage import data

from mien.data.faces import FacePicture
from mien.data.pictures import Pixels
from mien.learn.detector import quantize
from mien.learn.detector.eight.channels import equalise
from mien.learn.detector.eight.network import Network, step_of
from mien.learn.detector.eight.prepare import prepared
from mien.learn.detector.eight.ranges import difference, fitted_ranges, seen_ranges
from mien.learn.detector.eight.weights import compensated, round_weights

FLOAT = Path(str(resources.files("mien") / "assets" / "models" / "face.onnx"))
NOTHING = (np.zeros((0, 4), np.float32), np.zeros((0, 5, 2), np.float32), np.zeros((0, 4), np.float32))
LEAST = -12.0
STRIDES = ("stride8", "stride16", "stride32")


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Two threads wait for each other where other work runs."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def pictures() -> list[np.ndarray]:
    """A photograph (NASA) and its left half, blue-green-red, sides multiples of 32 px."""
    image = np.ascontiguousarray(data.astronaut()[:, :, ::-1])
    return [image[None], np.ascontiguousarray(image[None, :, :320])]


@pytest.fixture(scope="module")
def images(pictures) -> list[torch.Tensor]:
    """The same as tensors."""
    return [torch.from_numpy(picture) for picture in pictures]


def network() -> Network:
    """The packaged detector in float32, as it is quantised."""
    graph = onnx.load(str(FLOAT)).graph
    return Network(graph, prepared(graph))


def apart(exact, others) -> float:
    """How far the maps of some pictures are off."""
    return sum(difference(wanted, got) for wanted, got in zip(exact, others, strict=True))


def floored(maps: list[torch.Tensor]) -> list[torch.Tensor]:
    """Raw maps whose scores are no less than what a file can say."""
    return [torch.cat([one[:, :1].clamp(min=LEAST), one[:, 1:]], 1) for one in maps]


def answers(model: onnx.ModelProto, picture: np.ndarray) -> list[np.ndarray]:
    """Maps of a file, the score as a logit of at least `LEAST`: smaller ones are lost in the file's."""
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    maps = session.run(STRIDES, {"image": picture})
    for one in maps:
        score = np.clip(one[:, 0], 1e-30, 1 - 1e-7)
        one[:, 0] = np.maximum(np.log(score / (1 - score)), LEAST)
    return maps


def test_torch_computes_what_the_file_does(pictures, images):
    """In float32, raw maps are those of the packaged file."""
    found = floored(network().maps(images[0]))
    for ours, theirs in zip(found, answers(onnx.load(str(FLOAT)), pictures[0]), strict=True):
        np.testing.assert_allclose(ours.numpy(), theirs, atol=2e-2)


def test_like_channels_change_nothing_but_their_sizes(images):
    """The maps stay; in what the first convolution gives, the largest channel is less far above the others."""
    net = network()
    name = net.layers[1].output  # after the first activation

    def spread() -> float:
        tops = net.values(images[0], name)[name].amax((0, 2, 3))
        return float(tops.max() / tops.median())

    before, exact = spread(), [net.maps(image) for image in images]
    equalise(net, images)

    for wanted, got in zip(exact[0], net.maps(images[0]), strict=True):
        torch.testing.assert_close(got, wanted, atol=1e-3, rtol=1e-4)
    assert spread() < before


def test_ranges_are_drawn_in_where_that_helps(images):
    """No limit is wider than what was seen, zero stays inside, and the maps are nearer to those in float32."""
    net = network()
    exact = [net.maps(image) for image in images]
    seen = seen_ranges(net, images)
    fitted = fitted_ranges(net, images, seen)
    errors = []
    for net.ranges in (seen, fitted):
        errors.append(apart(exact, [net.maps(image) for image in images]))

    assert fitted.keys() == seen.keys()
    assert all(seen[name][0] <= low <= 0 < high <= seen[name][1] for name, (low, high) in fitted.items())
    assert any(fitted[name] != seen[name] for name in seen)
    assert errors[1] < errors[0]


def test_rounding_makes_up_for_what_it_changes():
    """Of inputs that go together, the outputs' error is a fraction of that of rounding each weight for itself."""
    rng = np.random.default_rng(3)
    inputs = rng.normal(1, 1, (4, 2000)).repeat(6, 0) + rng.normal(0, 0.1, (24, 2000))
    columns = torch.from_numpy(np.vstack([inputs, np.ones(2000)]))
    rows = torch.from_numpy(rng.normal(0, 1, (5, 25)))
    steps = torch.full((5,), 0.3, dtype=torch.float64)

    found = compensated(rows, columns @ columns.T / 2000, steps)
    nearest = torch.cat([(rows[:, :-1] / steps[:, None]).round() * steps[:, None], rows[:, -1:]], 1)

    def error(other: torch.Tensor) -> float:
        return float(((other - rows) @ columns).square().mean())

    multiples = found[:, :-1] / steps[:, None]
    torch.testing.assert_close(multiples, multiples.round(), atol=1e-9, rtol=0)
    assert error(found) < 0.1 * error(nearest)


@pytest.mark.parametrize("scale", [1.0, 0.0])
def test_inputs_of_their_own_are_rounded_to_the_nearest(scale):
    """Nothing makes up for a weight whose input goes with no other; a layer that only reads 0 is rounded, too."""
    rows = torch.tensor([[0.26, -0.74, 1.1, 0.5]], dtype=torch.float64)
    moments = torch.diag(torch.tensor([3.0 * scale, 2.0 * scale, 1.0 * scale, 1.0])).double()
    found = compensated(rows, moments, torch.tensor([0.5]))
    torch.testing.assert_close(found, torch.tensor([[0.5, -0.5, 1.0, 0.5]], dtype=torch.float64))


def test_no_weight_leaves_its_bits():
    """What others make up for never needs more than 64 steps."""
    moments = torch.full((3, 3), 1.0).double() + 1e-3 * torch.eye(3).double()
    found = compensated(torch.tensor([[64.4, 64.4, 0.0]], dtype=torch.float64), moments, torch.tensor([1.0]))
    assert found[0, :2].tolist() == [64.0, 64.0]


def test_the_file_in_8_bits_computes_what_was_rounded(pictures, images):
    """ONNX Runtime's answers are those of the rounded network, and nearer to float32 than without all this."""
    photographs = [FacePicture(str(n), Pixels(one[0]), *NOTHING) for n, one in enumerate(pictures)]
    model = quantize.quantized(FLOAT, photographs, side=512)
    exact = floored(network().maps(images[0]))

    graph = onnx.load(str(FLOAT)).graph
    rounded = quantize.rounded(graph, prepared(graph), images)
    got = [torch.from_numpy(one) for one in answers(model, pictures[0])]
    assert difference(floored(rounded.maps(images[0])), got) < 0.3 * difference(
        exact, got
    )  # sums rounded in another order

    plain = network()
    plain.ranges = seen_ranges(plain, images)
    for layer in plain.layers:
        if layer.kind == "Conv" and layer.eight:
            kernel = plain.weights[layer.inputs[1]]
            step = step_of(kernel)[:, None, None, None]
            kernel.copy_((kernel / step).round() * step)
    assert difference(exact, got) < 0.5 * difference(exact, floored(plain.maps(images[0])))


def test_rounded_weights_are_multiples_of_their_steps(images):
    """Of every layer that computes in 8 bits, and no others change."""
    net, before = network(), network()
    net.ranges = seen_ranges(net, images)
    round_weights(net, images)
    eight = [layer.inputs[1] for layer in net.layers if layer.kind == "Conv" and layer.eight]
    for name in eight:
        counts = net.weights[name] / step_of(before.weights[name])[:, None, None, None]
        assert float((counts - counts.round()).abs().max()) < 1e-3
        assert float(counts.abs().max()) <= 64 + 1e-3
    others = {layer.inputs[1] for layer in net.layers if layer.kind == "Conv"} - set(eight)
    assert others and all(torch.equal(net.weights[name], before.weights[name]) for name in others)
