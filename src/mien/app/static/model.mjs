// The Model tab: what reads the faces, how well, on what it was trained, and what it must not be used for.

import { reliability } from "./charts.mjs";
import { $, h } from "./dom.mjs";
import { legend } from "./faces.mjs";
import { bytesText, day, listed, nameOf, number, percent, t } from "./words.mjs";

/** Fill the tab with what is known of the model in use.
 * @param {import("./types.d.ts").Facts} facts */
export function showModel({ model, device }) {
  const figures = model.evaluation?.figures;
  const judged = figures ? [classes(model), confusion(model.evaluation), trust(model.evaluation)] : [];
  const cards = [about(model, device), measured(model), ...judged, limits(), law()];
  $("modelfacts").replaceChildren(...cards);
}

/** A card with a heading. */
export function card(title, ...parts) {
  return h("article", { class: "card" }, h("h2", {}, title), ...parts);
}

/** Names and values, those that are known. */
export function facts(rows) {
  const known = rows.filter(([, value]) => value !== undefined && value !== null && value !== "");
  return h(
    "dl",
    { class: "facts" },
    ...known.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value instanceof Node ? value : String(value))]),
  );
}

function about(model, device) {
  const { class_counts: _counts, data_sha256: hash, ...training } = model.training;
  const told = Object.entries(training).map(([key, value]) => [
    words(key),
    valueText(value),
  ]);
  const { size, color, margin } = model.crop;
  const rows = [
    [t("model.name"), `${model.name}, ${bytesText(model.bytes)}, ${model.precision}`],
    [t("model.made"), day(model.created)],
    [t("model.licence"), model.license],
    [t("model.looks"), t(color === "gray" ? "model.crop.gray" : "model.crop.rgb", { n: size, margin: number(margin, 2) })],
    [t("model.detector"), model.detector],
    [t("model.device"), device ? t("model.device.yes", { name: device.detector.name }) : t("model.device.no")],
    [t("model.temperature"), number(model.temperature, 2)],
    [t("model.unsure"), t("model.unsure.below", { share: percent(model.uncertain_below) })],
    ...told,
  ];
  const hashes = [
    [t("model.hash"), model.sha256],
    [t("model.hash.data"), hash],
  ];
  const folded = h("details", {}, h("summary", {}, "SHA-256"), facts(hashes));
  return card(t("model.what"), legend(model.labels, model.colours), facts(rows), folded);
}

const TRAINING = ["data", "pictures", "targets", "without", "architecture", "calibration"];
const FIGURES = ["accuracy", "macro_f1", "balanced_accuracy", "ece"];
const SPLITS = ["train", "validation", "test"];

function words(key) {
  const text = key.replaceAll("_", " ");
  return TRAINING.includes(key) ? keyed(`model.training.${key}`) : text[0].toUpperCase() + text.slice(1);
}

/** A value of the model file; its words are English. */
function valueText(value) {
  if (typeof value === "number") return number(value, Number.isInteger(value) ? 0 : 3);
  if (typeof value !== "object" || value === null) return h("span", { lang: "en", dir: "auto" }, String(value));
  return listed(Object.entries(value).map(([key, part]) => `${key}: ${typeof part === "number" ? number(part, Number.isInteger(part) ? 0 : 3) : JSON.stringify(part)}`));
}

/** Words by a key that is put together. */
export const keyed = (key) => t(/** @type {import("./types.d.ts").Key} */ (key));

const splitName = (name) => (SPLITS.includes(name) ? keyed(`model.split.${name}`) : t("model.split", { name }));

function measured(model) {
  const { data, figures: judged } = model.evaluation ?? {};
  const shipped = data && judged ? { [data.split]: { ...judged, protocol: where(data) } } : {};
  const parts = Object.entries({ ...model.metrics, ...shipped }).flatMap(([split, figures]) => {
    if (typeof figures !== "object") return [];
    const tiles = FIGURES.filter((key) => typeof figures[key] === "number").map((key) => tile(key, figures));
    const protocol = plain(figures.protocol ?? "");
    return [
      h("h3", {}, splitName(split)),
      h("dl", { class: "tiles" }, ...tiles),
      h("p", { class: "note" }, figures.n ? t("model.pictures", { n: figures.n, protocol }) : protocol),
    ];
  });
  const none = parts.length ? null : h("p", {}, t("model.measured.none"));
  const intervals = judged?.accuracy_interval ? h("p", { class: "note" }, t("model.interval.note")) : null;
  return card(t("model.measured"), ...parts, intervals, none);
}

