// The Session tab: the room over time, from what the Live tab reads while recording. It is kept in this page only.

import { $, clock, csvOf, download } from "./dom.mjs";
import { figuresOf, ghost, peopleOf } from "./people_figures.mjs";

const SAMPLE_S = 0.25; // between rows of one face
const LONGEST_STEP_S = 0.5; // a longer pause is no time in which something was seen
const MOST_ROWS = 200_000; // then the oldest are dropped; about an hour with a dozen faces
const REDRAW_MS = 1000;

const WILL_HOLD = [
  "Which expressions the faces in the Live tab showed over time, while you record.",
  "The share of the time in which each held, for each face and for everybody together.",
  "Every reading as CSV. It stays in this page and is gone when you close it.",
];

/** Wire the tab up; the Live tab hands readings to `add`. */
export function startSession(facts) {
  const session = new Session(facts);
  $("sessiontoggle").addEventListener("click", () => session.toggle());
  $("sessioncsv").addEventListener("click", () => session.save());
  $("sessionclear").addEventListener("click", () => session.clear());
  document.addEventListener("shown", () => session.show());
  session.show();
  return session;
}

class Session {
  constructor(facts) {
    this.facts = facts;
    this.rows = [];
    this.recording = false;
    this.lastS = new Map(); // track -> time of its newest row
    this.elapsedS = 0;
    this.readS = null;
    this.shownMs = 0;
  }

  /** Take in the faces of a moment, in seconds of the page's clock. */
  add(faces, nowS) {
    if (!this.recording) return;
    const step = this.readS === null ? 0 : Math.min(nowS - this.readS, LONGEST_STEP_S);
    this.readS = nowS;
    this.elapsedS += step;
    for (const face of faces) {
      const last = this.lastS.get(face.track);
      if (last !== undefined && this.elapsedS - last < SAMPLE_S) continue;
      const span = last === undefined ? 0 : Math.min(this.elapsedS - last, LONGEST_STEP_S);
      this.lastS.set(face.track, this.elapsedS);
      const { track, emotion, confidence, uncertain } = face;
      this.rows.push({
        track,
        time: this.elapsedS,
        span,
        emotion,
        confidence,
        uncertain,
        values: face.smooth ?? face.probabilities,
      });
    }
    if (this.rows.length > MOST_ROWS) this.rows.splice(0, this.rows.length - MOST_ROWS);
    if (performance.now() - this.shownMs > REDRAW_MS && !$("session").hidden) this.show();
  }

  toggle() {
    this.recording = !this.recording;
    this.readS = null;
    this.show();
  }

  show() {
    this.shownMs = performance.now();
    const some = this.rows.length > 0;
    $("sessiontoggle").textContent = this.recording ? "Stop recording" : some ? "Go on recording" : "Start recording";
    $("sessioncsv").disabled = $("sessionclear").disabled = !some;
    $("sessionstate").textContent = this.state();
    if ($("session").hidden) return;
    const people = peopleOf(this.rows, this.facts.model.labels);
    $("sessionresult").className = "stack";
    $("sessionresult").replaceChildren(...(some ? figuresOf(people, this.facts.model) : [this.ghost()]));
  }

  ghost() {
    return ghost(this.facts.model, "A session sums up what the Live tab sees", WILL_HOLD);
  }

  state() {
    if (!this.recording && !this.rows.length) return "Nothing is recorded yet.";
    const verb = this.recording ? "Recording" : "Stopped";
    const hint = this.recording && !this.rows.length ? " Start the camera in the Live tab." : "";
    return `${verb}: ${clock(this.elapsedS)} min with readings.${hint}`;
  }

  save() {
    const labels = this.facts.model.labels;
    const rows = this.rows.map(({ time, track, emotion, confidence, uncertain, values }) => {
      const named = Object.fromEntries(labels.map((label) => [`smooth_${label}`, values[label]]));
      return { time_s: time.toFixed(3), track, emotion, confidence, uncertain, ...named };
    });
    const columns = ["time_s", "track", "emotion", "confidence", "uncertain"];
    download("session.csv", csvOf([...columns, ...labels.map((label) => `smooth_${label}`)], rows), "text/csv");
  }

  clear() {
    this.rows = [];
    this.lastS.clear();
    this.elapsedS = 0;
    this.readS = null;
    this.show();
  }
}
