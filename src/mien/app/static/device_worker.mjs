// Reads faces on the visitor's device, beside the page so that it stays smooth. Gets pictures, gives readings. It has the
// policy of the sealed page, so it cannot connect to anything; models come as bytes. Messages: {type: "open", ...}, {type: "try"},
// {type: "read", id, picture, timeS, live}, {type: "forget", live}, {type: "use", id, classifier, model}.
// A picture with a time belongs to the live run or to a film, each with faces of its own.

import {
  affordable, askedAgain, decode, finest, largeFrom, leastFirst, mapBack, pairsOf, squareOf, toldOf,
} from "./detector.mjs";
import { networkInside } from "./onnx.mjs";
import { People } from "./people.mjs";
import { LiveSize } from "./sizes.mjs";
import { bgrOf, cropOf, padded, shrink } from "./vision.mjs";

let ort;
let provider;
let device;
let detector;
let second; // the detector's network for second looks, if it has one
let classifier;
let liveSize;
const people = { live: new People(), film: new People() };
const canvases = {};
const TRIALS = [4, 10]; // at least, since the first one makes the runtime ready; at most, where they fit into a second
const TRIALS_MS = 1000;

self.onmessage = async ({ data }) => {
  try {
    if (data.type === "open") {
      await open(data);
      self.postMessage({ type: "ready" });
    } else if (data.type === "try") {
      self.postMessage({ type: "tried", ...(await trial()) });
    } else if (data.type === "forget") {
      people[data.live ? "live" : "film"] = new People();
    } else if (data.type === "use") {
      await use(data);
      self.postMessage({ type: "used", id: data.id });
    } else if (data.type === "read") {
      self.postMessage({ type: "reading", id: data.id, ...(await read(data)) });
    }
  } catch (error) {
    self.postMessage({ type: "error", id: data.id, message: error.message ?? String(error) });
  }
};

async function open({ base, facts, parts, way }) {
  threadsFromMemory();
  const at = (path) => new URL(path, base).href;
  ort = await import(at(`${facts.device.runtime}ort.${way.provider}.min.mjs`));
  ort.env.logLevel = "error"; // a warning for every node that stays on the processor helps nobody
  ort.env.wasm.numThreads = way.threads;
  ort.env.wasm.wasmPaths = at(facts.device.runtime);
  ort.env.wasm.wasmBinary = parts.runtime;
  device = { ...facts.device, model: facts.model };
  liveSize = new LiveSize(device.detector.side);
  provider = way.provider;
  detector = await session(parts.detector);
  second = device.detector.second_look ? await session(networkInside(parts.detector), "wasm") : null;
  classifier = await session(parts.classifier);
}

/** The runtime's threads are workers with addresses of their own; made from memory they have the page's policy, as this one. */
function threadsFromMemory() {
  const Plain = self.Worker;
  self.Worker = /** @type {any} */ (function (address, options) {
    const script = `import ${JSON.stringify(String(address))};`;
    return new Plain(URL.createObjectURL(new Blob([script], { type: "text/javascript" })), options);
  });
}

/** Milliseconds for a picture of the usual size with two faces, and what the models answered. */
async function trial() {
  const { side, strides } = device.detector;
  const { crop } = device.model;
  const height = (side * 3) / 4;
  const planes = crop.color === "gray" ? [] : [3];
  const image = new ort.Tensor("uint8", pattern(height * side * 3), [1, height, side, 3]);
  const shape = [2, crop.size, crop.size, ...planes];
  const crops = new ort.Tensor("uint8", pattern(shape.reduce((a, b) => a * b)), shape);
  let [ms, found, read] = [Infinity, null, null];
  const begun = performance.now();
  for (let i = 0; i < TRIALS[0] || (i < TRIALS[1] && performance.now() - begun < TRIALS_MS); i++) {
    const start = performance.now();
    found = await detector.run({ image });
    read = await classifier.run({ crops });
    ms = Math.min(ms, performance.now() - start);
  }
  return { ms, answers: [...strides.map((stride) => found[`stride${stride}`].data), read.probabilities.data] };
}

/** Pixels that are neither even nor random. */
const pattern = (length) => Uint8Array.from({ length }, (_, i) => (i * i + 7 * i) % 251);

/** Read with another model from now on, if it gives what it says that it does for a grey crop. */
async function use({ classifier: bytes, model }) {
  const other = await session(bytes);
  const { size, color } = model.crop;
  const shape = [1, size, size, ...(color === "gray" ? [] : [3])];
  const crop = new Uint8Array(shape.reduce((a, b) => a * b)).fill(128);
  const { probabilities } = await other.run({ crops: new ort.Tensor("uint8", crop, shape) });
  const sum = probabilities.data.reduce((a, b) => a + b, 0);
  if (probabilities.data.length !== model.labels.length || Math.abs(sum - 1) > 0.01) throw new Error("other outputs");
  classifier = other;
  device.model = model;
}

/** @param {ArrayBuffer} model */
function session(model, way = provider) {
  return ort.InferenceSession.create(model, { executionProviders: [way] });
}

