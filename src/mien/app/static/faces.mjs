// Showing readings: boxes on a picture, and a card with all bars for each face.

import { h, percent } from "./dom.mjs";

const DARK = "rgb(12 16 18 / 82%)";

/** The expression for people to read: with a question mark when it is uncertain, as `Reading.caption` in Python. */
export function captionOf(face) {
  return face.uncertain ? `${face.emotion}?` : face.emotion;
}

/** Draws boxes and labels on a canvas whose pixels are those of the screen. */
export function drawFaces(context, faces, { scale, left = 0, top = 0, width, mirrored = false, colours, pixel = 1 }) {
  for (const face of faces) {
    const [x1, y1, x2, y2] = face.box;
    const wide = (x2 - x1) * scale;
    const x = mirrored ? left + width - x2 * scale : left + x1 * scale;
    drawBox(context, x, top + y1 * scale, wide, (y2 - y1) * scale, colours[face.emotion] ?? "#fff", pixel);
  }
  for (const face of faces) {
    const x = mirrored ? left + width - face.box[2] * scale : left + face.box[0] * scale;
    drawChip(context, x, top + face.box[1] * scale, face, colours[face.emotion] ?? "#fff", pixel);
  }
}

function drawBox(context, x, y, width, height, colour, pixel) {
  const radius = Math.min(10 * pixel, width / 6);
  for (const [stroke, line] of [
    [DARK, 5],
    [colour, 2.5],
  ]) {
    context.beginPath();
    context.roundRect(x, y, width, height, radius);
    context.lineWidth = line * pixel;
    context.strokeStyle = stroke;
    context.stroke();
  }
}

function drawChip(context, x, y, face, colour, pixel) {
  const size = 14 * pixel;
  context.font = `600 ${size}px system-ui, sans-serif`;
  context.textBaseline = "middle";
  const who = face.track === undefined ? "" : `${face.track}  `;
  const text = `${who}${captionOf(face)} ${percent(face.confidence)}`;
  const width = context.measureText(text).width + 22 * pixel;
  const height = 26 * pixel;
  const at = Math.max(y - height - 5 * pixel, 2 * pixel);
  const from = Math.min(Math.max(x, 2 * pixel), Math.max(context.canvas.width - width - 2 * pixel, 0));
  context.fillStyle = DARK;
  context.beginPath();
  context.roundRect(from, at, width, height, 7 * pixel);
  context.fill();
  context.fillStyle = colour;
  context.beginPath();
  context.roundRect(from + 6 * pixel, at + 6 * pixel, 3.5 * pixel, height - 12 * pixel, 2 * pixel);
  context.fill();
  context.fillStyle = "#fff";
  context.fillText(text, from + 15 * pixel, at + height / 2 + pixel);
}

/** Card of one face; `update(face)` changes it in place, which is cheap enough for every frame. */
export class FaceCard {
  constructor(labels, colours, title) {
    this.labels = labels;
    this.colours = colours;
    this.heading = h("h3");
    this.sure = h("span", { class: "sure" });
    this.who = h("span", { class: "who" }, title);
    this.title = title;
    this.rows = labels.map((label) => this.#row(label));
    const bars = h("dl", { class: "bars" }, ...this.rows.map((row) => row.element));
    const head = h("header", {}, h("span", { class: "dot" }), this.heading, this.who, this.sure);
    this.element = h("article", { class: "face" }, head, bars);
  }

  #row(label) {
    const name = h("dt", {}, label);
    const fill = h("div", { class: "fill", "--colour": this.colours[label] });
    const figure = h("span", { class: "figure" });
    const element = h(
      "div",
      { class: "row" },
      name,
      h("dd", { class: "trough" }, fill),
      h("dd", { class: "figure" }, figure),
    );
    return { element, name, fill, figure };
  }

  update(face) {
    const values = face.smooth ?? face.probabilities;
    set(this.heading, captionOf(face));
    set(this.sure, percent(face.confidence));
    set(this.who, face.uncertain ? `${this.title} · unsure` : this.title);
    this.element.style.setProperty("--colour", this.colours[face.emotion]);
    this.labels.forEach((label, i) => {
      const { name, fill, figure } = this.rows[i];
      fill.style.setProperty("--value", values[label].toFixed(3));
      set(figure, String(Math.round(values[label] * 100)));
      name.classList.toggle("best", label === face.emotion);
    });
  }
}

function set(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Legend of the labels' colours. */
export function legend(labels, colours) {
  const items = labels.map((label) => h("li", {}, h("i", { "--colour": colours[label] }), label));
  return h("ul", { class: "legend" }, ...items);
}
