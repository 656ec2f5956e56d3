// How large a live picture is when faces are looked for in it on the visitor's device: as large as on the server where
// the device is quick enough, else smaller.

const BUDGET_MS = 33; // for a frame, from pixels to readings: a camera gives thirty in a second
const STEPS = [1, 0.75, 0.5]; // of the server's size
const SEEN = 8; // frames before something is changed
const UP_AFTER_MS = 4000; // a step up is tried again after so long
const ROOM = 0.7; // share of the budget that the larger size may be expected to take

/** Chooses a longest side in pixels by how long frames took. */
export class LiveSize {
  #full;
  #step = 0;
  #times = [];
  #changedMs = 0;

  /** `full` is the server's size. */
  constructor(full) {
    this.#full = full;
  }

  get side() {
    return Math.round(this.#full * STEPS[this.#step]);
  }

  /** A frame took `ms`, at the page's time `nowMs`. */
  add(ms, nowMs) {
    this.#times.push(ms);
    if (this.#times.length < SEEN) return;
    const middle = [...this.#times].sort((a, b) => a - b)[SEEN >> 1];
    this.#times.shift();
    if (middle > BUDGET_MS && this.#step < STEPS.length - 1) this.#go(1, nowMs);
    else if (this.#step > 0 && nowMs - this.#changedMs > UP_AFTER_MS) {
      const grown = (STEPS[this.#step - 1] / STEPS[this.#step]) ** 2; // time goes with the pixels, at most
      if (middle * grown < BUDGET_MS * ROOM) this.#go(-1, nowMs);
    }
  }

  #go(steps, nowMs) {
    this.#step += steps;
    this.#times = [];
    this.#changedMs = nowMs;
  }
}
