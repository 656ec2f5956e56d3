// A colour for every class, by the rule of mien/draw/palette.py: known expressions keep theirs, other names get, in
// alphabetical order, the colour that is farthest from those taken so far, also for people with red-green deficiencies.

const XYZ = [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]];
const WHITE = [0.95047, 1, 1.08883];
// Protanopia and deuteranopia after Machado, Oliveira and Fernandes 2009, on linear RGB.
const PROTANOPIA = [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]];
const DEUTERANOPIA = [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]];
const LESS = 1.6;
const [DARKEST, LIGHTEST, DULLEST, LOUDEST] = [42, 88, 25, 68];
const FIRST = [91, 155, 213]; // where no known expression is present

/** @typedef {number[]} Triple */

/**
 * Colours "#rrggbb" for a set of labels.
 * @param {string[]} labels - As they are shown.
 * @param {Record<string, string>} known - Colours of the usual expressions, by their names in any spelling.
 * @returns {Record<string, string>}
 */
export function coloursOf(labels, known) {
  const own = [...new Set(labels.map(tidy).filter((name) => !known[name]))].sort(byCode);
  const taken = [...new Set(labels.map((label) => known[tidy(label)]).filter(Boolean))].map(numbersOf);
  const chosen = farthest(taken.length ? taken : [FIRST], own.length);
  const found = Object.fromEntries(own.map((name, i) => [name, hexOf(chosen[i])]));
  return Object.fromEntries(labels.map((label) => [label, known[tidy(label)] ?? found[tidy(label)]]));
}

/** @param {string} name */
const tidy = (name) => name.trim().toLowerCase().replace(/[_\-\s]+/g, " ").trim();

/** By code points, as Python sorts. @param {string} a @param {string} b */
const byCode = (a, b) => {
  const [x, y] = [[...a], [...b]];
  for (let i = 0; i < Math.min(x.length, y.length); i += 1) {
    const gap = Number(x[i].codePointAt(0)) - Number(y[i].codePointAt(0));
    if (gap) return gap;
  }
  return x.length - y.length;
};

/** @param {string} text @returns {Triple} */
const numbersOf = (text) => [1, 3, 5].map((i) => parseInt(text.slice(i, i + 2), 16));

/** @param {Triple} colour */
const hexOf = (colour) => `#${colour.map((v) => v.toString(16).padStart(2, "0")).join("")}`;

/** @param {Triple[]} taken @param {number} count @returns {Triple[]} */
function farthest(taken, count) {
  const seen = candidates().map((colour) => ({ colour, views: viewsOf(colour), near: Infinity }));
  /** @param {Triple} colour */
  const take = (colour) => {
    const views = viewsOf(colour);
    for (const one of seen) one.near = Math.min(one.near, separation(one.views, views));
  };
  taken.forEach(take);
  return Array.from({ length: count }, () => {
    const best = seen.reduce((a, b) => (Math.round(b.near * 100) > Math.round(a.near * 100) ? b : a));
    take(best.colour);
    return best.colour;
  });
}

/** @returns {Triple[]} */
function candidates() {
  const levels = Array.from({ length: 8 }, (_, i) => 17 + 34 * i);
  const grid = levels.flatMap((r) => levels.flatMap((g) => levels.map((b) => [r, g, b])));
  return grid.filter((colour) => {
    const [lightness, a, b] = labOf(linear(colour));
    const chroma = Math.hypot(a, b);
    return lightness >= DARKEST && lightness <= LIGHTEST && chroma >= DULLEST && chroma <= LOUDEST;
  });
}

/** @param {Triple[]} a @param {Triple[]} b */
const separation = (a, b) =>
  Math.min(...a.map((lab, i) => (i ? LESS : 1) * Math.hypot(...lab.map((v, k) => v - b[i][k]))));

/** CIELAB as it is usually seen, and with two deficiencies. @param {Triple} colour @returns {Triple[]} */
function viewsOf(colour) {
  const light = linear(colour);
  return [light, times(PROTANOPIA, light), times(DEUTERANOPIA, light)].map(labOf);
}

/** @param {Triple} colour @returns {Triple} */
const linear = (colour) =>
  colour.map((v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));

/** @param {Triple[]} matrix @param {Triple} v @returns {Triple} */
const times = (matrix, v) => matrix.map((row) => row.reduce((sum, m, i) => sum + m * v[i], 0));

/** @param {Triple} light @returns {Triple} */
function labOf(light) {
  const clipped = light.map((v) => Math.min(Math.max(v, 0), 1));
  const [x, y, z] = times(XYZ, clipped).map((v, i) => {
    const share = v / WHITE[i];
    return share > 216 / 24389 ? Math.cbrt(share) : ((24389 / 27) * share + 16) / 116;
  });
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)];
}
