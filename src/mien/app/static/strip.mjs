// The last minute under the live picture: for each face its probabilities, stacked, over time; uncertain spans are
// hatched. Pointing, tapping or the arrow keys read the values of a moment.

import { percent } from "./dom.mjs";
import { colourOfFace } from "./faces.mjs";

export const SPAN_S = 60;
const SAMPLE_S = 0.25;
const GAP_S = 1; // a longer pause is left empty
const MOST_LANES = 4;
const LANE = 36; // CSS px
const BETWEEN = 8;
const AXIS = 20;
const LEFT = 30;

/** @typedef {{timeS: number, values: Record<string, number>, emotion: string, uncertain: boolean}} Sample */

/** The newest samples of each face. */
export class LastMinute {
  /** @type {Map<number, Sample[]>} */
  tracks = new Map();
  nowS = 0;

  /** Take in the faces of a moment; true when there is something new to draw.
   * @param {any[]} faces
   * @param {number} nowS */
  add(faces, nowS) {
    this.nowS = nowS;
    let news = false;
    for (const { track, emotion, uncertain, smooth, probabilities } of faces) {
      const samples = this.tracks.get(track) ?? [];
      this.tracks.set(track, samples);
      if (samples.length && nowS - samples[samples.length - 1].timeS < SAMPLE_S) continue;
      samples.push({ timeS: nowS, values: smooth ?? probabilities, emotion, uncertain });
      news = true;
    }
    for (const [track, samples] of this.tracks) {
      while (samples.length && samples[0].timeS < nowS - SPAN_S) samples.shift();
      if (!samples.length) this.tracks.delete(track);
    }
    return news;
  }

  /** Faces seen last, in the order of their numbers. */
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

/** Draws it on a canvas. */
export class Strip {
  /** @param {HTMLCanvasElement} canvas
   * @param {HTMLElement} readout
   * @param {{labels: string[], colours: Record<string, string>}} model */
  constructor(canvas, readout, { labels, colours }) {
    this.canvas = canvas;
    this.readout = readout;
    this.labels = labels;
    this.colours = colours;
    this.context = canvas.getContext("2d");
    this.minute = new LastMinute();
    this.agoS = null; // the moment that is pointed at
    this.drawnMs = -Infinity;
    this.everyMs = matchMedia("(prefers-reduced-motion: reduce)").matches ? 5000 : SAMPLE_S * 1000;
    canvas.addEventListener("pointermove", (event) => this.point(event));
    canvas.addEventListener("pointerdown", (event) => this.point(event));
    canvas.addEventListener("pointerleave", (event) => event.pointerType === "mouse" && this.read(null));
    canvas.addEventListener("keydown", (event) => this.key(event));
    canvas.addEventListener("blur", () => this.read(null));
  }

  add(faces, nowS) {
    this.minute.add(faces, nowS);
    const now = performance.now();
    if (now - this.drawnMs < this.everyMs) return;
    this.drawnMs = now;
    this.draw();
  }

  clear() {
    this.minute = new LastMinute();
    this.drawnMs = -Infinity;
    this.read(null);
  }

  get width() {
    return this.canvas.clientWidth;
  }

  x(timeS) {
    return LEFT + (1 - (this.minute.nowS - timeS) / SPAN_S) * (this.width - LEFT);
  }

  draw() {
    const lanes = this.minute.lanes();
    const height = Math.max(lanes.length, 1) * (LANE + BETWEEN) + AXIS;
    const pixel = window.devicePixelRatio || 1;
    this.canvas.style.height = `${height}px`;
    [this.canvas.width, this.canvas.height] = [Math.round(this.width * pixel), Math.round(height * pixel)];
    this.context.setTransform(pixel, 0, 0, pixel, 0, 0);
    const style = getComputedStyle(this.canvas);
    lanes.forEach(([track, samples], i) => this.lane(track, samples, i * (LANE + BETWEEN), style));
    this.axis(height, style);
    if (this.agoS !== null) this.cursor(height - AXIS, style);
    this.tell();
  }

  lane(track, samples, top, style) {
    const { context } = this;
    context.fillStyle = style.getPropertyValue("--track");
    context.fillRect(LEFT, top, this.width - LEFT, LANE);
    context.save();
    context.beginPath();
    context.rect(LEFT, top, this.width - LEFT, LANE);
    context.clip();
    for (const run of runsOf(samples)) {
      this.areas(run, top);
      this.hatch(run, top, style.getPropertyValue("--card"));
    }
    context.restore();
    badge(context, track, 0, top + LANE / 2 - 10);
  }

