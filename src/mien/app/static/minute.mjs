// The last minute of every face, as samples. The strip draws them, and the session keeps the very same ones.

export const SPAN_S = 60;
export const SAMPLE_S = 0.25; // between samples of one face
const LONGEST_STEP_S = 0.5; // a longer pause is no time in which something was seen
const GAP_S = 1; // a longer pause is left empty
const MOST_LANES = 4;

/** `spanS` is the time that the sample stands for, up to the one before.
 * @typedef {{track: number, timeS: number, spanS: number, values: Record<string, number>, emotion: string,
 *   confidence: number, uncertain: boolean}} Sample */

/** The newest samples of each face. */
export class LastMinute {
  /** @type {Map<number, Sample[]>} */
  tracks = new Map();
  nowS = 0;
  /** Told of each new sample.
   * @type {(sample: Sample) => void} */
  onsample = () => {};

  /** Take in the faces of a moment, in seconds of the page's clock.
   * @param {any[]} faces
   * @param {number} nowS */
  add(faces, nowS) {
    this.nowS = nowS;
    for (const face of faces) this.#sample(face, nowS);
    for (const [track, samples] of this.tracks) {
      while (samples.length && samples[0].timeS < nowS - SPAN_S) samples.shift();
      if (!samples.length) this.tracks.delete(track);
    }
  }

  #sample({ track, emotion, confidence, uncertain, smooth, probabilities }, nowS) {
    const samples = this.tracks.get(track) ?? [];
    this.tracks.set(track, samples);
    const last = samples.at(-1)?.timeS;
    if (last !== undefined && nowS - last < SAMPLE_S) return;
    const spanS = last === undefined ? 0 : Math.min(nowS - last, LONGEST_STEP_S);
    const sample = { track, timeS: nowS, spanS, values: smooth ?? probabilities, emotion, confidence, uncertain };
    samples.push(sample);
    this.onsample(sample);
  }

  /** Forget everything. */
  clear() {
    this.tracks.clear();
  }

  /** All samples, oldest first. */
  all() {
    return [...this.tracks.values()].flat().sort((a, b) => a.timeS - b.timeS || a.track - b.track);
  }

  /** Faces seen last, in the order of their numbers.
   * @returns {[number, Sample[]][]} */
  lanes() {
    const seen = ([, samples]) => samples[samples.length - 1].timeS;
    const newest = [...this.tracks].sort((a, b) => seen(b) - seen(a) || a[0] - b[0]).slice(0, MOST_LANES);
    return newest.sort((a, b) => a[0] - b[0]);
  }

  /** The sample of a face that held `agoS` seconds ago, or null.
   * @param {Sample[]} samples */
  at(samples, agoS) {
    const timeS = this.nowS - agoS;
    const before = samples.filter((sample) => sample.timeS <= timeS + SAMPLE_S / 2);
    const sample = before[before.length - 1];
    return sample && timeS - sample.timeS <= GAP_S ? sample : null;
  }
}

/** Parts of a face's samples without a long pause.
 * @param {Sample[]} samples */
export function runsOf(samples) {
  /** @type {Sample[][]} */
  const runs = [];
  samples.forEach((sample, i) => {
    if (i === 0 || sample.timeS - samples[i - 1].timeS > GAP_S) runs.push([]);
    runs[runs.length - 1].push(sample);
  });
  return runs;
}
