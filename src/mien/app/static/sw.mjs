// Keeps the page, its models and the runtime, so that the device's way works without a network. The network comes first: a new
// version shows at once. Takes no messages, asks for nothing but the files named here, and keeps no picture.

const VERSION = "{{version}}"; // of the page's files
const FILES = /** @type {string[]} */ (JSON.parse('{{files}}'));
const worker = /** @type {any} */ (self);
const asked = new URLSearchParams(worker.location.search);
const LANGUAGE = asked.get("lang") ?? "en"; // the only one that is kept
const MODEL = asked.get("model"); // kept beside the usual one

const at = (path) => new URL(path, worker.registration.scope).href;

/** Everything that the page may need on this device. */
async function wanted() {
  const { device } = await (await fetch(at("config.json"), { cache: "no-cache" })).json();
  const runtime = ["ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm"];
  const parts = device ? [device.classifier, device.detector.file, ...runtime.map((name) => device.runtime + name)] : [];
  const chosen = MODEL ? [`models/${MODEL}.json`, `models/${MODEL}.onnx`] : [];
  return ["./", "config.json", ...FILES, `static/lang/${LANGUAGE}.json`, ...chosen, ...parts].map(at);
}

worker.addEventListener("install", (event) => {
  const keep = async () => (await caches.open(VERSION)).addAll(await wanted());
  event.waitUntil(keep().then(() => worker.skipWaiting()));
});

worker.addEventListener("activate", (event) => {
  const old = async () => (await caches.keys()).filter((name) => name !== VERSION && name.startsWith("mien-"));
  const tidy = async () => Promise.all((await old()).map((name) => caches.delete(name)));
  event.waitUntil(tidy().then(() => worker.clients.claim()));
});

worker.addEventListener("fetch", (event) => {
  if (event.request.method === "GET") event.respondWith(answer(event.request));
});

/** From the network; where there is none, what was kept. */
async function answer(request) {
  const kept = await caches.open(VERSION);
  try {
    const fresh = await fetch(request);
    if (fresh.ok && (await kept.match(request, { ignoreSearch: true, ignoreVary: true }))) {
      await kept.put(request.url.split(/[?#]/)[0], fresh.clone());
    }
    return fresh;
  } catch (error) {
    const found = await kept.match(request, { ignoreSearch: true, ignoreVary: true });
    if (!found) throw error;
    return found;
  }
}
