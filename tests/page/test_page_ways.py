"""On this device: threads and graphics cards are taken where they are possible, quicker and give the same."""

import pytest
from page_worlds import CHROMIUM, Tab, folder_served
from server_worlds import running

_WAY = "() => document.documentElement.dataset.way"
_GPU = ("--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader", "--enable-features=Vulkan")
_PATIENCE_MS = 60_000

_ON_BOTH = """async (patience) => {
  const text = `onmessage = async ({ data: { at, provider } }) => {
    try {
      const ort = await import(at + 'runtime/ort.' + provider + '.min.mjs');
      ort.env.wasm.numThreads = 1;
      ort.env.logLevel = 'error';
      ort.env.wasm.wasmPaths = at + 'runtime/';
      const model = await (await fetch(at + 'models/expression.onnx')).arrayBuffer();
      const session = await ort.InferenceSession.create(model, { executionProviders: [provider] });
      const { size } = (await (await fetch(at + 'config.json')).json()).model.crop;
      const pixels = Uint8Array.from({ length: size * size }, (_, i) => (i * i + 7 * i) % 251);
      const { probabilities } = await session.run({ crops: new ort.Tensor('uint8', pixels, [1, size, size]) });
      postMessage(Array.from(probabilities.data));
    } catch (error) {
      postMessage(String(error));
    }
  }`;
  const address = URL.createObjectURL(new Blob([text], { type: 'text/javascript' }));
  const answers = ['wasm', 'webgpu'].map((provider) => new Promise((resolve) => {
    const worker = new Worker(address, { type: 'module' });
    worker.onmessage = ({ data }) => resolve(data);
    worker.postMessage({ at: location.origin + '/', provider });
    setTimeout(() => { worker.terminate(); resolve(null); }, patience);
  }));
  return Promise.all(answers);
}"""


def _read_the_examples(tab):
    page = tab.ready()
    tab.engine("device")
    page.click("#tab-photo")
    page.click("#tryphoto")
    page.wait_for_selector("#photosum:text('2 pictures, 2 faces')")
    return page


def test_the_quicker_way_is_taken_and_remembered(site, open_tab, shipped_detector):
    """One thread or several, as was measured; a second page of the day does not measure again."""
    tab = open_tab(site)
    page = _read_the_examples(tab)
    cores = page.evaluate("() => Math.min(navigator.hardwareConcurrency, 4)")
    assert page.evaluate(_WAY) in {"wasm 1", f"wasm {cores}"}

    kept = page.evaluate("() => localStorage.getItem('mien-way')")
    if cores > 1:
        # What was remembered is believed, whichever way it names.
        page.evaluate("(kept) => localStorage.setItem('mien-way', kept)", kept.replace('"at":0', '"at":1'))
        page.reload()
        page = _read_the_examples(tab)
        assert page.evaluate(_WAY) == f"wasm {cores}"


def test_a_page_that_may_not_share_memory_has_one_thread(open_tab, runtime_files, shipped_detector, tmp_path):
    """A web server without the two headers: one thread, nothing to measure, nothing remembered."""
    from mien.app.spaces import write_space

    write_space(tmp_path / "space", "static")
    assert "cross-origin-embedder-policy: require-corp" in (tmp_path / "space/README.md").read_text("utf-8")
    with folder_served(tmp_path / "space") as there:
        page = _read_the_examples(open_tab(there))
        assert page.evaluate("() => crossOriginIsolated") is False
        assert page.evaluate(_WAY) == "wasm 1"
        assert page.evaluate("() => localStorage.getItem('mien-way')") is None


@pytest.mark.parametrize(
    ("theirs", "same"),
    [([[0.5, 0.5], [100]], True), ([[0.5009, 0.4991], [100.05]], True), ([[0.502, 0.498], [100]], False),
     ([[0.5, 0.5], [100.2]], False), ([[0.5], [100]], False), ([[0.5, None], [100]], False)],
)  # fmt: skip
def test_ways_must_answer_alike(site, open_tab, theirs, same):
    """Probabilities within 0.001; larger numbers within a thousandth of the largest."""
    page = open_tab(site).ready()
    script = "async (theirs) => (await import('/static/quickest.mjs')).alike([[0.5, 0.5], [100]], theirs)"
    given = [[float("nan") if value is None else value for value in row] for row in theirs]
    assert page.evaluate(script, given) is same


@pytest.fixture(scope="module")
def with_graphics(chromium, runtime_files):
    """Chromium whose graphics card is a program; skips where the files or the adapter are not to be had."""
    from mien.app.server import runtime

    if not runtime.has_webgpu():
        pytest.skip("the runtime for graphics cards is not there (`mien page pull --webgpu`)")
    graphics = chromium.browser_type.launch(executable_path=CHROMIUM, args=["--no-sandbox", *_GPU])
    yield graphics
    graphics.close()


def _adapter(page):
    if not page.evaluate("async () => Boolean(await navigator.gpu?.requestAdapter())"):
        pytest.skip("this Chromium has no WebGPU, not even in software")


def test_a_graphics_card_that_is_slow_is_left_alone(with_graphics, site, shipped_detector):
    """WebGPU is tried where there is an adapter; one in software is slower, so WebAssembly reads, and reads right."""
    tab = Tab(with_graphics.new_context(service_workers="block"), site.address)
    tab.page.goto(f"http://{site.address}/")
    _adapter(tab.ready())
    page = _read_the_examples(tab)
    kept = page.evaluate("() => localStorage.getItem('mien-way')")
    assert "webgpu" in kept
    assert page.evaluate(_WAY).startswith("wasm ")
    assert tab.errors == []
    tab.context.close()


def test_a_graphics_card_answers_as_the_processor(with_graphics, tiny_model):
    """The same crop through both, within 0.001."""
    from mien.infer.options import AnalyzerOptions

    with running(analyzer=AnalyzerOptions(model=tiny_model, detector="none")) as service:
        page = with_graphics.new_page(service_workers="block")
        page.goto(f"http://{service.address}/")
        _adapter(page)
        processor, card = page.evaluate(_ON_BOTH, _PATIENCE_MS)
        page.close()
    if card is None:
        pytest.skip(f"WebGPU in software did not answer within {_PATIENCE_MS / 1000:.0f} s")
    assert card == pytest.approx(processor, abs=1e-3)
