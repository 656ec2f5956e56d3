// The last minute under the live picture: for each face its probabilities, stacked, over time; uncertain spans are
// hatched. Pointing, tapping or the arrow keys read the values of a moment.

import { colourOfFace } from "./faces.mjs";
import { LastMinute, SAMPLE_S, SPAN_S, runsOf } from "./minute.mjs";
import { listed, mirroredPage, nameOf, number, percent, t } from "./words.mjs";

const LANE = 36; // CSS px
const BETWEEN = 8;
const AXIS = 20;
const SIDE = 30; // px for the faces' numbers

/** Draws it on a canvas. */
export class Strip {
  /** @param {HTMLCanvasElement} canvas
   * @param {HTMLElement} readout
   * @param {{labels: string[], colours: Record<string, string>}} model */
  constructor(canvas, readout, model) {
    this.canvas = canvas;
    this.readout = readout;
    this.model = model; // its labels change with it
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
    this.minute.clear();
    this.drawnMs = -Infinity;
    this.read(null);
  }

  get width() {
    return this.canvas.clientWidth;
  }

  x(timeS) {
    const along = SIDE + (1 - (this.minute.nowS - timeS) / SPAN_S) * (this.width - SIDE);
    return mirroredPage() ? this.width - along : along; // time runs as the visitor reads
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
    const left = mirroredPage() ? 0 : SIDE;
    context.fillStyle = style.getPropertyValue("--track");
    context.fillRect(left, top, this.width - SIDE, LANE);
    context.save();
    context.beginPath();
    context.rect(left, top, this.width - SIDE, LANE);
    context.clip();
    for (const run of runsOf(samples)) {
      this.areas(run, top);
      this.hatch(run, top, style.getPropertyValue("--card"));
    }
    context.restore();
    badge(context, track, mirroredPage() ? this.width - BADGE : 0, top + LANE / 2 - 10);
  }

  areas(run, top) {
    const { context } = this;
    const xs = run.map((sample) => this.x(sample.timeS));
    xs.push(this.x(Math.min(run[run.length - 1].timeS + SAMPLE_S, this.minute.nowS)));
    const base = run.map(() => 0);
    for (const label of this.model.labels) {
      const low = [...base];
      run.forEach((sample, i) => (base[i] += sample.values[label] ?? 0));
      const y = (level, i) => top + LANE * (1 - level[Math.min(i, run.length - 1)]);
      context.beginPath();
      xs.forEach((x, i) => context.lineTo(x, y(base, i)));
      for (let i = xs.length - 1; i >= 0; i -= 1) context.lineTo(xs[i], y(low, i));
      context.fillStyle = this.model.colours[label];
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
    for (let x = -LANE; x < this.width; x += 7) {
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
      const [first, last] = mirroredPage() ? ["right", "left"] : ["left", "right"];
      context.textAlign = /** @type {CanvasTextAlign} */ (agoS === 60 ? first : agoS === 0 ? last : "center");
      context.fillText(agoS ? t("strip.mark", { n: agoS }) : t("strip.now"), this.x(this.minute.nowS - agoS), height);
    }
  }

  cursor(height, style) {
    const x = this.x(this.minute.nowS - this.agoS);
    this.context.fillStyle = style.getPropertyValue("--ink");
    this.context.fillRect(x - 0.75, 0, 1.5, height - BETWEEN);
  }

  point(event) {
    const along = mirroredPage() ? this.width - event.offsetX : event.offsetX;
    const share = (along - SIDE) / Math.max(this.width - SIDE, 1);
    this.read(share < 0 || share > 1 ? null : (1 - share) * SPAN_S);
  }

  key(event) {
    const older = mirroredPage() ? -1 : 1; // where the arrow to the left leads
    const step = { ArrowLeft: older, ArrowRight: -older, PageUp: 10, PageDown: -10 }[event.key];
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
    this.readout.textContent = text || t("strip.hint");
    this.canvas.setAttribute("aria-valuenow", String(-Math.round(this.agoS ?? 0)));
    this.canvas.setAttribute("aria-valuetext", text || t("strip.now"));
  }

  words(agoS) {
    const faces = this.minute.lanes().map(([track, samples]) => {
      const sample = this.minute.at(samples, agoS);
      return t("strip.face", { n: track, values: sample ? valuesOf(sample) : t("strip.unseen") });
    });
    return t("strip.ago", { n: agoS, faces: faces.join("; ") });
  }
}

/** The three largest values in words. */
function valuesOf({ values, uncertain }) {
  const largest = Object.entries(values).sort((a, b) => b[1] - a[1]);
  const text = largest.slice(0, 3).map(([label, value]) => `${nameOf(label)} ${percent(value)}`);
  return uncertain ? t("strip.unsure", { values: listed(text) }) : listed(text);
}

const BADGE = 22; // px

function badge(context, track, x, y) {
  context.fillStyle = colourOfFace(track);
  context.beginPath();
  context.roundRect(x, y, BADGE, 20, 6);
  context.fill();
  context.fillStyle = "#10171a";
  context.font = "700 12px system-ui, sans-serif";
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.fillText(number(track), x + BADGE / 2, y + 10.5);
}
