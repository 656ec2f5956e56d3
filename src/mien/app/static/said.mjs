// What a screen reader is told of the live faces: each reading in words, at most every two seconds, and only what is new.

import { listed, nameOf, t } from "./words.mjs";

const EVERY_MS = 2000;

/** Speaks through an element with the role "status". */
export class Said {
  /** @param {HTMLElement} element */
  constructor(element) {
    this.element = element;
    this.saidMs = -Infinity;
  }

  /** @param {import("./types.d.ts").Face[]} faces */
  add(faces) {
    const now = performance.now();
    if (now - this.saidMs < EVERY_MS) return;
    const text = faces.length ? listed(faces.map(wordsOf)) : t("live.noface");
    if (text === this.element.textContent) return;
    this.saidMs = now;
    this.element.textContent = text;
  }
}

/** @param {import("./types.d.ts").Face} face */
function wordsOf({ track, emotion, uncertain }) {
  return t(uncertain ? "live.perhaps" : "live.said", { n: track, label: nameOf(emotion) });
}
