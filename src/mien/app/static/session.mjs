// The Session tab: the room over time, from what the Live tab reads while recording: the samples that its strip draws, the
// minute before the recording included. It is kept in this page only.

import { $, csvOf, download } from "./dom.mjs";
import { figuresOf, ghost, peopleOf } from "./people_figures.mjs";
import { clock, t } from "./words.mjs";

const LONGEST_STEP_S = 0.5; // a longer pause is not counted
const MOST_ROWS = 200_000; // then the oldest are dropped; about an hour with a dozen faces
const REDRAW_MS = 1000;

/** Wire the tab up; the Live tab's last minute hands it samples. */
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
    this.elapsedS = 0;
    /** @type {number | null} */
    this.readS = null; // time of the newest row
    /** @type {import("./minute.mjs").LastMinute | null} */
    this.minute = null;
    this.shownMs = 0;
  }

  /** Take from now on what the strip draws.
   * @param {import("./minute.mjs").LastMinute} minute */
  follow(minute) {
    this.minute = minute;
    minute.onsample = (sample) => this.recording && this.add(sample);
  }

  /** @param {import("./minute.mjs").Sample} sample */
  add(sample) {
    const { track, timeS, spanS, emotion, confidence, uncertain, values } = sample;
    if (this.readS !== null) this.elapsedS += Math.min(Math.max(timeS - this.readS, 0), LONGEST_STEP_S);
    this.readS = timeS;
    this.rows.push({ track, time: this.elapsedS, span: spanS, emotion, confidence, uncertain, values });
    if (this.rows.length > MOST_ROWS) this.rows.splice(0, this.rows.length - MOST_ROWS);
    if (performance.now() - this.shownMs > REDRAW_MS && !$("session").hidden) this.show();
  }

  toggle() {
    this.recording = !this.recording;
    this.readS = null;
    if (this.recording && !this.rows.length) for (const sample of this.minute?.all() ?? []) this.add(sample);
    this.show();
  }

  show() {
    this.shownMs = performance.now();
    const some = this.rows.length > 0;
    $("sessiontoggle").textContent = t(this.recording ? "session.stop" : some ? "session.on" : "session.start");
    $("sessioncsv").disabled = $("sessionclear").disabled = !some;
    $("sessionstate").textContent = this.state();
    if ($("session").hidden) return;
    const people = peopleOf(this.rows, this.facts.model.labels);
    $("sessionresult").className = "stack";
    $("sessionresult").replaceChildren(...(some ? figuresOf(people, this.facts.model) : [this.ghost()]));
  }

  ghost() {
    const willHold = [t("session.will.face"), t("session.will.share"), t("session.will.save"), t("session.minute")];
    return ghost(this.facts.model, t("session.will"), willHold);
  }

  state() {
    if (!this.recording && !this.rows.length) return t("session.nothing");
    const told = t(this.recording ? "session.recording" : "session.stopped", { time: clock(this.elapsedS) });
    return this.recording && !this.rows.length ? `${told} ${t("session.hint")}` : told;
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
    this.elapsedS = 0;
    this.readS = null;
    this.show();
  }
}
