// Frames per second and lag over the last two seconds.

const WINDOW_MS = 2000;
const TOLD_EVERY_MS = 250;
const LEAST_SPAN_MS = 300; // a rate over less than this says nothing

/** Sums up the newest frames. */
export class Pace {
  #times = [];
  #lags = [];
  #toldMs = 0;

  /** Add a frame; a few times a second the sum comes back: {fps (null at first), lagMs (the median)}. */
  add(lagMs) {
    const now = performance.now();
    this.#times.push(now);
    this.#lags.push(lagMs);
    while (this.#times[0] < now - WINDOW_MS) {
      this.#times.shift();
      this.#lags.shift();
    }
    if (now - this.#toldMs < TOLD_EVERY_MS) return null;
    this.#toldMs = now;
    const span = now - this.#times[0];
    const fps = span < LEAST_SPAN_MS ? null : ((this.#times.length - 1) * 1000) / span;
    return { fps, lagMs: [...this.#lags].sort((a, b) => a - b)[this.#lags.length >> 1] };
  }
}
