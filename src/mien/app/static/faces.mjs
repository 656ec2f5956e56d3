// Showing readings: boxes on a picture, and a card with all bars for each face.

import { h } from "./dom.mjs";
import { placeTags } from "./tags.mjs";
import { nameOf, number, percent, t } from "./words.mjs";

const DARK = "rgb(12 16 18 / 82%)";

/** The expression for people to read: with a question mark when it is uncertain, as `Reading.caption` in Python. */
export function captionOf(face) {
  const label = nameOf(face.emotion);
  return face.uncertain ? t("face.mark", { label }) : label;
}

// Each face has a colour of its own, in the picture, in the list and in the strip; that of the expression is another one.
const FACE_COLOURS = ["#4cc3ff", "#ff9d5c", "#7ee081", "#ff8cc6", "#c9adff", "#ffe066", "#5ce0d0", "#ff8a80"];

/** The colour of a face by its number, which counts from 1. */
export const colourOfFace = (number) => FACE_COLOURS[(number - 1) % FACE_COLOURS.length];

/** Draws boxes and tags on a canvas whose pixels are those of the screen. */
export function drawFaces(context, faces, { scale, left = 0, top = 0, width, mirrored = false, colours, pixel = 1 }) {
  const boxes = faces.map(({ box: [x1, y1, x2, y2] }) => ({
    x: mirrored ? left + width - x2 * scale : left + x1 * scale,
    y: top + y1 * scale,
    width: (x2 - x1) * scale,
    height: (y2 - y1) * scale,
  }));
  const numbers = faces.map((face, i) => face.track ?? (faces.length > 1 ? i + 1 : null));
  boxes.forEach((box, i) => drawBox(context, box, colourOfFace(numbers[i] ?? 1), pixel));
  const tags = faces.map((face, i) => formsOf(context, face, numbers[i], pixel));
  const places = placeTags(boxes, tags, context.canvas, 4 * pixel);
  places.forEach((place, i) => {
    if (place) drawTag(context, place, tags[i][place.form], numbers[i], colours[faces[i].emotion] ?? "#fff");
  });
}

function drawBox(context, { x, y, width, height }, colour, pixel) {
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

/** What a tag may say, the fullest first; where there is no room for it, less and in smaller letters. */
function formsOf(context, face, track, pixel) {
  const caption = captionOf(face);
  const forms = [
    { text: `${caption} ${percent(face.confidence)}`, size: 14 * pixel },
    { text: caption, size: 12 * pixel },
    { text: caption, size: 10 * pixel },
  ];
  if (track !== null) forms.push({ text: "", size: 10 * pixel });
  return forms.map(({ text, size }) => {
    context.font = fontOf(size);
    const head = track === null ? 0 : context.measureText(number(track)).width + size;
    const body = text ? context.measureText(text).width + size * 1.5 : 0;
    return { text, size, head, width: head + body, height: size * 1.85 };
  });
}

const fontOf = (size) => `600 ${size}px system-ui, sans-serif`;

/** The face's number on its colour, then the expression with a stripe of its own. */
function drawTag(context, { x, y }, { text, size, head, width, height }, track, colour) {
  context.save();
  context.beginPath();
  context.roundRect(x, y, width, height, size / 2);
  context.fillStyle = DARK;
  context.fill();
  context.clip();
  context.font = fontOf(size);
  context.textBaseline = "middle";
  context.textAlign = "left";
  if (track !== null) {
    context.fillStyle = colourOfFace(track);
    context.fillRect(x, y, head, height);
    context.fillStyle = "#10171a";
    context.fillText(number(track), x + size / 2, y + height / 2 + size / 14);
  }
  if (text) {
    context.fillStyle = colour;
    context.fillRect(x + head + size * 0.4, y + height * 0.24, size / 4, height * 0.52);
    context.fillStyle = "#fff";
    context.fillText(text, x + head + size, y + height / 2 + size / 14);
  }
  context.restore();
}

/** Card of one face; `update(face)` changes it in place, which is cheap enough for every frame. */
export class FaceCard {
  constructor(labels, colours, track) {
    const title = t("face", { n: track });
    this.labels = labels;
    this.colours = colours;
    this.heading = h("h3");
    this.sure = h("span", { class: "sure" });
    this.who = h("span", { class: "who" }, title);
    this.title = title;
    this.rows = labels.map((label) => this.#row(label));
    const bars = h("dl", { class: "bars" }, ...this.rows.map((row) => row.element));
    const badge = h("span", { class: "number", "--face": colourOfFace(track), "aria-hidden": "true" }, number(track));
    const head = h("header", {}, badge, this.heading, this.who, this.sure);
    this.element = h("article", { class: "face" }, head, bars);
  }

  #row(label) {
    const name = h("dt", {}, nameOf(label));
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
    set(this.who, face.uncertain ? t("face.unsure", { face: this.title }) : this.title);
    this.element.style.setProperty("--colour", this.colours[face.emotion]);
    this.labels.forEach((label, i) => {
      const { name, fill, figure } = this.rows[i];
      fill.style.setProperty("--value", values[label].toFixed(3));
      set(figure, number(values[label] * 100));
      name.classList.toggle("best", label === face.emotion);
    });
  }
}

function set(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Legend of the labels' colours. */
export function legend(labels, colours) {
  const items = labels.map((label) => h("li", {}, h("i", { "--colour": colours[label] }), nameOf(label)));
  return h("ul", { class: "legend" }, ...items);
}
