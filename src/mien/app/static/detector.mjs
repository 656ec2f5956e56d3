// What the face detector's maps of numbers mean: the same arithmetic as `mien.infer.detectors.own` and `.second_look`, so
// that the page and Python agree.

import { region, resize } from "./vision.mjs";

const VALUES = 15; // per cell: score, centre x and y, log width and height, five landmarks
const POINTS = 5;
const MOST = 1000;
const WITNESS = 0.5; // share of a face's best score from which on another cell has a say in where it is, ...
const SAME = 0.6; // ... if the IoU of their boxes is more than this
const LARGEST_LOG = 6;
const [LOWEST, HIGHEST] = [1e-3, 0.999]; // scores of either look are taken for at least and at most so much
const CONVINCED = 0.96; // what a second look is taken to say at most where it is asked whether one is worth its time
const FAINTEST = 0.005; // first score below which no box is looked at again, and none is a face
const TIMES = 4; // the pixels of the first look, that all squares have together at most
const [AGREED, APART] = [0.07, 0.13]; // mean distance of both looks' landmarks, in sizes of the box
const FAR = 5; // sides of the picture: the side of the largest square

/**
 * Faces of the detector's maps, best first: [{box, score, landmarks}]. Of overlapping ones the best, its place the mean
 * of the cells that see the same face (mien.infer.detectors.own.merged).
 */
export function decode(maps, strides, minScore, overlap) {
  const found = maps.flatMap((map, i) => decodeMap(map, strides[i], WITNESS * minScore));
  found.sort((a, b) => b.score - a.score);
  const seen = found.slice(0, MOST);
  return suppress(seen, overlap)
    .filter((face) => face.score >= minScore)
    .map((face) => merged(face, seen));
}

/** A face with box and landmarks as the cells see it whose score is more than half of its own and whose box is alike. */
function merged(best, seen) {
  const weights = seen.map(
    (face) => Math.max(face.score / best.score - WITNESS, 0) * Math.max(iou(best.box, face.box) - SAME, 0),
  );
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  if (!(total > 0)) return best;
  const mean = (value) => seen.reduce((sum, face, i) => (weights[i] ? sum + weights[i] * value(face) : sum), 0) / total;
  const box = best.box.map((_, i) => mean((face) => face.box[i]));
  const landmarks = best.landmarks.map((_, i) => [0, 1].map((axis) => mean((face) => face.landmarks[i][axis])));
  return { ...best, box, landmarks };
}

function decodeMap(map, stride, minScore) {
  const [, , rows, columns] = map.dims;
  const plane = rows * columns;
  const faces = [];
  for (let cell = 0; cell < plane; cell += 1) {
    const score = map.data[cell];
    if (!(score >= minScore)) continue;
    const values = Array.from({ length: VALUES }, (_, v) => map.data[v * plane + cell]);
    const face = faceOf(values, (cell % columns) + 0.5, Math.floor(cell / columns) + 0.5, stride);
    if (face.box.every(Number.isFinite) && face.landmarks.flat().every(Number.isFinite)) faces.push(face);
  }
  return faces;
}

function faceOf(values, x, y, stride) {
  const cx = x + values[1];
  const cy = y + values[2];
  const halfWidth = Math.exp(Math.min(values[3], LARGEST_LOG)) / 2;
  const halfHeight = Math.exp(Math.min(values[4], LARGEST_LOG)) / 2;
  const box = [cx - halfWidth, cy - halfHeight, cx + halfWidth, cy + halfHeight].map((v) => v * stride);
  const landmarks = [];
  for (let i = 5; i < VALUES; i += 2) landmarks.push([(x + values[i]) * stride, (y + values[i + 1]) * stride]);
  return { box, score: values[0], landmarks };
}

function suppress(faces, overlap) {
  const kept = [];
  for (const face of faces) {
    if (kept.every((other) => iou(face.box, other.box) <= overlap)) kept.push(face);
  }
  return kept;
}

/**
 * What a second look sees of a face that is not sure (mien.infer.detectors.second_look): a square of the picture; null for
 * one of more than five sides of the picture.
 */
export function squareOf(picture, box, look) {
  const [x1, y1, x2, y2] = box;
  const half = halfOf(box, look);
  if (2 * half > FAR * Math.max(picture.width, picture.height)) return null;
  const left = (x1 + x2) / 2 - half;
  const top = (y1 + y2) / 2 - half;
  return resize(region(picture, [left, top, left + 2 * half, top + 2 * half], true), look.side, look.side);
}

