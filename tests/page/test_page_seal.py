"""On this device: the page shuts its own ways out before it takes a picture, and cannot open them again."""

_TRY = """async (address) => {
  const tries = {
    fetch: () => fetch(address),
    beacon: () => { if (!navigator.sendBeacon(address, 'x')) throw new Error('refused'); },
    request: () => new Promise((resolve, reject) => {
      const request = new XMLHttpRequest();
      request.onload = resolve;
      request.onerror = reject;
      request.open('POST', address);
      request.send('x');
    }),
    socket: () => new Promise((resolve, reject) => {
      const socket = new WebSocket(address.replace('http', 'ws'));
      socket.onopen = resolve;
      socket.onerror = reject;
    }),
    picture: () => new Promise((resolve, reject) => {
      const picture = new Image();
      picture.onload = resolve;
      picture.onerror = reject;
      picture.src = '/static/icon.svg?x';
    }),
    script: () => import('/static/pace.mjs?x'),
  };
  const through = [];
  for (const [name, go] of Object.entries(tries)) {
    await Promise.resolve().then(go).then(() => through.push(name), () => {});
  }
  return through;
}"""
_IN_A_WORKER = """(address) => new Promise((resolve) => {
  const text = `fetch(${JSON.stringify(address)}).then(() => postMessage('through'), () => postMessage('shut'))`;
  const worker = new Worker(URL.createObjectURL(new Blob([text], { type: 'text/javascript' })));
  worker.onmessage = ({ data }) => resolve(data);
})"""

_IN_A_WORKER_OF_A_WORKER = """(address) => new Promise((resolve) => {
  const memory = (text) => URL.createObjectURL(new Blob([text], { type: 'text/javascript' }));
  const text = `fetch(${JSON.stringify(address)}).then(() => postMessage('through'), () => postMessage('shut'))`;
  const outer = `new Worker(URL.createObjectURL(new Blob([${JSON.stringify(text)}], { type: 'text/javascript' })))
    .onmessage = ({ data }) => postMessage(data)`;
  new Worker(memory(outer)).onmessage = ({ data }) => resolve(data);
})"""


def _answered(page):
    """Addresses that answer the page from now on: a request that the browser refuses is never sent."""
    answered = []
    page.on("response", lambda answer: None if answer.url.startswith("blob:") else answered.append(answer.url))
    return answered


def test_nothing_leaves_the_device(site, open_tab, shipped_detector):
    """Once faces are read here no way out is left, not even to the page's own host or after taking the rule away."""
    tab = open_tab(site)
    page = tab.ready()
    tab.engine("device")
    assert page.inner_text("#badge") == "Nothing leaves this device"
    page.click("#trylive")
    page.wait_for_selector("#faces .face:nth-child(2)")
    page.click("#tab-photo")
    page.click("#tryphoto")
    page.wait_for_selector("#photosum:text('2 pictures, 2 faces')")

    assert tab.sent == []
    answered = _answered(page)
    page.evaluate("() => document.querySelectorAll('meta[http-equiv]').forEach((meta) => meta.remove())")
    page.evaluate("""() => {
      window.refused = [];
      document.addEventListener('securitypolicyviolation', ({ effectiveDirective: rule }) => window.refused.push(rule));
    }""")
    through = page.evaluate(_TRY, f"http://{site.address}/v1/model")
    assert through in ([], ["beacon"])  # some browsers say yes to a beacon and drop it
    page.wait_for_timeout(300)
    assert answered == []
    assert {"connect-src", "img-src"} <= set(page.evaluate("() => window.refused"))


def test_the_camera_opens_after_the_seal(site, open_tab, shipped_detector):
    """The order holds by construction: when the browser is asked for the camera, the page is shut already."""
    tab = open_tab(site)
    page = tab.ready()
    tab.engine("device")
    page.evaluate("""() => {
      const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
      navigator.mediaDevices.getUserMedia = (wish) => {
        window.shut = document.documentElement.dataset.sealed;
        return open(wish);
      };
    }""")
    page.click("#start")
    page.wait_for_selector("#faces .face:nth-child(2)")
    assert page.evaluate("() => window.shut") == "true"


def test_threads_are_made_from_memory(site, open_tab, shipped_detector):
    """The page shares memory with nobody, so it may use threads; each of them has the sealed page's policy."""
    tab = open_tab(site)
    page = tab.ready()
    tab.engine("device")
    assert page.evaluate("() => crossOriginIsolated")
    page.click("#tab-photo")
    page.click("#tryphoto")
    page.wait_for_selector("#photosum:text('2 pictures, 2 faces')")
    assert page.workers
    assert all(worker.url.startswith("blob:") for worker in page.workers)


def test_a_worker_from_memory_is_shut_too(site, open_tab):
    """What the page's worker relies on: a worker that is made after the seal has the page's policy."""
    page = open_tab(site).ready()
    address = f"http://{site.address}/v1/model"
    assert page.evaluate(_IN_A_WORKER, address) == "through"
    assert page.evaluate(_IN_A_WORKER_OF_A_WORKER, address) == "through"
    page.evaluate("async () => (await import('/static/seal.mjs')).seal()")
    assert page.evaluate(_IN_A_WORKER, address) == "shut"
    assert page.evaluate(_IN_A_WORKER_OF_A_WORKER, address) == "shut"


def test_the_server_is_reached_by_a_fresh_page_only(site, open_tab, shipped_detector):
    """Choosing the server after the seal loads the page anew, and asks first: what it shows is gone then."""
    tab = open_tab(site)
    page = tab.ready()
    tab.engine("device")
    page.click("#trylive")
    page.wait_for_selector("#faces .face")
    answers = iter(("dismiss", "accept"))
    page.on("dialog", lambda dialog: getattr(dialog, next(answers))())
    page.click("label:has(input[value=server])")
    assert page.is_checked("input[value=device]")
    page.click("label:has(input[value=server])")
    page.wait_for_selector("html[data-ready]:not([data-sealed])", state="attached")
    assert page.is_checked("input[value=server]")
    assert page.inner_text("#badge") == "Pictures go to this page's server"
    page.click("#trylive")
    page.wait_for_selector("#faces .face")
