// The Live tab: a camera's picture with boxes over it, a card for each face, frames per second and lag.

import { leave, startBig } from "./big.mjs";
import { cameraProblem, cameraStream, hasTorch, listCameras, looksAway, otherCamera, setTorch } from "./camera.mjs";
import { Cards } from "./cards.mjs";
import { $, h } from "./dom.mjs";
import { exampleStream } from "./examples.mjs";
import { drawFaces } from "./faces.mjs";
import { Pace } from "./pace.mjs";
import { Said } from "./said.mjs";
import { startScene } from "./scene.mjs";
import { Strip } from "./strip.mjs";
import { bytesText, number, t } from "./words.mjs";

/** Wire the tab up. */
export function startLive(page) {
  const live = new Live(page);
  $("start").addEventListener("click", () => live.start());
  $("trylive").addEventListener("click", () => live.start({ example: true }));
  $("stop").addEventListener("click", () => live.stop());
  $("pause").addEventListener("click", () => live.pause());
  $("cameras").addEventListener("change", () => live.start({ id: $("cameras").value }));
  $("turn").addEventListener("click", () => live.start(otherCamera(live.stream)));
  $("torch").addEventListener("click", () => live.light());
  $("mirror").addEventListener("change", () => live.mirror());
  page.choice.addEventListener("change", () => live.change());
  document.addEventListener("visibilitychange", () => live.rest());
  new ResizeObserver(() => {
    live.redraw();
    live.strip.draw();
  }).observe($("stage"));
  if (window.top !== window.self) {
    // In a frame, such as a Space's, a camera may not be allowed.
    $("alone").href = location.href;
    $("alone").hidden = false;
  }
  startBig();
  live.mirror();
  live.promise();
  return live;
}

class Live {
  /** @param {import("./types.d.ts").Page & {session: {follow: (minute: import("./minute.mjs").LastMinute) => void}}} page */
  constructor({ facts, choice, session, tell }) {
    this.facts = facts;
    this.choice = choice;
    this.tell = tell;
    this.video = $("camera");
    this.canvas = $("overlay");
    this.context = this.canvas.getContext("2d");
    this.cards = new Cards($("faces"), this.facts.model);
    this.strip = new Strip($("strip"), $("stripvalues"), this.facts.model);
    session.follow(this.strip.minute);
    this.pace = new Pace();
    this.said = new Said($("spoken"));
    this.scene = startScene(this);
    /** @type {MediaStream | null} */
    this.stream = null;
    /** @type {import("./types.d.ts").Engine | null} */
    this.engine = null;
    this.paused = false;
    /** @type {import("./types.d.ts").Reading | null} */
    this.reading = null;
    this.missed = false;
    this.example = false; // the picture is that of the example photographs
  }

  /** What happens to the pictures, said before the camera starts. */
  promise() {
    const device = this.choice.name === "device";
    const why = device ? null : this.facts.why_no_device; // by the server, in English
    const told = why ? [" ", h("span", { lang: "en", dir: "ltr" }, why)] : [];
    $("promise").replaceChildren(t(device ? "live.promise.device" : "live.promise.server"), ...told);
  }

  /** Start, or change to another camera.
   * @param {import("./camera.mjs").Wish & {example?: boolean}} wish */
  async start({ example = false, ...wish } = {}) {
    this.tell(null);
    this.example = example;
    if (!example && !navigator.mediaDevices) return this.tell(new Error(t("camera.safe")));
    try {
      $("start").disabled = $("trylive").disabled = true;
      $(example ? "trylive" : "start").textContent = t("starting");
      await this.choice.current.prepare();
      await this.openCamera(wish);
      await this.openEngine();
    } catch (error) {
      this.stop();
      this.tell(cameraProblem(error));
      return;
    } finally {
      $("start").disabled = $("trylive").disabled = false;
      $("start").textContent = t("live.start");
      $("trylive").textContent = t("try");
    }
    this.dress(true);
    this.strip.clear();
    this.cards.nobody();
    this.next();
  }

  /** @param {import("./camera.mjs").Wish} wish */
  async openCamera(wish) {
    this.closeCamera();
    this.stream = await (this.example ? exampleStream() : cameraStream(wish));
    const [track] = this.stream.getVideoTracks();
    track.addEventListener("ended", () => this.fail(new Error(t("camera.stopped"))));
    this.video.srcObject = this.stream;
    await this.video.play();
    $("stage").style.aspectRatio = `${this.video.videoWidth} / ${this.video.videoHeight}`;
    this.mirror();
    const cameras = this.example ? 1 : await listCameras(this.stream);
    $("turn").hidden = cameras < 2;
    $("torch").hidden = this.example || !hasTorch(this.stream);
    $("torch").setAttribute("aria-pressed", "false");
  }

