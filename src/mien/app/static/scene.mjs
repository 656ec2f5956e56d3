// The live picture with its boxes as one picture: saved, recorded for ten seconds, or shown in a small window of its own.
// Everything is made here in the page; nothing is sent.

import { $, download } from "./dom.mjs";
import { drawFaces } from "./faces.mjs";
import { t } from "./words.mjs";

const CLIP_S = 10;
const FPS = 25;
const BITS = 4_000_000; // per second of a clip
const KINDS = ["video/webm;codecs=vp9", "video/webm;codecs=vp8", "video/mp4"];

/** Wire the buttons up.
 * @param {any} live the Live tab */
export function startScene(live) {
  const scene = new Scene(live);
  $("shot").addEventListener("click", () => scene.shoot());
  $("clip").addEventListener("click", () => scene.record());
  $("pip").addEventListener("click", () => scene.float());
  $("pip").hidden = !document.pictureInPictureEnabled;
  $("clip").hidden = typeof MediaRecorder === "undefined";
  return scene;
}

class Scene {
  /** @param {any} live */
  constructor(live) {
    this.live = live;
    this.canvas = document.createElement("canvas");
    this.context = this.canvas.getContext("2d", { alpha: false });
    this.users = 0; // of its moving picture
    /** @type {MediaRecorder | null} */
    this.recorder = null;
    this.small = Object.assign(document.createElement("video"), { muted: true, playsInline: true });
    this.small.addEventListener("leavepictureinpicture", () => this.sink());
  }

  /** A frame of the camera was shown. */
  next() {
    if (this.users > 0) this.draw();
  }

  draw() {
    const { video, reading, mirrored, facts } = this.live;
    const [width, height] = [video.videoWidth, video.videoHeight];
    if (!width) return;
    if (this.canvas.width !== width || this.canvas.height !== height) {
      [this.canvas.width, this.canvas.height] = [width, height];
    }
    this.context.save();
    if (mirrored) this.context.setTransform(-1, 0, 0, 1, width, 0);
    this.context.drawImage(video, 0, 0, width, height);
    this.context.restore();
    if (!reading) return;
    const scale = width / reading.width;
    const pixel = Math.max(width / 640, 0.7);
    drawFaces(this.context, reading.faces, { scale, width, mirrored, colours: facts.model.colours, pixel });
  }

  shoot() {
    this.draw();
    this.canvas.toBlob((blob) => blob && download(`${stamp()}.png`, blob), "image/png");
  }

  /** Ten seconds, or until the button is pressed again. */
  record() {
    if (this.recorder) return this.recorder.stop();
    const kind = KINDS.find((name) => MediaRecorder.isTypeSupported(name));
    if (!kind) return this.live.tell(new Error(t("live.noclip")));
    this.draw();
    const stream = this.canvas.captureStream(FPS);
    const recorder = new MediaRecorder(stream, { mimeType: kind, videoBitsPerSecond: BITS });
    /** @type {Blob[]} */
    const parts = [];
    recorder.ondataavailable = ({ data }) => data.size && parts.push(data);
    recorder.onstop = () => {
      const type = kind.split(";")[0];
      this.ended(stream);
      if (parts.length) download(`${stamp()}.${type.split("/")[1]}`, new Blob(parts, { type }));
    };
    this.recorder = recorder;
    this.users += 1;
    recorder.start(1000);
    this.count(recorder, CLIP_S);
    return undefined;
  }

  /** Say how many seconds are left; stop at none. */
  count(recorder, seconds) {
    if (recorder.state === "inactive") return;
    if (seconds === 0) return recorder.stop();
    $("clip").setAttribute("aria-pressed", "true");
    $("clip").textContent = t("live.clipping", { n: seconds });
    setTimeout(() => this.count(recorder, seconds - 1), 1000);
  }

  ended(stream) {
    for (const track of stream.getTracks()) track.stop();
    this.recorder = null;
    this.users -= 1;
    $("clip").removeAttribute("aria-pressed");
    $("clip").textContent = t("live.clip");
  }

  /** A small window that stays above others, or away with it. */
  async float() {
    if (document.pictureInPictureElement) return void document.exitPictureInPicture();
    this.draw();
    const stream = this.canvas.captureStream(FPS);
    this.users += 1;
    this.small.srcObject = stream;
    try {
      await this.small.play();
      await this.small.requestPictureInPicture();
      $("pip").setAttribute("aria-pressed", "true");
    } catch (error) {
      this.sink();
      this.live.tell(error);
    }
  }

  sink() {
    if (!this.small.srcObject) return;
    for (const track of /** @type {MediaStream} */ (this.small.srcObject).getTracks()) track.stop();
    this.small.srcObject = null;
    this.users -= 1;
    $("pip").removeAttribute("aria-pressed");
  }

  /** The camera was stopped. */
  stop() {
    this.recorder?.stop();
    if (document.pictureInPictureElement) document.exitPictureInPicture();
    this.sink();
  }
}

/** A name for a file: the moment, in the visitor's own time. */
function stamp() {
  const now = new Date();
  const local = new Date(now.getTime() - now.getTimezoneOffset() * 60_000);
  return `mien-${local.toISOString().slice(0, 19).replaceAll(":", "-")}`;
}
