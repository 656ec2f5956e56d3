// Faces over time on the visitor's device: stable numbers and steady labels, after `mien.infer.track` and
// `mien.infer.smooth` (a simpler tracker: boxes only).

import { iou } from "./detector.mjs";

const LEAST_OVERLAP = 0.2;
const GAP_S = 1.0; // a face that was away for longer comes back with a new number
const SLOW_GAP_S = 3.0; // the same for a face that was in the frame before: a slow device reads few frames
// The next three are those of `mien.infer.smooth`, so that both ways of reading show the same labels.
const TIME_CONSTANT_S = 0.2;
const MARGIN = 0.1; // by how much the shown label must trail the leading one
const HOLD_S = 0.2; // and for how long, whichever labels lead in the meantime
const APART_S = HOLD_S + 3 * TIME_CONSTANT_S; // frames that lie so far apart decide at once

/** Numbers faces and smooths their probabilities. */
export class People {
  #known = new Map();
  #next = 1;
  #lastS = 0;

  /** Add `track`, `smooth`, `emotion` and `confidence` to the faces of a frame. */
  update(faces, timeS) {
    for (const [track, person] of this.#known) {
      const gapS = person.seenS === this.#lastS ? SLOW_GAP_S : GAP_S;
      if (timeS - person.seenS > gapS || timeS < person.seenS) this.#known.delete(track);
    }
    this.#lastS = timeS;
    const pairs = [];
    faces.forEach((face, i) => {
      for (const [track, person] of this.#known) pairs.push({ i, track, overlap: iou(face.box, person.box) });
    });
    pairs.sort((a, b) => b.overlap - a.overlap);
    const tracks = new Map();
    const taken = new Set();
    for (const { i, track, overlap } of pairs) {
      if (overlap < LEAST_OVERLAP) break;
      if (!tracks.has(i) && !taken.has(track)) {
        tracks.set(i, track);
        taken.add(track);
      }
    }
    return faces.map((face, i) => this.#smooth(face, tracks.get(i) ?? this.#next++, timeS));
  }

  #smooth(face, track, timeS) {
    const labels = Object.keys(face.probabilities);
    const values = Object.values(face.probabilities);
    const person = this.#known.get(track) ?? fresh(values, timeS);
    this.#known.set(track, person);
    const stepS = timeS - person.seenS;
    blend(person, values, stepS);
    hold(person, timeS, stepS);
    person.box = face.box;
    person.seenS = timeS;
    const smooth = Object.fromEntries(labels.map((label, k) => [label, person.values[k]]));
    return { ...face, track, smooth, emotion: labels[person.label], confidence: person.values[person.label] };
  }
}

function fresh(values, timeS) {
  const best = values.indexOf(Math.max(...values));
  return { values: [...values], count: 0, label: best, trailingS: null, seenS: timeS, box: null };
}

function blend(person, values, stepS) {
  person.count += 1;
  const weight = Math.max(1 - Math.exp(-stepS / TIME_CONSTANT_S), 1 / person.count);
  person.values = person.values.map((old, k) => old + weight * (values[k] - old));
}

function hold(person, timeS, stepS) {
  const best = person.values.indexOf(Math.max(...person.values));
  if (person.values[best] - person.values[person.label] <= MARGIN) {
    person.trailingS = null;
    return;
  }
  person.trailingS ??= timeS;
  if (timeS - person.trailingS >= HOLD_S - 1e-9 || stepS >= APART_S) [person.label, person.trailingS] = [best, null];
}