  areas(run, top) {
    const { context } = this;
    const xs = run.map((sample) => this.x(sample.timeS));
    xs.push(this.x(Math.min(run[run.length - 1].timeS + SAMPLE_S, this.minute.nowS)));
    const base = run.map(() => 0);
    for (const label of this.labels) {
      const low = [...base];
      run.forEach((sample, i) => (base[i] += sample.values[label] ?? 0));
      const y = (level, i) => top + LANE * (1 - level[Math.min(i, run.length - 1)]);
      context.beginPath();
      xs.forEach((x, i) => context.lineTo(x, y(base, i)));
      for (let i = xs.length - 1; i >= 0; i -= 1) context.lineTo(xs[i], y(low, i));
      context.fillStyle = this.colours[label];
      context.fill();
    }
  }

  /** Slanted lines in the colour of the ground over what was uncertain. */
  hatch(run, top, colour) {
    const { context } = this;
    context.save();
    context.beginPath();
    run.forEach((sample, i) => {
      if (!sample.uncertain) return;
      const end = i + 1 < run.length ? run[i + 1].timeS : Math.min(sample.timeS + SAMPLE_S, this.minute.nowS);
      context.rect(this.x(sample.timeS), top, this.x(end) - this.x(sample.timeS), LANE);
    });
    context.clip();
    context.strokeStyle = colour;
    context.lineWidth = 2;
    context.beginPath();
    for (let x = LEFT - LANE; x < this.width; x += 7) {
      context.moveTo(x, top + LANE);
      context.lineTo(x + LANE, top);
    }
    context.stroke();
    context.restore();
  }

  axis(height, style) {
    const { context } = this;
    context.fillStyle = style.getPropertyValue("--soft");
    context.font = "12px system-ui, sans-serif";
    context.textBaseline = "bottom";
    for (const agoS of this.width < 480 ? [60, 30, 0] : [60, 45, 30, 15, 0]) {
      context.textAlign = agoS === 60 ? "left" : agoS === 0 ? "right" : "center";
      context.fillText(agoS ? `−${agoS} s` : "now", this.x(this.minute.nowS - agoS), height);
    }
  }

  cursor(height, style) {
    const x = this.x(this.minute.nowS - this.agoS);
    this.context.fillStyle = style.getPropertyValue("--ink");
    this.context.fillRect(x - 0.75, 0, 1.5, height - BETWEEN);
  }

  point(event) {
    const share = (event.offsetX - LEFT) / Math.max(this.width - LEFT, 1);
    this.read(share < 0 || share > 1 ? null : (1 - share) * SPAN_S);
  }

  key(event) {
    const step = { ArrowLeft: 1, ArrowRight: -1, PageUp: 10, PageDown: -10 }[event.key];
    if (event.key === "Escape") this.read(null);
    if (step === undefined) return;
    event.preventDefault();
    this.read(Math.min(Math.max((this.agoS ?? 0) + step, 0), SPAN_S));
  }

  read(agoS) {
    this.agoS = agoS;
    this.draw();
  }

  /** The values of the moment that is pointed at, in words. */
  tell() {
    const text = this.agoS === null ? "" : this.words(this.agoS);
    this.readout.textContent = text || this.readout.dataset.hint;
    this.canvas.setAttribute("aria-valuenow", String(-Math.round(this.agoS ?? 0)));
    this.canvas.setAttribute("aria-valuetext", text || "now");
  }

  words(agoS) {
    const faces = this.minute.lanes().map(([track, samples]) => {
      const sample = this.minute.at(samples, agoS);
      return `face ${track}: ${sample ? valuesOf(sample) : "not seen"}`;
    });
    return `${Math.round(agoS)} s ago – ${faces.join("; ")}`;
  }
}

/** The three largest values in words. */
function valuesOf({ values, uncertain }) {
  const largest = Object.entries(values).sort((a, b) => b[1] - a[1]);
  const text = largest.slice(0, 3).map(([label, value]) => `${label} ${percent(value)}`);
  return `${text.join(", ")}${uncertain ? " (unsure)" : ""}`;
}

/** Parts without a long pause. */
function runsOf(samples) {
  const runs = [];
  samples.forEach((sample, i) => {
    if (i === 0 || sample.timeS - samples[i - 1].timeS > GAP_S) runs.push([]);
    runs[runs.length - 1].push(sample);
  });
  return runs;
}

function badge(context, track, x, y) {
  context.fillStyle = colourOfFace(track);
  context.beginPath();
  context.roundRect(x, y, 22, 20, 6);
  context.fill();
  context.fillStyle = "#10171a";
  context.font = "700 12px system-ui, sans-serif";
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.fillText(String(track), x + 11, y + 10.5);
}
