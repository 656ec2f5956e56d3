// Opens the worker that reads faces, in the way that is quickest on this device: with one thread of WebAssembly, with several where
// the page may share memory between threads (it is cross-origin isolated), or on the graphics card where browser and server have
// WebGPU. Each way is tried once a day; the page remembers the answer.

import { bytesOf } from "./assets.mjs";
import { t } from "./words.mjs";

/** @typedef {{provider: "wasm" | "webgpu", threads: number}} Way */

const CHOICE = "mien-way";
const MOST_THREADS = 4; // further ones gain little on nets of this size, and the page has work to do, too
const GAIN = 0.9; // another way must take at most this share of the time
const ALIKE = 1e-3; // largest difference between the answers of two ways, as a share of the largest answer, at least of 1
const LONGEST_MS = 8000; // for a further way to be opened and tried
/** @type {Way} */
const SURE = { provider: "wasm", threads: 1 };

/** Ways that are possible here, the surest first, and the files that they need; to be asked before the page is sealed.
 * @param {import("./types.d.ts").DeviceFacts} device
 * @returns {Promise<{ways: Way[], parts: Record<string, ArrayBuffer>}>} */
export async function possible({ runtime, webgpu }) {
  /** @type {Way[]} */
  const ways = [SURE];
  const cores = navigator.hardwareConcurrency ?? 1;
  if (globalThis.crossOriginIsolated && cores > 1) ways.push({ provider: "wasm", threads: Math.min(cores, MOST_THREADS) });
  const parts = { wasm: await bytesOf(`${runtime}ort-wasm-simd-threaded.wasm`) };
  if (!webgpu || !(await hasAdapter())) return { ways, parts };
  try {
    const file = await bytesOf(`${runtime}ort-wasm-simd-threaded.asyncify.wasm`);
    return { ways: [...ways, { provider: "webgpu", threads: 1 }], parts: { ...parts, webgpu: file } };
  } catch {
    return { ways, parts }; // without a network only the usual files are there
  }
}

async function hasAdapter() {
  try {
    return Boolean(await /** @type {any} */ (navigator).gpu?.requestAdapter());
  } catch {
    return false;
  }
}

/** A worker with open models, ready to read.
 * @param {import("./types.d.ts").Facts} facts
 * @param {Way[]} ways
 * @param {Record<string, ArrayBuffer>} parts the runtimes and the models
 * @returns {Promise<Worker>} */
export async function quickest(facts, ways, parts) {
  const key = `${facts.model.version} ${new Date().toDateString()} ${JSON.stringify(ways)}`;
  const known = ways[remembered(key) ?? ways.length];
  if (known) {
    try {
      return told(await opened(facts, parts, known), known);
    } catch (error) {
      if (known === SURE) throw error;
    }
  }
  let best = { worker: await opened(facts, parts, SURE), way: SURE, trial: null };
  for (const way of ways.slice(1)) {
    best.trial ??= await tried(best.worker);
    best = await better(best, way, () => opened(facts, parts, way));
  }
  if (ways.length > 1) localStorage.setItem(CHOICE, JSON.stringify({ key, at: ways.indexOf(best.way) }));
  return told(best.worker, best.way);
}

/** Index of the way that was the quickest when it was last tried.
 * @returns {number | null} */
function remembered(key) {
  try {
    const kept = JSON.parse(localStorage.getItem(CHOICE) ?? "null");
    return kept?.key === key ? kept.at : null;
  } catch {
    return null;
  }
}

/** The best way so far, or another one if that is quicker and gives the same answers; the worker of the other one ends. */
async function better(best, way, open) {
  let worker = null;
  const late = new Promise((_, reject) => setTimeout(() => reject(new Error("too slow")), LONGEST_MS));
  const trying = open().then((made) => tried((worker = made)));
  try {
    const trial = await Promise.race([trying, late]);
    if (trial.ms <= best.trial.ms * GAIN && alike(best.trial.answers, trial.answers)) {
      best.worker.terminate();
      return { worker, way, trial };
    }
  } catch {
    // it cannot be had here, or takes too long
  }
  const end = () => worker?.terminate();
  end();
  trying.then(end, end);
  return best;
}

/** Whether two ways give the same answers.
 * @param {ArrayLike<number>[]} ours
 * @param {ArrayLike<number>[]} theirs */
export function alike(ours, theirs) {
  return ours.every((mine, k) => {
    const values = Array.from(mine);
    const most = values.reduce((largest, value) => Math.max(largest, Math.abs(value)), 1);
    return values.length === theirs[k].length && values.every((value, i) => Math.abs(value - theirs[k][i]) <= ALIKE * most);
  });
}

/** @param {Worker} worker
 * @param {Way} way */
function told(worker, { provider, threads }) {
  document.documentElement.dataset.way = `${provider} ${threads}`;
  return worker;
}

/** @returns {Promise<Worker>} */
function opened(facts, parts, way) {
  return new Promise((resolve, reject) => {
    // A worker from memory keeps the page's policy; one from an address would have that of its own answer.
    const script = `import ${JSON.stringify(new URL("./device_worker.mjs", import.meta.url).href)};`;
    const address = URL.createObjectURL(new Blob([script], { type: "text/javascript" }));
    const worker = new Worker(address, { type: "module" });
    worker.onerror = () => reject(new Error(t("problem.models")));
    worker.onmessage = ({ data }) => {
      if (data.type === "ready") return resolve(worker);
      worker.terminate();
      reject(new Error(data.message));
    };
    const { detector, classifier } = parts;
    const own = { runtime: parts[way.provider], detector, classifier };
    worker.postMessage({ type: "open", base: document.baseURI, facts, parts: own, way });
  });
}

/** @returns {Promise<{ms: number, answers: ArrayLike<number>[]}>} */
function tried(worker) {
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => (data.type === "tried" ? resolve(data) : reject(new Error(data.message)));
    worker.postMessage({ type: "try" });
  });
}