  /** The camera's lamp, on or off. */
  async light() {
    const on = $("torch").getAttribute("aria-pressed") !== "true";
    await setTorch(this.stream, on).catch((error) => this.tell(error));
    $("torch").setAttribute("aria-pressed", String(on));
  }

  async openEngine() {
    this.engine = this.choice.current;
    this.engine.onreading = (reading) => this.take(reading);
    this.engine.onproblem = (error) => this.fail(error);
    await this.engine.start();
    this.pace = new Pace();
  }

  next() {
    if (!this.stream) return;
    const asked = this.stream;
    const step = () => {
      if (this.stream !== asked) return;
      this.hand();
      this.scene.next();
      this.wait(step);
    };
    this.wait(step);
  }

  /** Hand the newest frame over; when the engine is busy, as soon as it is free. */
  hand() {
    if (this.paused || document.hidden) return;
    this.missed = !this.engine.send(this.video, performance.now() / 1000);
  }

  wait(step) {
    if (typeof this.video.requestVideoFrameCallback === "function") this.video.requestVideoFrameCallback(step);
    else window.requestAnimationFrame(step);
  }

  take(reading) {
    if (!this.stream || this.paused) return;
    if (this.missed) this.hand();
    this.reading = reading;
    this.redraw();
    this.count(reading, performance.now() - reading.begun);
    this.cards.show(reading.faces);
    this.strip.add(reading.faces, performance.now() / 1000);
    this.said.add(reading.faces);
  }

  redraw() {
    const pixel = window.devicePixelRatio || 1;
    const { clientWidth, clientHeight } = this.canvas;
    const [width, height] = [Math.round(clientWidth * pixel), Math.round(clientHeight * pixel)];
    if (this.canvas.width !== width || this.canvas.height !== height)
      [this.canvas.width, this.canvas.height] = [width, height];
    this.context.clearRect(0, 0, width, height);
    if (!this.reading || !this.stream) return;
    const scale = Math.min(width / this.reading.width, height / this.reading.height);
    const shown = [this.reading.width * scale, this.reading.height * scale];
    drawFaces(this.context, this.reading.faces, {
      scale,
      left: (width - shown[0]) / 2,
      top: (height - shown[1]) / 2,
      width: shown[0],
      mirrored: this.mirrored,
      colours: this.facts.model.colours,
      pixel: pixel * Math.min(Math.max(clientWidth / 620, 0.72), 1),
    });
  }

  /** `lagMs` is from the moment at which the page took the frame to the drawn boxes. */
  count(reading, lagMs) {
    document.dispatchEvent(new CustomEvent("reading", { detail: { lagMs, faces: reading.faces.length } }));
    const seen = this.pace.add(lagMs);
    if (!seen) return;
    $("fps").textContent = seen.fps === null ? "–" : number(seen.fps);
    $("lag").textContent = number(seen.lagMs);
    $("count").textContent = number(reading.faces.length);
    $("bytes").textContent = bytesText(this.engine.bytes);
  }

  pause() {
    this.paused = !this.paused;
    $("pause").setAttribute("aria-pressed", String(this.paused));
    if (this.paused) this.video.pause();
    else this.video.play();
  }

  get mirrored() {
    return $("mirror").checked && !this.example && !looksAway(this.stream);
  }

  mirror() {
    this.video.classList.toggle("mirrored", this.mirrored);
    this.redraw();
  }

  /** Another engine was chosen. */
  async change() {
    this.promise();
    if (!this.stream) return;
    this.engine?.stop();
    try {
      await this.openEngine();
    } catch (error) {
      this.fail(error);
    }
  }

  /** Another model reads, with labels of its own. */
  renew() {
    this.strip.clear();
    this.cards.clear();
  }

  /** A hidden page reads nothing; some browsers stop the video then. */
  rest() {
    if (!document.hidden && this.stream && !this.paused) this.video.play();
  }

  fail(error) {
    this.stop();
    this.tell(error);
  }

  stop() {
    this.engine?.stop();
    this.scene.stop();
    leave();
    this.closeCamera();
    this.paused = false;
    this.reading = null;
    this.cards.clear();
    $("pause").setAttribute("aria-pressed", "false");
    for (const id of ["fps", "lag", "count"]) $(id).textContent = "–";
    this.dress(false);
    this.redraw();
  }

  /** Show the controls of a running camera, or the invitation to start one. */
  dress(running) {
    for (const id of ["livebar", "stats", "faces", "minute"]) $(id).hidden = !running;
    $("stage").classList.toggle("idle", !running);
    for (const id of ["empty", "guide"]) $(id).hidden = running;
    for (const control of [$("stop"), $("pause"), $("cameras")]) control.disabled = !running;
    for (const id of ["cameras", "mirror"]) $(id).parentElement.hidden = this.example;
    $("livecredit").hidden = !running || !this.example;
  }

  closeCamera() {
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    this.stream = null;
    this.video.srcObject = null;
  }
}
