// The Model tab: what reads the faces, how well, on what it was trained, and what it must not be used for.

import { reliability } from "./charts.mjs";
import { $, count, h, percent } from "./dom.mjs";
import { legend } from "./faces.mjs";

/** Fill the tab from the facts that the page started with. */
export function showModel({ model, device }) {
  const figures = model.evaluation?.figures;
  const judged = figures ? [classes(model), confusion(model.evaluation), trust(model.evaluation)] : [];
  const cards = [about(model, device), measured(model), ...judged, limits(), law()];
  $("model").append(h("div", { class: "stack pairs" }, ...cards));
}

function card(title, ...parts) {
  return h("article", { class: "card" }, h("h2", {}, title), ...parts);
}

function facts(rows) {
  const known = rows.filter(([, value]) => value !== undefined && value !== null && value !== "");
  return h(
    "dl",
    { class: "facts" },
    ...known.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, String(value))]),
  );
}

function about(model, device) {
  const { class_counts: _counts, data_sha256: hash, ...training } = model.training;
  const told = Object.entries(training).map(([key, value]) => [
    words(key),
    typeof value === "object" ? JSON.stringify(value) : typeof value === "number" ? count(value) : value,
  ]);
  const { size, color, margin } = model.crop;
  const rows = [
    ["Model", `${model.name}, ${(model.bytes / 1e6).toFixed(1)} MB, ${model.precision}`],
    ["Made", model.created],
    ["Licence", model.license],
    ["Looks at", `${size} × ${size} pixels, ${color === "gray" ? "grey" : "colour"}, ${margin} times the face's box`],
    ["Faces found by", model.detector],
    ["On this device", device ? `${device.detector.name}, with the same model file` : "not available here"],
    ["Temperature", model.temperature.toFixed(2)],
    ["Unsure (?)", `with a confidence below ${percent(model.uncertain_below)}`],
    ...told,
  ];
  const hashes = [
    ["of the model", model.sha256],
    ["of the training data", hash],
  ];
  const folded = h("details", {}, h("summary", {}, "SHA-256"), facts(hashes));
  return card("What reads the faces", legend(model.labels, model.colours), facts(rows), folded);
}

const WORDS = {
  data: "Training data",
  pictures: "Training pictures",
  targets: "Learnt from",
  without: "Left out of training",
};

function words(key) {
  const text = key.replaceAll("_", " ");
  return WORDS[key] ?? text[0].toUpperCase() + text.slice(1);
}

function measured(model) {
  const { data, figures: judged } = model.evaluation ?? {};
  const shipped = data && judged ? { [data.split]: { ...judged, protocol: where(data) } } : {};
  const parts = Object.entries({ ...model.metrics, ...shipped }).flatMap(([split, figures]) => {
    if (typeof figures !== "object") return [];
    const named = {
      accuracy: "accuracy",
      macro_f1: "macro F1",
      balanced_accuracy: "balanced accuracy",
      ece: "calibration error",
    };
    const tiles = Object.entries(named)
      .filter(([key]) => typeof figures[key] === "number")
      .map(([key, name]) => h("div", {}, h("dt", {}, name), h("dd", {}, percent(figures[key], 1))));
    const number = figures.n ? `${count(figures.n)} pictures: ` : "";
    return [
      h("h3", {}, `${split[0].toUpperCase()}${split.slice(1)} split`),
      h("dl", { class: "tiles" }, ...tiles),
      h("p", { class: "note" }, `${number}${plain(figures.protocol ?? "")}`),
    ];
  });
  const none = parts.length ? [] : [h("p", {}, "The model file carries no figures.")];
  return card("How well it was measured", ...parts, ...none);
}

/** A protocol for people. */
function plain(protocol) {
  return protocol
    .replace(/^labels,/, "by the labels of the data,")
    .replace(/^ferplus-majority,/, "by the majority of the raters' votes,");
}

/** What was judged, as a model file says it. */
function where({ protocol, split }) {
  return `${protocol}, ${split} split, single view`;
}

