// Drawings of figures: expressions over time, and how far confidence can be trusted. SVG, made by hand.

import { svg } from "./dom.mjs";
import { colourOfFace } from "./faces.mjs";
import { clock, mirroredPage, number, percent, t } from "./words.mjs";

const LANE = 64; // px
const NAMES = 72; // px for the names at the left

/** Stacked areas over time for each person: [{track, name, times, values: [label -> share]}]; `width` in px. */
export function lanes(people, labels, colours, width) {
  const last = Math.max(...people.map((person) => person.times.at(-1)), 0.001);
  const first = Math.min(...people.map((person) => person.times[0]));
  const along = (time) => NAMES + ((time - first) / Math.max(last - first, 0.001)) * (width - NAMES - 12);
  const x = (time) => (mirroredPage() ? width - along(time) : along(time)); // time runs as the visitor reads
  const height = people.length * (LANE + 14) + 22;
  const parts = people.flatMap((person, i) => lane(person, 2 + i * (LANE + 14), labels, colours, x, width));
  const title = svg("title", {}, t("figures.drawing", { n: people.length, from: clock(first), to: clock(last) }));
  return svg(
    "svg",
    { class: "chart", viewBox: `0 0 ${width} ${height}`, role: "img" },
    title,
    ...parts,
    ...axis(first, last, x, width, height),
  );
}

function lane(person, top, labels, colours, x, width) {
  const at = (left) => (mirroredPage() ? width - left : left);
  const name = svg("text", { x: at(17), y: top + LANE / 2 + 4 }, person.name);
  const own = { x: mirroredPage() ? width - 12 : 0, y: top + LANE / 2 - 6, width: 12, height: 12, rx: 4, fill: colourOfFace(person.track) };
  const runs = runsOf(person.times);
  const areas = runs.flatMap(([from, to]) => {
    const times = person.times.slice(from, to);
    const rows = person.values.slice(from, to);
    if (times.length === 1) {
      times.push(times[0] + 0.1);
      rows.push(rows[0]);
    }
    const base = times.map(() => 0);
    return labels.map((label) => {
      const low = [...base];
      rows.forEach((row, i) => (base[i] += row[label]));
      const point = (level) => (time, i) => `${x(time).toFixed(1)},${(top + LANE * (1 - level[i])).toFixed(1)}`;
      const outline = [...times.map(point(base)), ...times.map(point(low)).reverse()];
      return svg("polygon", { points: outline.join(" "), fill: colours[label] });
    });
  });
  return [svg("rect", own), name, ...areas];
}

/** Parts of a person's times without a gap of more than a second: [[from, to)]. */
function runsOf(times) {
  const runs = [];
  let from = 0;
  for (let i = 1; i <= times.length; i += 1) {
    if (i === times.length || times[i] - times[i - 1] > 1) {
      runs.push([from, i]);
      from = i;
    }
  }
  return runs;
}

function axis(first, last, x, width, height) {
  const step = [0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600].find((s) => (last - first) / s <= width / 80) ?? 1200;
  const marks = [];
  for (let time = Math.ceil(first / step) * step; time <= last + 1e-9; time += step) {
    const text = step < 1 ? t("figures.seconds", { n: number(time, 1) }) : clock(time);
    marks.push(svg("text", { x: x(time), y: height - 4, "text-anchor": "middle" }, text));
  }
  return marks;
}

/** Accuracy against confidence, a spot for each bin of `figures.reliability`, sized by its pictures. */
export function reliability(bins) {
  const side = 320;
  const at = (value) => 52 + value * (side - 64);
  const up = (value) => side - 50 - value * (side - 64);
  const full = bins.filter((bin) => bin.count > 0);
  const most = Math.max(...full.map((bin) => bin.count));
  const marks = [0, 0.25, 0.5, 0.75, 1].flatMap((v) => [
    svg("line", { class: "grid", x1: at(0), x2: at(1), y1: up(v), y2: up(v) }),
    svg("text", { x: at(0) - 6, y: up(v) + 4, "text-anchor": "end" }, number(v * 100)),
    svg("text", { x: at(v), y: side - 32, "text-anchor": "middle" }, number(v * 100)),
  ]);
  const names = [
    svg("text", { x: at(0.5), y: side - 10, "text-anchor": "middle" }, t("model.chart.confidence")),
    svg("text", { x: 14, y: up(0.5), "text-anchor": "middle", transform: `rotate(-90 14 ${up(0.5)})` }, t("model.chart.accuracy")),
  ];
  const line = svg("polyline", {
    class: "line",
    points: full.map((b) => `${at(b.confidence)},${up(b.accuracy)}`).join(" "),
  });
  const spots = full.map((b) => {
    const title = svg("title", {}, t("model.chart.spot", { said: percent(b.confidence), right: percent(b.accuracy), n: b.count }));
    return svg(
      "circle",
      { class: "spot", cx: at(b.confidence), cy: up(b.accuracy), r: 2.5 + 5 * Math.sqrt(b.count / most) },
      title,
    );
  });
  const ideal = svg("line", { class: "ideal", x1: at(0), y1: up(0), x2: at(1), y2: up(1) });
  const title = svg("title", {}, t("model.chart"));
  return svg(
    "svg",
    { class: "chart", viewBox: `0 0 ${side} ${side}`, role: "img" },
    title,
    ...marks,
    ...names,
    ideal,
    line,
    ...spots,
  );
}
