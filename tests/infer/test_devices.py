"""Devices: what is asked for is what computes, or a sentence says what is missing; never something else in silence."""

import numpy as np
import pytest

import mien
from mien.core.errors import ModelError, OptionError
from mien.infer import session
from mien.infer.devices import DEVICES, available
from mien.infer.session import open_onnx

CPU = "CPUExecutionProvider"


class FakeRuntime:
    """ONNX Runtime with other devices: they compute on the processor, or fail to start."""

    def __init__(self, there, broken=(), falls_back=()) -> None:
        self._real = session.ort
        self.there, self.broken, self.falls_back = there, broken, falls_back
        self.asked: list = []

    def __getattr__(self, name):
        return getattr(self._real, name)

    def get_available_providers(self):
        return [*self.there, CPU]

    def InferenceSession(self, data, options, providers, **more):
        assert more == {"enable_fallback": 0}
        first = providers[0] if isinstance(providers[0], str) else providers[0][0]
        self.asked.append(first)
        if first in self.broken:
            raise RuntimeError("libcudart.so.12: cannot open shared object file")
        real = self._real.InferenceSession(data, options, providers=[CPU], **more)
        return _Session(real, CPU if first in self.falls_back else first)


class _Session:
    def __init__(self, real, provider) -> None:
        self._real, self._provider = real, provider

    def __getattr__(self, name):
        return getattr(self._real, name)

    def get_providers(self):
        return [self._provider]


@pytest.fixture
def runtime(monkeypatch):
    """Replaces the runtime by one that has other devices."""

    def put(*arguments, **more):
        fake = FakeRuntime(*arguments, **more)
        monkeypatch.setattr(session, "ort", fake)
        return fake

    return put


@pytest.mark.parametrize("name", [name for name in DEVICES if name != "cpu"])
def test_a_device_that_the_runtime_lacks(name, tiny_model, runtime):
    """The sentence names the package that has it, and what is there instead."""
    runtime([])
    row = DEVICES[name]

    with pytest.raises(OptionError, match=f"{name} needs {row.package.partition(' ')[0]}.*Here are cpu"):
        mien.Analyzer(tiny_model, "none", device=name)


@pytest.mark.parametrize("name", DEVICES)
def test_a_device_that_is_there(name, tiny_model, astronaut, runtime):
    """Classifier, detector and its second look are opened on it, and the readings are the processor's."""
    wanted = mien.Analyzer(tiny_model).analyze(astronaut)
    fake = runtime(DEVICES[name].providers[:1])

    analyzer = mien.Analyzer(tiny_model, device=name)

    assert set(fake.asked) == {DEVICES[name].providers[0]}
    assert len(fake.asked) == 3
    assert analyzer.classifier.device == name  # type: ignore[attr-defined]  # of a model file
    assert analyzer.analyze(astronaut) == wanted


def test_the_second_name_of_a_device(runtime, tiny_model):
    """Older packages call it otherwise."""
    runtime(["ROCMExecutionProvider"])

    assert open_onnx(tiny_model, device="rocm").device == "rocm"


@pytest.mark.parametrize("trouble", ["broken", "falls_back"])
def test_a_device_that_does_not_start(trouble, tiny_model, runtime):
    """A missing driver is an error, also where the runtime would go on with the processor without a word."""
    runtime(["CUDAExecutionProvider"], **{trouble: ["CUDAExecutionProvider"]})

    with pytest.raises(OptionError, match=r"The device cuda could not be started \(.+\); install its driver"):
        open_onnx(tiny_model, device="cuda")


def test_auto(tiny_model, runtime):
    """The first device of the table that starts; the classifier tells which that was."""
    fake = runtime(["OpenVINOExecutionProvider", "CUDAExecutionProvider"], broken=["CUDAExecutionProvider"])

    assert open_onnx(tiny_model, device="auto").device == "openvino"
    assert fake.asked == ["CUDAExecutionProvider", "OpenVINOExecutionProvider"]
    runtime([])
    assert open_onnx(tiny_model, device="auto").device == "cpu"


def test_a_damaged_model_is_no_matter_of_the_device(tmp_path, runtime):
    """What the processor cannot load either is a damaged file."""
    (tmp_path / "m.onnx").write_bytes(b"no model")

    with pytest.raises(ModelError, match="is not a model that ONNX Runtime can load"):
        open_onnx(tmp_path / "m.onnx", device="auto")


def test_unknown_devices(tiny_model):
    """A name that no device has is told before anything is opened."""
    with pytest.raises(OptionError, match="Unknown device 'cdua'. Did you mean 'cuda'"):
        mien.Analyzer("no-such-model", device="cdua")


def test_the_installed_runtime():
    """The processor is always there, and each device that is listed is one of the table's."""
    assert "cpu" in available()
    assert available().keys() <= DEVICES.keys()


def test_info_and_help_name_the_devices(command):
    """`mien info` says which are there, and every command that reads pictures takes them."""
    assert "devices" in command("info").out
    for name in ("analyze", "detect", "video", "webcam", "batch", "serve"):
        text = command(name, "--help").out
        assert "--device" in text
        assert all(device in text for device in (*DEVICES, "auto"))


def test_threads_on_a_device_that_is_not_shared(tiny_model, runtime):
    """Where the runtime lets only one thread compute in a session, the others wait."""
    runtime(["DmlExecutionProvider"])
    file = open_onnx(tiny_model, device="directml")

    assert file.run({"crops": np.zeros((1, 8, 8), np.uint8)})
    assert hasattr(file._lock, "locked")