/** A figure, with its interval where it has one. */
function tile(key, figures) {
  const [low, high] = figures[`${key}_interval`] ?? [];
  const digits = { low: percent(low, 1), high: percent(high, 1) };
  const interval = low === undefined ? null : h("dd", { class: "interval" }, t("model.interval", digits));
  return h("div", {}, h("dt", {}, keyed(`model.${key}`)), h("dd", {}, percent(figures[key], 1)), interval);
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
  const judged = data ? t("model.classes.split", { split: splitName(data.split), n: figures.n }) : "";
  const text = learnt ? `${judged} ${t("model.classes.learnt")}`.trim() : judged;
  return text ? h("p", { class: "note" }, text) : null;
}

/** How many pictures of each expression it learnt from and was judged on, and how it did. */
function classes({ evaluation, training }) {
  const learnt = training.class_counts;
  const { figures } = evaluation;
  const head = h(
    "tr",
    {},
    h("td"),
    ...[...(learnt ? ["trained"] : []), "support", "precision", "recall", "f1"].map((key) =>
      h("th", { scope: "col" }, keyed(`model.${key}`)),
    ),
  );
  const rows = figures.classes.map((c) => {
    const pictures = learnt ? [number(learnt[c.name] ?? 0), number(c.support)] : [number(c.support)];
    const cells = [...pictures, percent(c.precision, 1), percent(c.recall, 1), percent(c.f1, 1)];
    return h("tr", {}, h("th", { scope: "row" }, nameOf(c.name)), ...cells.map((cell) => h("td", {}, String(cell))));
  });
  return card(
    t("model.classes"),
    judgedOn(evaluation, learnt),
    scroll(t("model.classes.table"), h("table", {}, h("thead", {}, head), h("tbody", {}, ...rows))),
  );
}

function confusion(evaluation) {
  const { figures } = evaluation;
  const names = figures.names;
  const across = h("th", { class: "axis", scope: "colgroup", colspan: String(names.length) }, t("model.predicted"));
  const down = h("th", { class: "axis", scope: "col", rowspan: "2" }, t("model.true"));
  const head = h("tr", {}, ...names.map((name) => h("th", { scope: "col" }, nameOf(name))));
  const rows = figures.confusion.map((row, i) => {
    const sum = Math.max(
      row.reduce((a, b) => a + b, 0),
      1,
    );
    const cells = row.map((count) => {
      const share = count / sum;
      return h("td", { "--share": share.toFixed(3) }, percent(share));
    });
    return h("tr", {}, h("th", { scope: "row" }, nameOf(names[i])), ...cells);
  });
  const told = h("p", { class: "note" }, t("model.confusion.note"));
  const table = h("table", { class: "matrix" }, h("thead", {}, h("tr", {}, down, across), head), h("tbody", {}, ...rows));
  return card(t("model.confusion"), told, scroll(t("model.confusion.table"), table));
}

function trust({ figures, coverage }) {
  const marked = coverage?.uncertain ? h("p", {}, unsure(coverage.uncertain)) : null;
  return card(
    t("model.trust"),
    h("p", {}, t("model.trust.note", { share: percent(figures.ece, 1) })),
    h("div", { class: "narrow" }, reliability(figures.reliability)),
    marked,
  );
}

function unsure({ below, coverage, accuracy, accuracy_uncertain: rest }) {
  const share = t("model.trust.marked", { below: percent(below), share: percent(1 - coverage) });
  if (rest === null || accuracy === null) return share;
  return `${share} ${t("model.trust.right", { right: percent(accuracy), rest: percent(rest) })}`;
}

/** A table that may be wider than its card. */
export function scroll(name, table) {
  return h("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": name }, table);
}

function limits() {
  const points = ["moment", "labels", "views", "who"].map((key) => h("li", {}, keyed(`model.cannot.${key}`)));
  return card(t("model.cannot"), h("ul", {}, ...points));
}

function law() {
  return card(t("model.not"), h("p", {}, t("model.not.law")), h("p", {}, t("model.not.ask")));
}