async function read({ picture, timeS, live }) {
  const start = performance.now();
  const bgr = pixelsOf(picture, "whole");
  const found = live ? await detectQuickly(picture, bgr) : await detect(bgr);
  picture.close();
  const faces = await classify(bgr, found);
  const told = timeS === undefined ? faces : people[live ? "live" : "film"].update(faces, timeS);
  const least = device.model.uncertain_below;
  const judged = told.map((face) => ({ ...face, uncertain: face.confidence < least }));
  const ms = performance.now() - start;
  if (live) liveSize.add(ms, start);
  return { width: bgr.width, height: bgr.height, faces: judged, ms };
}

/** Pixels of an ImageBitmap or VideoFrame, multiplied by `factor`; transparent parts become white. */
function pixelsOf(picture, name, factor = 1) {
  const width = Math.round((picture.displayWidth ?? picture.width) * factor);
  const height = Math.round((picture.displayHeight ?? picture.height) * factor);
  let canvas = canvases[name];
  if (canvas?.width !== width || canvas?.height !== height) {
    canvas = canvases[name] = new OffscreenCanvas(width, height);
  }
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.fillStyle = "#fff";
  context.fillRect(0, 0, width, height);
  context.drawImage(picture, 0, 0, width, height);
  return bgrOf(context.getImageData(0, 0, width, height));
}

/** As Python does it: shrunk by area to the usual size. */
async function detect(bgr) {
  const { small, factor } = shrink(bgr, device.detector.side);
  return lookedAgain(bgr, small, await facesOf(small), factor);
}

/** In a picture that the canvas has shrunk to what this device manages in time. */
async function detectQuickly(picture, bgr) {
  const factor = Math.min(1, liveSize.side / Math.max(bgr.width, bgr.height));
  const small = factor < 1 ? pixelsOf(picture, "small", factor) : bgr;
  return lookedAgain(bgr, small, await facesOf(small), small.width / bgr.width);
}

/** Faces of a small picture, down to the score from which on they are worth a second look. */
async function facesOf(small) {
  if (Math.min(small.width, small.height) < 16) return [];
  const { strides, score, overlap, second_look: look } = device.detector;
  return decode(await mapsOf(small), strides, leastFirst(score, look), overlap);
}

/** What the network says of a picture as it is. */
async function mapsOf(picture) {
  const { data, width, height } = padded(picture, device.detector.strides.at(-1));
  const outputs = await detector.run({ image: new ort.Tensor("uint8", data, [1, height, width, 3]) });
  return device.detector.strides.map((stride) => outputs[`stride${stride}`]);
}

/**
 * Faces in pixels of the whole picture, best first; those that are not sure, and all large ones, are looked at again, each
 * by itself (mien.infer.detectors.second_look).
 */
async function lookedAgain(bgr, small, faces, factor) {
  const { score, second_look: look } = device.detector;
  const told = look ? await toldAgain(bgr, small, faces, look) : faces;
  const kept = told.filter((face) => face.score >= score).sort((a, b) => b.score - a.score);
  return kept.map((face) => mapBack(face, factor));
}

/** The faces, with what a second look says of them. */
async function toldAgain(bgr, small, faces, look) {
  const large = largeFrom(bgr, small, look);
  const asked = askedAgain(faces, look, large);
  const seen = await seenAgain(bgr, small, asked.slice(0, affordable(small, look)), look);
  const answers = new Map(asked.map((face, i) => [face, seen[i] ?? null]));
  return faces.map((face) => (answers.has(face) ? toldOf(face, answers.get(face), look, large) : face));
}

/** What is seen in each box, looked at by itself: {chance, points}; a chance of 0 where its square is far too large. */
async function seenAgain(bgr, small, faces, look) {
  const squares = faces.map((face) => {
    const { from, box } = finest(bgr, small, face.box, look);
    return squareOf(from, box, look);
  });
  const known = squares.filter((square) => square !== null);
  if (!known.length) return squares.map(() => ({ chance: 0, points: null }));
  const size = look.side * look.side * 3;
  const pixels = new Uint8Array(known.length * size);
  known.forEach((square, i) => pixels.set(square.data, i * size));
  const shape = [known.length, look.side, look.side, 3];
  const { faces: chances, points } = await second.run({ squares: new ort.Tensor("uint8", pixels, shape) });
  let row = -1;
  return squares.map((square) => {
    if (square === null) return { chance: 0, points: null };
    row += 1;
    return { chance: chances.data[row], points: look.points ? pairsOf(points.data, row) : null };
  });
}

async function classify(bgr, faces) {
  if (!faces.length) return [];
  const { crop, labels } = device.model;
  const size = crop.size * crop.size * (crop.color === "gray" ? 1 : 3);
  const crops = new Uint8Array(faces.length * size);
  faces.forEach((face, i) => crops.set(cropOf(bgr, face, crop), i * size));
  const shape = [faces.length, crop.size, crop.size, ...(crop.color === "gray" ? [] : [3])];
  const { probabilities } = await classifier.run({ crops: new ort.Tensor("uint8", crops, shape) });
  return faces.map((face, i) => {
    const values = Array.from(probabilities.data.subarray(i * labels.length, (i + 1) * labels.length));
    const best = values.indexOf(Math.max(...values));
    const named = Object.fromEntries(labels.map((label, k) => [label, values[k]]));
    return { ...face, emotion: labels[best], confidence: values[best], probabilities: named };
  });
}
