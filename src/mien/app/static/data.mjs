// The Data tab: the data set that the service shows. Counts, sizes, mean faces and faults; pictures only on a click, and only
// where the service gives them.

import { getJson } from "./api.mjs";
import { $, h } from "./dom.mjs";
import { card, facts, keyed, scroll } from "./model.mjs";
import { sealed } from "./seal.mjs";
import { nameOf, number, percent, t } from "./words.mjs";

const FAULTS = ["copies", "leaks", "conflicts", "blank"];

/** Let the tab fetch its figures when it is opened for the first time.
 * @param {import("./types.d.ts").Page} page */
export function startData({ facts: { data }, tell }) {
  if (!data) return;
  let asked = false;
  const show = async () => {
    if (asked || $("data").hidden) return;
    asked = true;
    try {
      const set = await fetched(data.facts);
      const samples = data.samples ? some(set, data.samples, tell) : null;
      $("data").replaceChildren(about(set), counts(set), means(set), samples ?? "", sizes(set), faults(set));
    } catch (error) {
      asked = false;
      tell(error);
    }
  };
  document.addEventListener("shown", show);
  show();
}

/** @param {string} path */
function fetched(path) {
  if (sealed()) throw new Error(t("data.sealed"));
  return getJson(path);
}

function about(set) {
  const tile = (name, value) => h("div", {}, h("dt", {}, name), h("dd", {}, value));
  const splits = set.splits.length > 1 ? set.splits.map((split) => tile(named(split), number(split.pictures))) : [];
  const tiles = [tile(t("data.pictures"), number(set.pictures)), tile(t("data.classes"), number(set.labels.length)), ...splits];
  const rows = [
    [t("data.pixels"), set.sizes ? pixels(set.sizes) : null],
    [t("data.colour"), colour(set.grey)],
    [t("data.unlabelled"), set.unlabelled ? number(set.unlabelled) : null],
    [t("data.unreadable"), set.unreadable ? number(set.unreadable) : null],
  ];
  const folded = h("details", {}, h("summary", {}, "SHA-256"), h("p", { class: "hash" }, set.sha256));
  return card(h("bdi", {}, set.name), h("dl", { class: "tiles" }, ...tiles), facts(rows), folded);
}

const named = ({ name }) => keyed(`data.split.${name || "none"}`);

const side = ([wide, high]) => `${number(wide)} × ${number(high)}`;

function pixels({ least, middle, largest }) {
  const ends = { least: side(least), middle: side(middle), largest: side(largest) };
  return ends.least === ends.largest ? ends.least : t("data.pixels.range", ends);
}

function colour(grey) {
  if (grey === 1 || grey === 0) return t(grey ? "data.colour.grey" : "data.colour.colour");
  return t("data.colour.mixed", { share: percent(grey) });
}

/** A row for each class: a bar of all its pictures, and how many there are in each split. */
function counts({ labels, colours, splits }) {
  const sums = labels.map((_, i) => splits.reduce((sum, split) => sum + split.counts[i], 0));
  const whole = Math.max(sums.reduce((a, b) => a + b, 0), 1);
  const most = Math.max(...sums, 1);
  const columns = splits.length > 1 ? splits : [];
  const head = [t("data.all"), t("data.share"), ...columns.map(named)].map((name) => h("th", { scope: "col" }, name));
  const rows = labels.map((label, i) => {
    const cells = [number(sums[i]), percent(sums[i] / whole, 1), ...columns.map((split) => number(split.counts[i]))];
    const bar = h("i", { "--colour": colours[label], "--value": (sums[i] / most).toFixed(4) });
    const name = h("th", { scope: "row" }, h("bdi", {}, nameOf(label)), bar);
    return h("tr", {}, name, ...cells.map((cell) => h("td", {}, cell)));
  });
  const table = h("table", { class: "tally" }, h("thead", {}, h("tr", {}, h("td"), ...head)), h("tbody", {}, ...rows));
  return card(t("data.counts"), scroll(t("data.counts.table"), table));
}

/** Whether pictures differ enough for bars. */
const vary = (told) => Boolean(told) && told.bars.length > 1;

function sizes({ sizes: told }) {
  if (!vary(told)) return "";
  const most = Math.max(...told.bars.map((bar) => bar.pictures), 1);
  const rows = told.bars.map(({ from, to, pictures }) => {
    const name = to ? t("data.sizes.bar", { from, to }) : t("data.sizes.more", { from: from - 1 });
    const bar = h("i", { "--value": (pictures / most).toFixed(4), hidden: !pictures });
    return h("tr", {}, h("th", { scope: "row", class: "plain" }, name, bar), h("td", {}, number(pictures)));
  });
  return card(t("data.sizes"), h("table", { class: "tally" }, h("tbody", {}, ...rows)));
}

function means({ means: told }) {
  if (!told.length) return "";
  const faces = told.map(({ label, of, png }) =>
    picture(png, t("data.mean", { label: nameOf(label) }), h("bdi", {}, nameOf(label)), h("span", {}, t("photo.pictures", { n: of }))),
  );
  return wide(t("data.means"), h("p", { class: "note" }, t("data.means.note")), h("div", { class: "gallery" }, ...faces));
}

function wide(title, ...parts) {
  const made = card(title, ...parts);
  made.classList.add("wide");
  return made;
}

function picture(src, alt, ...caption) {
  return h("figure", {}, h("img", { src, alt, width: "96", height: "96" }), caption.length ? h("figcaption", {}, ...caption) : null);
}

/** Pictures of a class, others with each click. */
function some({ labels }, path, tell) {
  const choice = h("select", {}, ...labels.map((label) => h("option", { value: label }, nameOf(label))));
  const shown = h("div", { class: "gallery", "aria-live": "polite" });
  const ask = async () => {
    tell(null);
    try {
      const label = choice.value;
      const { pictures } = await fetched(`${path}?label=${encodeURIComponent(label)}`);
      shown.replaceChildren(...pictures.map((src) => picture(src, t("data.sample", { label: nameOf(label) }))));
    } catch (error) {
      tell(error);
    }
  };
  const field = h("label", { class: "field" }, h("span", {}, t("data.class")), choice);
  const button = h("button", { on: { click: ask } }, t("data.samples.show"));
  return wide(t("data.samples"), h("p", { class: "note" }, t("data.samples.note")), h("div", { class: "bar ends" }, field, button), shown);
}

function faults({ faults: told, splits, sizes }) {
  const known = FAULTS.filter((key) => key in told && (key !== "leaks" || splits.length > 1));
  const rows = known.map((key) => [keyed(`data.faults.${key}`), number(told[key])]);
  const made = vary(sizes) ? card : wide;
  return made(t("data.faults"), facts(rows), h("p", { class: "note" }, t("data.faults.note")));
}