/** Half of the side of a face's square. */
function halfOf(box, { margin }) {
  return (sizeOf(box) * margin) / 2;
}

/** Root of the area of a box. */
function sizeOf([x1, y1, x2, y2]) {
  return Math.sqrt(Math.max(x2 - x1, 1) * Math.max(y2 - y1, 1));
}

/** From which size on, in pixels of the small picture, faces have their landmarks from a second look. */
export function largeFrom(picture, small, { points }) {
  if (!points) return Infinity;
  return (points * Math.max(small.width, small.height)) / Math.max(picture.width, picture.height);
}

/** The faces that are looked at again, best first: those that are not sure, then large ones that are. */
export function askedAgain(faces, { below }, large) {
  const doubted = faces.filter((face) => face.score < below);
  return [...doubted, ...faces.filter((face) => face.score >= below && sizeOf(face.box) >= large)];
}

/** Landmarks number `row` of a second look's output: [[x, y], ...] from the square's centre in halves of its side. */
export function pairsOf(data, row) {
  const points = Array.from({ length: POINTS }, (_, i) => [0, 1].map((axis) => data[(row * POINTS + i) * 2 + axis]));
  return points.flat().every(Number.isFinite) ? points : null;
}

/** A face with what a second look says of it, {chance, points}, which is what the first one said if there was none. */
export function toldOf(face, seen, look, large) {
  const score = face.score < look.below ? combined(face.score, seen ? seen.chance : face.score, look) : face.score;
  if (!seen?.points || sizeOf(face.box) < large) return { ...face, score };
  const [x1, y1, x2, y2] = face.box;
  const half = halfOf(face.box, look);
  const points = seen.points.map(([x, y]) => [(x1 + x2) / 2 + x * half, (y1 + y2) / 2 + y * half]);
  return { ...face, score, landmarks: ofBoth(face.landmarks, points, sizeOf(face.box)) };
}

/** Landmarks of both looks: their mean where they agree, the second's where the face is turned, and in between. */
function ofBoth(first, second, size) {
  const gaps = second.map(([x, y], i) => Math.hypot(first[i][0] - x, first[i][1] - y));
  const distance = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length / size;
  const share = 0.5 * Math.min(Math.max((APART - distance) / (APART - AGREED), 0), 1);
  return second.map((point, i) => point.map((value, axis) => value + share * (first[i][axis] - value)));
}

/** The picture to cut the square of a face out of, and its box there: the small one where that has the pixels. */
export function finest(picture, small, box, look) {
  const same = picture.width === small.width && picture.height === small.height;
  if (halfOf(box, look) * 2 >= look.side || same) return { from: small, box };
  const [wide, high] = [picture.width / small.width, picture.height / small.height];
  return { from: picture, box: [box[0] * wide, box[1] * high, box[2] * wide, box[3] * high] };
}

/** How many faces are looked at again: their squares have at most four times the pixels of a first look. */
export function affordable({ width, height }, { side }) {
  return Math.max(Math.floor((TIMES * width * height) / side ** 2), 1);
}

/** The chance that a box is a face, from the scores of both looks. */
export function combined(first, second, look) {
  return chance(look.first * logit(first) + look.second * logit(second) + look.shift);
}

/** The lowest first score that a convinced second look raises to a score: at most that score, but no faint one. */
export function leastFirst(score, look) {
  if (!look) return score;
  const least = chance((logit(score) - look.shift - look.second * logit(CONVINCED)) / look.first);
  return Math.max(Math.min(least, score), FAINTEST);
}

function logit(score) {
  const kept = Math.min(Math.max(score, LOWEST), HIGHEST);
  return Math.log(kept / (1 - kept));
}

const chance = (value) => 1 / (1 + Math.exp(-value));

/** Intersection over union of two boxes. */
export function iou(a, b) {
  const width = Math.max(Math.min(a[2], b[2]) - Math.max(a[0], b[0]), 0);
  const height = Math.max(Math.min(a[3], b[3]) - Math.max(a[1], b[1]), 0);
  const shared = width * height;
  const union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared;
  return union > 0 ? shared / union : 0;
}

/** Face of a shrunk picture in pixels of the original one. */
export function mapBack(face, factor) {
  if (factor === 1) return face;
  const landmarks = face.landmarks.map(([x, y]) => [x / factor, y / factor]);
  return { ...face, box: face.box.map((v) => v / factor), landmarks };
}
