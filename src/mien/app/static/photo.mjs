// The Photo tab: several pictures, each with its boxes and bars, and everything to download.

import { $, csvOf, download, h, onDrop } from "./dom.mjs";
import { photographs } from "./examples.mjs";
import { FaceCard, captionOf, drawFaces } from "./faces.mjs";
import { listed, t } from "./words.mjs";

const MOST_FACES = 12; // cards per picture; all faces are in the downloads

/** Wire the tab up. */
export function startPhoto(page) {
  const photos = new Photos(page);
  const suffixes = page.facts.server?.pictures ?? []; // the service reads more than browsers list as pictures
  $("photos").accept = ["image/*", ...suffixes].join(",");
  $("photos").addEventListener("change", () => {
    photos.add([...$("photos").files]);
    $("photos").value = "";
  });
  onDrop($("photodrop"), (files) => photos.add(files));
  document.addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (!$("photo").hidden && files.length) photos.add(files);
  });
  $("tryphoto").addEventListener("click", () => photos.example());
  $("photojson").addEventListener("click", () => photos.saveJson());
  $("photocsv").addEventListener("click", () => photos.saveCsv());
  $("photoclear").addEventListener("click", () => photos.clear());
}

class Photos {
  /** @param {import("./types.d.ts").Page} page */
  constructor({ facts, choice, tell }) {
    this.facts = facts;
    this.choice = choice;
    this.tell = tell;
    /** @type {import("./types.d.ts").Analysis[]} */
    this.found = [];
    this.waiting = Promise.resolve();
  }

  add(files) {
    this.tell(null);
    for (const file of files) this.waiting = this.waiting.then(() => this.read(file));
  }

  async example() {
    try {
      this.add(await photographs());
    } catch (error) {
      this.tell(error);
    }
  }

  async read(file) {
    $("phototry").hidden = true;
    $("photobar").hidden = false;
    $("photosum").textContent = t("photo.reading", { name: file.name });
    try {
      const analysis = await this.choice.current.photo(file);
      this.found.push(analysis);
      $("photocards").prepend(await this.card(file, analysis));
    } catch (error) {
      const text = error.name === "InvalidStateError" ? t("photo.closed") : error.message;
      this.found.push({
        source: file.name,
        width: null,
        height: null,
        detector: null,
        model: null,
        faces: [],
        error: text,
      });
      $("photocards").prepend(h("article", { class: "card" }, h("h2", {}, file.name), h("p", {}, text)));
    }
    this.sum();
  }

  sum() {
    const faces = this.found.reduce((sum, analysis) => sum + analysis.faces.length, 0);
    const counted = [t("photo.pictures", { n: this.found.length }), t("photo.faces", { n: faces })];
    $("photosum").textContent = listed(counted);
  }

  async card(file, analysis) {
    const { labels, colours } = this.facts.model;
    const canvas = await annotated(file, analysis, colours);
    const save = h("button", { on: { click: () => canvas.toBlob((b) => download(pngName(file.name), b)) } }, t("photo.save"));
    const cards = analysis.faces.slice(0, MOST_FACES).map((face, i) => {
      const card = new FaceCard(labels, colours, i + 1);
      card.update(face);
      return card.element;
    });
    const more = analysis.faces.length - cards.length;
    const rest = more > 0 ? h("p", { class: "note" }, t("photo.more", { n: more })) : null;
    const none = cards.length ? null : h("p", { class: "nobody" }, t("photo.noface"));
    const side = h("div", { class: "side" }, h("header", {}, h("h2", {}, file.name), save), ...cards, none, rest);
    return h("article", { class: "card photo" }, canvas, side);
  }

  saveJson() {
    download("readings.json", JSON.stringify(this.found, null, 1), "application/json");
  }

  saveCsv() {
    const { labels } = this.facts.model;
    const columns = [
      "source",
      "width",
      "height",
      "detector",
      "model",
      "face",
      "x1",
      "y1",
      "x2",
      "y2",
      "score",
      "emotion",
    ];
    const named = [...columns, "confidence", "uncertain", ...labels.map((label) => `p_${label}`), "error"];
    const rows = this.found.flatMap((analysis) => {
      const { faces, ...common } = analysis;
      return faces.length ? faces.map((face, i) => ({ ...common, face: i, ...faceCells(face) })) : [common];
    });
    download("readings.csv", csvOf(named, rows), "text/csv");
  }

  clear() {
    this.found = [];
    $("photocards").replaceChildren();
    $("photobar").hidden = true;
    $("phototry").hidden = false;
  }
}

/** Columns of a face, named as in `mien analyze --format csv`. */
export function faceCells(face) {
  const [x1, y1, x2, y2] = face.box;
  const values = Object.entries(face.probabilities).map(([label, value]) => [`p_${label}`, value]);
  const { score, emotion, confidence, uncertain } = face;
  return { x1, y1, x2, y2, score, emotion, confidence, uncertain, ...Object.fromEntries(values) };
}

function pngName(name) {
  return `${name.replace(/\.[^.]*$/, "")}.annotated.png`;
}

/** The picture at its full size, with boxes; letters grow with the picture. */
async function annotated(file, analysis, colours) {
  const bitmap = await opened(file, analysis);
  const canvas = h("canvas", { role: "img", "aria-label": spoken(file.name, analysis) });
  [canvas.width, canvas.height] = [bitmap.width, bitmap.height];
  const context = canvas.getContext("2d");
  context.drawImage(bitmap, 0, 0);
  const pixel = Math.max(Math.max(bitmap.width, bitmap.height) / 560, 0.7);
  drawFaces(context, analysis.faces, { scale: 1, width: bitmap.width, colours, pixel });
  bitmap.close();
  return canvas;
}

/** The picture; grey of its size where the service can read it and this browser cannot. */
async function opened(file, analysis) {
  try {
    return await createImageBitmap(file);
  } catch (error) {
    if (!analysis.width) throw error;
    const blank = new ImageData(analysis.width, analysis.height);
    blank.data.fill(200);
    return createImageBitmap(blank);
  }
}

function spoken(name, analysis) {
  const faces = listed(analysis.faces.map(captionOf));
  return faces ? t("photo.said", { name, faces }) : t("photo.said.none", { name });
}
