// The cards beside the live picture: one for each face, with all its bars.

import { h } from "./dom.mjs";
import { FaceCard } from "./faces.mjs";
import { t } from "./words.mjs";

const MOST = 8;
const EVERY_MS = 90; // boxes follow every frame; bars that change faster cannot be read

/** Keeps the cards of an element. */
export class Cards {
  /** @param {HTMLElement} element
   * @param {{labels: string[], colours: Record<string, string>}} model */
  constructor(element, model) {
    this.element = element;
    this.model = model; // its labels change with it
    /** @type {Map<number, FaceCard>} */
    this.cards = new Map();
    this.shownMs = -Infinity;
  }

  /** @param {any[]} faces */
  show(faces) {
    const shown = faces.slice(0, MOST);
    const now = performance.now();
    const known = shown.length === this.cards.size && shown.every((face) => this.cards.has(face.track));
    if (known && now - this.shownMs < EVERY_MS) return;
    this.shownMs = now;
    for (const [track, card] of this.cards) {
      if (shown.some((face) => face.track === track)) continue;
      card.element.remove();
      this.cards.delete(track);
    }
    for (const face of shown) this.#card(face.track).update(face);
    const empty = this.element.querySelector(".nobody");
    if (shown.length) empty?.remove();
    else if (!empty) this.nobody();
  }

  #card(track) {
    const known = this.cards.get(track);
    if (known) return known;
    const card = new FaceCard(this.model.labels, this.model.colours, track);
    this.cards.set(track, card);
    this.element.append(card.element);
    return card;
  }

  /** No cards. */
  clear() {
    this.cards.clear();
    this.element.replaceChildren();
  }

  /** Say that there is no face. */
  nobody() {
    this.cards.clear();
    this.element.replaceChildren(h("p", { class: "nobody" }, t("live.nobody")));
  }
}
