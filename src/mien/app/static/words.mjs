// The page's words: one file for each language (`lang/`), of which only the one in use is fetched. Numbers, shares and dates
// are written as the visitor's own locale does. The keys are checked by the type checker against the English file.

import { h } from "./dom.mjs";

/** Languages, each in its own name. */
export const LANGUAGES = {
  en: "English",
  de: "Deutsch",
  es: "Español",
  fr: "Français",
  ar: "العربية",
  hi: "हिन्दी",
  zh: "简体中文",
};
const RIGHT_TO_LEFT = ["ar"];
const CHOICE = "mien-language";
const KNOWN = ["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral", "contempt"]; // labels with a translation

/** @typedef {import("./types.d.ts").Key} Key */
/** @typedef {string | Record<string, string>} Words */

let language = "en";
let locale = "en"; // of numbers and dates
/** @type {Record<string, Words>} */
let words = {};
/** @type {Map<string, any>} */
const formats = new Map();

/** The language in use. */
export const spoken = () => language;

/** The visitor's choice on this device, else the first language of the browser that there is, else English.
 * @param {readonly string[]} wished languages of the browser, best first
 * @param {string | null} kept what was chosen here before */
export function languageOf(wished, kept = null) {
  return [kept ?? "", ...wished].map((tag) => tag.toLowerCase().split("-")[0]).find((tag) => tag in LANGUAGES) ?? "en";
}

/** Keep a choice on this device. */
export const keepLanguage = (chosen) => localStorage.setItem(CHOICE, chosen);

/** Fetch the words, and put them into the page. */
export async function loadWords() {
  language = languageOf(navigator.languages, localStorage.getItem(CHOICE));
  const own = navigator.languages.find((tag) => tag.toLowerCase().split("-")[0] === language);
  locale = own ?? (language === "zh" ? "zh-Hans" : language);
  const answer = await fetch(`static/lang/${language}.json`);
  if (!answer.ok) throw new Error(`The words of the page could not be loaded (${answer.status}).`);
  words = await answer.json();
  const root = document.documentElement;
  root.lang = language === "zh" ? "zh-Hans" : language;
  root.dir = RIGHT_TO_LEFT.includes(language) ? "rtl" : "ltr";
  root.dataset.lang = language;
  translate(document);
}

/** Whether the page is read from right to left. */
export const mirroredPage = () => document.documentElement.dir === "rtl";

/** Elements say by `data-t` which words they hold, and by `data-t-name` which name they have for screen readers.
 * @param {ParentNode} part */
function translate(part) {
  document.title = t("title");
  /** @type {NodeListOf<HTMLElement>} */
  const all = part.querySelectorAll("[data-t], [data-t-name]");
  for (const element of all) {
    const { t: text, tName: name } = element.dataset;
    if (text) element.textContent = t(/** @type {Key} */ (text));
    if (name) element.setAttribute("aria-label", t(/** @type {Key} */ (name)));
  }
}

/** Words by their key; `{name}` stands for a value, and `n` chooses the plural.
 * @param {Key} key
 * @param {Record<string, string | number>} values */
export function t(key, values = {}) {
  const found = words[key];
  const text = typeof found === "object" ? found[plurals().select(Number(values.n))] ?? found.other : found;
  if (text === undefined) return key;
  return text.replace(/\{(\w+)\}/g, (_, name) => (typeof values[name] === "number" ? number(values[name]) : values[name]));
}

/** A label for people: translated where it is a known one, else as the model has it. */
export const nameOf = (label) => (KNOWN.includes(label) ? t(/** @type {Key} */ (`label.${label}`)) : label);

const plurals = () => kept("plural", () => new Intl.PluralRules(language));

/** @template T
 * @param {string} key
 * @param {() => T} make
 * @returns {T} */
function kept(key, make) {
  if (!formats.has(key)) formats.set(key, make());
  return formats.get(key);
}

/** A number with at most, or exactly, so many digits behind the point.
 * @param {number} value */
export function number(value, digits = 0, whole = 1) {
  const options = { minimumFractionDigits: digits, maximumFractionDigits: digits, minimumIntegerDigits: whole };
  return kept(`${digits}/${whole}`, () => new Intl.NumberFormat(locale, options)).format(value);
}

/** A share in 0..1 as per cent. */
export function percent(value, digits = 0) {
  const options = { minimumFractionDigits: digits, maximumFractionDigits: digits };
  return kept(`%${digits}`, () => new Intl.NumberFormat(locale, { style: "percent", ...options })).format(value);
}

/** Things one after another.
 * @param {string[]} things */
export const listed = (things) => kept("list", () => new Intl.ListFormat(locale, { type: "unit" })).format(things);

/** Seconds as minutes and seconds. */
export function clock(seconds) {
  const all = Math.floor(seconds);
  return `${number(Math.floor(all / 60))}:${number(all % 60, 0, 2)}`;
}

/** A day such as 2026-11-20; another text stays as it is. */
export function day(text) {
  if (!/^\d{4}-\d\d-\d\d$/.test(text)) return text;
  const format = kept("day", () => new Intl.DateTimeFormat(locale, { dateStyle: "long", timeZone: "UTC" }));
  return format.format(new Date(text));
}

/** A number of bytes for people. */
export function bytesText(bytes) {
  if (bytes < 1000) return t("bytes.b", { n: bytes });
  if (bytes < 1e6) return t("bytes.kb", { n: bytes / 1e3 });
  return t("bytes.mb", { n: number(bytes / 1e6, bytes < 1e8 ? 1 : 0) });
}

/** A list to choose the language from; the page is loaded anew for it.
 * @param {HTMLSelectElement} picker
 * @param {() => boolean} loses whether the page shows something that would be gone */
export function startPicker(picker, loses) {
  picker.replaceChildren(
    ...Object.entries(LANGUAGES).map(([code, name]) =>
      h("option", { value: code, lang: code, selected: code === language }, name),
    ),
  );
  picker.addEventListener("change", () => {
    if (loses() && !confirm(t("anew.language"))) {
      picker.value = language;
      return;
    }
    keepLanguage(picker.value);
    location.reload();
  });
}
