// The Video tab: a file becomes a time line, on the server as a job with progress, or on this device frame by frame.

import { authorised, getJson, problemOf } from "./api.mjs";
import { $, csvOf, download, h, onDrop } from "./dom.mjs";
import { clip } from "./examples.mjs";
import { faceCells } from "./photo.mjs";
import { figuresOf, ghost, peopleOf } from "./people_figures.mjs";
import { judged } from "./plausible.mjs";
import { bytesText, clock, percent, t } from "./words.mjs";

const EVERY_S = 0.1;
const ASK_EVERY_MS = 400;

/** Wire the tab up. */
export function startVideo(page) {
  const videos = new Videos(page);
  $("videofile").addEventListener("change", () => {
    const [file] = $("videofile").files;
    if (file) videos.read(file);
    $("videofile").value = "";
  });
  onDrop($("videodrop"), ([file]) => file && videos.read(file));
  $("tryvideo").addEventListener("click", () => videos.example());
  $("videocancel").addEventListener("click", () => videos.cancel());
  const willHold = [t("video.will.face"), t("video.will.share"), t("video.will.save")];
  $("videoempty").append(ghost(page.facts.model, t("video.will"), willHold));
  const { server } = page.facts;
  if (server) {
    const { video_s: seconds, video_bytes: bytes } = server.limits;
    $("videohint").textContent = t("video.limits", { minutes: Math.round(seconds / 60), size: bytesText(bytes) });
  }
}

class Videos {
  /** @param {import("./types.d.ts").Page} page */
  constructor({ facts, choice, tell }) {
    this.facts = facts;
    this.choice = choice;
    this.tell = tell;
    /** @type {AbortController | null} */
    this.stop = null;
  }

  async example() {
    try {
      await this.read(await clip());
    } catch (error) {
      this.tell(error);
    }
  }

  async read(file) {
    this.tell(null);
    for (const id of ["videodrop", "videotry", "videoempty"]) $(id).hidden = true;
    $("videowork").hidden = false;
    $("videoresult").hidden = true;
    const stop = (this.stop = new AbortController());
    try {
      const way = this.choice.name === "device" ? readHere : readThere;
      const rows = await way(this, file, stop.signal);
      if (!stop.signal.aborted) this.show(file, rows);
    } catch (error) {
      if (!stop.signal.aborted) this.tell(error);
    } finally {
      for (const id of ["videodrop", "videotry"]) $(id).hidden = false;
      $("videoempty").hidden = !$("videoresult").hidden;
      $("videowork").hidden = true;
    }
  }

  progress(text, share) {
    $("videostate").textContent = text;
    if (share === null) $("videoprogress").removeAttribute("value");
    else $("videoprogress").value = share;
  }

  cancel() {
    this.stop?.abort();
  }

  show(file, rows) {
    const { labels } = this.facts.model;
    const tracked = rows.filter((row) => row.plausible !== false).map((row) => ({
      track: row.track,
      time: row.time_s,
      span: EVERY_S,
      emotion: row.emotion,
      values: Object.fromEntries(labels.map((label) => [label, row[`smooth_${label}`]])),
    }));
    const name = file.name.replace(/\.[^.]*$/, "");
    const save = (kind, text, type) =>
      h("button", { on: { click: () => download(`${name}.${kind}`, text(), type) } }, kind.toUpperCase());
    const columns = Object.keys(rows[0] ?? {});
    const bar = h(
      "div",
      { class: "bar" },
      h("h2", { class: "grow" }, file.name),
      save("csv", () => csvOf(columns, rows), "text/csv"),
      save("jsonl", () => rows.map((row) => `${JSON.stringify(row)}\n`).join(""), "application/x-ndjson"),
    );
    $("videoresult").className = "stack";
    $("videoresult").replaceChildren(bar, ...figuresOf(peopleOf(tracked, labels), this.facts.model));
    $("videoresult").hidden = false;
  }
}

/** On the server: send, ask how far it is, fetch the time line, delete. */
async function readThere(videos, file, signal) {
  const engine = videos.choice.current;
  const path = videos.facts.server.video;
  videos.progress(t("video.sending", { name: file.name, size: bytesText(file.size) }), null);
  const headers = { "Content-Type": file.type.startsWith("video/") ? file.type : "application/octet-stream" };
  const sent = await fetch(`${path}?every_s=${EVERY_S}`, authorised({ method: "POST", body: file, headers, signal }));
  if (!sent.ok) throw await problemOf(sent);
  engine.bytes += file.size;
  let job = await sent.json();
  const forget = () => fetch(`${path}/${job.id}`, authorised({ method: "DELETE", keepalive: true }));
  signal.addEventListener("abort", forget);
  try {
    while (job.state === "waiting" || job.state === "reading") {
      if (signal.aborted) return [];
      videos.progress(stateOf(job), job.progress);
      await new Promise((resolve) => setTimeout(resolve, ASK_EVERY_MS));
      job = await getJson(`${path}/${job.id}`);
    }
    if (job.state === "failed") throw new Error(job.error ?? t("video.failed"));
    return (await getJson(`${path}/${job.id}/timeline`)).rows;
  } finally {
    signal.removeEventListener("abort", forget);
    if (!signal.aborted) await forget();
  }
}

function stateOf({ state, progress, frames }) {
  if (state === "waiting") return t("video.waiting");
  if (progress === null) return t("video.reading", { n: frames });
  return t("video.reading.share", { share: percent(progress), n: frames });
}

/** On this device: step through the film and read every frame on the way. */
async function readHere(videos, file, signal) {
  const engine = videos.choice.current;
  const film = h("video", { muted: true, playsinline: true, preload: "auto" });
  film.muted = true;
  film.src = URL.createObjectURL(file);
  const rows = [];
  try {
    await once(film, "loadeddata");
    await engine.startFilm();
    for (let time = 0, frame = 0; time < film.duration && !signal.aborted; time += EVERY_S, frame += 1) {
      film.currentTime = time;
      await once(film, "seeked");
      const { faces } = await engine.frame(film, time);
      for (const face of faces) rows.push(rowOf(face, time, frame));
      videos.progress(t("video.reading.here", { time: clock(time), length: clock(film.duration) }), time / film.duration);
    }
  } finally {
    URL.revokeObjectURL(film.src);
  }
  return judged(rows, EVERY_S, film.duration);
}

function rowOf(face, time, frame) {
  const smooth = Object.entries(face.smooth).map(([label, value]) => [`smooth_${label}`, value]);
  return {
    time_s: Number(time.toFixed(3)),
    frame,
    track: face.track,
    ...faceCells(face),
    ...Object.fromEntries(smooth),
  };
}

function once(film, name) {
  return new Promise((resolve, reject) => {
    film.addEventListener(name, resolve, { once: true });
    film.addEventListener("error", () => reject(new Error(t("video.closed"))), {
      once: true,
    });
  });
}
