// What a stretch of time looked like, person by person: shares of each expression, as bars, table and drawing.
// The Video and Session tabs share it.

import { lanes } from "./charts.mjs";
import { $, h } from "./dom.mjs";
import { legend } from "./faces.mjs";
import { clock, nameOf, percent, t } from "./words.mjs";

const MOST_LANES = 8;

/** Sum of a list of rows {track, time, span, emotion, values}: people, longest seen first. */
export function peopleOf(rows, labels) {
  const people = new Map();
  for (const row of rows) {
    const person = people.get(row.track) ?? {
      track: row.track,
      span: 0,
      shares: emptyShares(labels),
      times: [],
      values: [],
    };
    people.set(row.track, person);
    person.span += row.span;
    person.shares[row.emotion] += row.span;
    person.times.push(row.time);
    person.values.push(row.values);
  }
  return [...people.values()].sort((a, b) => b.span - a.span);
}

function emptyShares(labels) {
  return Object.fromEntries(labels.map((label) => [label, 0]));
}

/** Cards: the drawing over time, and the shares together and for each person. */
export function figuresOf(people, { labels, colours }) {
  if (!people.length) return [h("p", { class: "nobody" }, t("figures.nobody"))];
  const shown = people.slice(0, MOST_LANES);
  const named = shown.map((person) => ({ ...person, name: titleOf(person) }));
  const rest = people.length - shown.length;
  const width = Math.max($("main").clientWidth - 100, 280);
  const note =
    rest > 0
      ? h("p", { class: "note" }, t("figures.rest", { n: rest }))
      : null;
  return [
    h(
      "article",
      { class: "card" },
      h("h2", {}, t("figures.time")),
      lanes(named, labels, colours, width),
      legend(labels, colours),
      note,
    ),
    h("article", { class: "card" }, h("h2", {}, t("figures.shares")), ...sharesOf(people, shown, labels, colours)),
  ];
}

/** What an empty tab will hold: points in words, beside a pale drawing of no data. */
export function ghost({ labels, colours }, title, points) {
  const times = Array.from({ length: 40 }, (_, i) => i / 2);
  const people = [1, 2].map((track) => ({
    track,
    name: "",
    times,
    values: times.map((time) => wave(labels, time, track)),
  }));
  const drawing = h("div", { class: "pale", "aria-hidden": "true" }, lanes(people, labels, colours, 420));
  const list = h("ul", {}, ...points.map((point) => h("li", {}, point)));
  return h("article", { class: "card ghost" }, h("div", {}, h("h2", {}, title), list), drawing);
}

function wave(labels, time, track) {
  const heights = labels.map((_, k) => Math.exp(2.2 * Math.sin(time / (2.5 + k) + 2 * k + 3 * track)));
  const sum = heights.reduce((a, b) => a + b, 0);
  return Object.fromEntries(labels.map((label, k) => [label, heights[k] / sum]));
}

function sharesOf(people, shown, labels, colours) {
  const together = { track: null, span: 0, shares: emptyShares(labels) };
  for (const person of people) {
    together.span += person.span;
    for (const label of labels) together.shares[label] += person.shares[label];
  }
  const rows = people.length > 1 ? [together, ...shown] : shown;
  return [...rows.map((row) => shareBar(row, labels, colours)), shareTable(rows, labels)];
}

function shareBar(person, labels, colours) {
  const share = (label) => person.shares[label] / Math.max(person.span, 1e-9);
  const parts = labels.map((label) =>
    h("i", { "--value": share(label).toFixed(4), "--colour": colours[label], title: nameOf(label) }),
  );
  const seen = t("figures.seen", { time: lasted(person.span) });
  const head = h("header", {}, h("h3", {}, titleOf(person)), h("span", {}, seen));
  return h("div", { class: "person" }, head, h("div", { class: "share", "aria-hidden": "true" }, ...parts));
}

function lasted(seconds) {
  return seconds < 60 ? t("figures.seconds", { n: seconds }) : t("figures.minutes", { time: clock(seconds) });
}

const titleOf = ({ track }) => (track === null ? t("figures.everybody") : t("face.title", { n: track }));

function shareTable(rows, labels) {
  const seen = labels.filter((label) => rows.some((row) => row.shares[label] > 0));
  const note = t(seen.length < labels.length ? "figures.note.never" : "figures.note");
  const head = h("tr", {}, h("td"), ...seen.map((label) => h("th", { scope: "col" }, nameOf(label))));
  const body = rows.map((row) => {
    const cells = seen.map((label) => h("td", {}, percent(row.shares[label] / Math.max(row.span, 1e-9))));
    return h("tr", {}, h("th", { scope: "row" }, titleOf(row)), ...cells);
  });
  const table = h("table", {}, h("thead", {}, head), h("tbody", {}, ...body));
  return h(
    "div",
    { class: "stack tight" },
    h("p", { class: "note" }, note),
    h("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": t("figures.table") }, table),
  );
}