function judgedOn({ data, figures }, learnt) {
  const judged = data ? `On the ${data.split} split, ${count(figures.n)} pictures.` : "";
  const text = learnt ? `${judged} "Trained" counts the pictures that the model learnt from.`.trim() : judged;
  return text ? h("p", { class: "note" }, text) : null;
}

/** How many pictures of each expression it learnt from and was judged on, and how it did. */
function classes({ evaluation, training: { class_counts: learnt } }) {
  const { figures } = evaluation;
  const head = h(
    "tr",
    {},
    h("td"),
    ...[...(learnt ? ["trained"] : []), "pictures", "precision", "recall", "F1"].map((t) => h("th", { scope: "col" }, t)),
  );
  const rows = figures.classes.map((c) => {
    const pictures = learnt ? [count(learnt[c.name] ?? 0), count(c.support)] : [count(c.support)];
    const cells = [...pictures, percent(c.precision, 1), percent(c.recall, 1), percent(c.f1, 1)];
    return h("tr", {}, h("th", { scope: "row" }, c.name), ...cells.map((cell) => h("td", {}, String(cell))));
  });
  return card(
    "Per class",
    judgedOn(evaluation, learnt),
    scroll("Figures of each expression", h("table", {}, h("thead", {}, head), h("tbody", {}, ...rows))),
  );
}

function confusion(evaluation) {
  const { figures } = evaluation;
  const names = figures.names;
  const across = h("th", { class: "axis", scope: "colgroup", colspan: String(names.length) }, "Predicted label");
  const down = h("th", { class: "axis", scope: "col", rowspan: "2" }, "True label");
  const head = h("tr", {}, ...names.map((name) => h("th", { scope: "col" }, name)));
  const rows = figures.confusion.map((row, i) => {
    const sum = Math.max(
      row.reduce((a, b) => a + b, 0),
      1,
    );
    const cells = row.map((count) => {
      const share = count / sum;
      return h("td", { "--share": share.toFixed(3) }, percent(share));
    });
    return h("tr", {}, h("th", { scope: "row" }, names[i]), ...cells);
  });
  const told = h("p", { class: "note" }, "Each row: what the pictures of one true label were taken for.");
  const table = h("table", { class: "matrix" }, h("thead", {}, h("tr", {}, down, across), head), h("tbody", {}, ...rows));
  return card("Confusion matrix", told, scroll("Confusion matrix of expressions", table));
}

function trust({ figures, coverage }) {
  const text = `Where the model says 80 %, about 80 % of the answers should be right. On average it is off by ${percent(figures.ece, 1)}.`;
  const marked = coverage?.uncertain ? h("p", {}, unsure(coverage.uncertain)) : null;
  return card(
    "Calibration: can its confidence be trusted?",
    h("p", {}, text),
    h("div", { class: "narrow" }, reliability(figures.reliability)),
    marked,
  );
}

function unsure({ below, coverage, accuracy, accuracy_uncertain: rest }) {
  const share = `Below ${percent(below)} a face is shown with a question mark: ${percent(1 - coverage)} of the pictures.`;
  const right = accuracy === null ? "" : ` Of the others ${percent(accuracy)} are right`;
  return rest === null || accuracy === null ? share : `${share}${right}, of these ${percent(rest)}.`;
}

function scroll(name, table) {
  return h("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": name }, table);
}

function limits() {
  const points = [
    "It says how a face looks in one moment. People smile when they are sad, and a few words do not cover what faces do.",
    "The labels it learnt are what some people saw in some pictures; others would have disagreed about many of them.",
    "It errs more often on side views, in bad light, on covered faces, and on people of whom its training pictures show few.",
    "It knows nothing of who a person is, and recognises nobody.",
  ];
  return card("What it cannot do", h("ul", {}, ...points.map((point) => h("li", {}, point))));
}

function law() {
  const forbidden =
    "EU law (AI Act, Art. 5(1)(f)) forbids AI systems that infer emotions of people at work and in education, save for medical and safety reasons.";
  const asked =
    "Elsewhere people must be told that such a system is used on them (Art. 50(3)), and their pictures are personal data. Ask first, and decide nothing about a person by it.";
  return card("What it must not be used for", h("p", {}, forbidden), h("p", {}, asked));
}
