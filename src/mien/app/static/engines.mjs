// The two ways of reading faces, with the same methods: on this device (a worker beside the page) and on the server.
//   prepare()                    to be awaited before any picture is taken
//   start(), stop()              of a live run
//   send(source, timeS) -> bool  hand over a frame; false when enough are in flight already
//   onreading(reading)           {width, height, faces, begun}: begun is when the frame was handed over, in ms
//   photo(file) -> analysis      the documented JSON
//   bytes                        bytes of pictures that have left this device

import { authorised, problemOf, tokenProtocols } from "./api.mjs";
import { bytesOf } from "./assets.mjs";
import { EXAMPLES } from "./examples.mjs";
import { possible, quickest } from "./quickest.mjs";
import { seal, sealScripts } from "./seal.mjs";
import { t } from "./words.mjs";

const MOST_SENT = 2; // frames on their way to the server: one travels while the other is read
const MOST_READ = 1; // on this device a second frame would only grow old
const FRAME_SIDE = 640; // px; longest side of a live frame that is sent
const QUALITY = 0.85;

/** Reads faces on this device. Everything is loaded first; then the page is sealed, before a picture is taken. */
export class DeviceEngine {
  name = "device";
  bytes = 0; // by construction: nothing here sends anything
  /** @type {import("./types.d.ts").Engine["onreading"]} */
  onreading = () => {};
  /** @type {import("./types.d.ts").Engine["onproblem"]} */
  onproblem = () => {};
  #facts;
  #worker = null;
  #opening = null;
  #asked = new Map();
  #next = 1;

  constructor(facts) {
    this.#facts = facts;
  }

  prepare() {
    return this.#open();
  }

  async start() {
    await this.#open();
    this.#worker.postMessage({ type: "forget", live: true });
  }

  /** Read with another model from now on; refused when it does not run.
   * @param {ArrayBuffer} classifier
   * @param {any} model what it says of itself */
  async use(classifier, model) {
    await this.#open();
    const id = this.#next++;
    const answer = new Promise((resolve, reject) => this.#asked.set(id, { resolve, reject }));
    this.#worker.postMessage({ type: "use", id, classifier, model });
    await answer;
  }

  /** Begin a film, whose frames then go to `frame`. */
  async startFilm() {
    await this.#open();
    this.#worker.postMessage({ type: "forget", live: false });
  }

  stop() {
    this.#asked.clear();
  }

  send(source, timeS) {
    if (!this.#worker || this.#asked.size >= MOST_READ) return false;
    const begun = performance.now();
    this.#ask(source, { timeS, live: true }).then(
      (reading) => reading && this.onreading({ ...reading, begun }),
      (error) => this.onproblem(error),
    );
    return true;
  }

  async photo(file) {
    await this.#open();
    const bitmap = await createImageBitmap(file, { colorSpaceConversion: "none", premultiplyAlpha: "none" });
    const reading = await this.#ask(bitmap, {});
    const { model, device } = this.#facts;
    const { width, height, faces } = reading;
    return { source: file.name, width, height, detector: device.detector.name, model: model.name, faces, error: null };
  }

  /** One frame of a film, waited for; `timeS` numbers the faces. */
  async frame(source, timeS) {
    return this.#ask(source, { timeS });
  }

  async #ask(source, options) {
    const id = this.#next++;
    const answer = new Promise((resolve, reject) => this.#asked.set(id, { resolve, reject }));
    const picture = await pictureOf(source);
    this.#worker.postMessage({ type: "read", id, picture, ...options }, [picture]);
    return answer;
  }

  #open() {
    this.#opening ??= this.#load();
    this.#opening.catch(() => {
      this.#opening = null;
    });
    return this.#opening;
  }

  async #load() {
    const { detector, classifier } = this.#facts.device;
    const files = [detector.file, classifier, ...EXAMPLES].map(bytesOf);
    const [{ ways, parts }, ...models] = await Promise.all([possible(this.#facts.device), ...files]);
    seal();
    this.#worker = await quickest(this.#facts, ways, { ...parts, detector: models[0], classifier: models[1] });
    this.#worker.onmessage = ({ data }) => this.#settle(data);
    sealScripts();
  }

  #settle(data) {
    const asked = this.#asked.get(data.id);
    this.#asked.delete(data.id);
    if (data.type === "error") asked?.reject(new Error(data.message));
    else asked?.resolve(data);
  }
}

async function pictureOf(source) {
  if (source instanceof ImageBitmap) return source;
  if ("VideoFrame" in globalThis && source instanceof HTMLVideoElement) return new VideoFrame(source);
  return createImageBitmap(source);
}

/** Has faces read by the server that this page comes from. */
export class ServerEngine {
  name = "server";
  bytes = 0;
  /** @type {import("./types.d.ts").Engine["onreading"]} */
  onreading = () => {};
  /** @type {import("./types.d.ts").Engine["onproblem"]} */
  onproblem = () => {};
  #facts;
  #socket = null;
  #sent = new Map();
  #next = 1;
  #canvas = document.createElement("canvas");

  constructor(facts) {
    this.#facts = facts;
  }

  async prepare() {} // nothing to load

  start() {
    this.stop();
    const url = new URL(this.#facts.server.live, document.baseURI);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    return new Promise((resolve, reject) => {
      const socket = new WebSocket(url, tokenProtocols());
      this.#socket = socket;
      socket.onmessage = ({ data }) => {
        const message = JSON.parse(data);
        if (message.type === "hello") resolve();
        else this.#take(message);
      };
      socket.onclose = ({ code, reason }) => {
        const text = reason || t(code === 1006 ? "problem.lost" : "problem.closed");
        reject(new Error(text));
        if (this.#socket === socket) this.onproblem(new Error(text));
      };
    });
  }

  stop() {
    const socket = this.#socket;
    this.#socket = null;
    this.#sent.clear();
    socket?.close();
  }

  send(source, timeS) {
    if (this.#socket?.readyState !== WebSocket.OPEN || this.#sent.size >= MOST_SENT) return false;
    const id = this.#next++;
    this.#sent.set(id, performance.now());
    this.#encode(source).then((blob) => this.#post(id, timeS, blob));
    return true;
  }

  async photo(file) {
    const url = `${this.#facts.server.analyze}?name=${encodeURIComponent(file.name.slice(0, 200) || "picture")}`;
    const headers = { "Content-Type": file.type.startsWith("image/") ? file.type : "application/octet-stream" };
    const answer = await fetch(url, authorised({ method: "POST", body: file, headers }));
    this.bytes += file.size;
    if (!answer.ok) throw await problemOf(answer);
    return answer.json();
  }

  #encode(source) {
    const scale = Math.min(1, FRAME_SIDE / Math.max(source.videoWidth, source.videoHeight));
    const width = Math.round(source.videoWidth * scale);
    const height = Math.round(source.videoHeight * scale);
    if (this.#canvas.width !== width || this.#canvas.height !== height) {
      [this.#canvas.width, this.#canvas.height] = [width, height];
    }
    this.#canvas.getContext("2d", { alpha: false }).drawImage(source, 0, 0, width, height);
    return new Promise((resolve) => this.#canvas.toBlob(resolve, "image/jpeg", QUALITY));
  }

  async #post(id, timeS, blob) {
    const header = new DataView(new ArrayBuffer(12));
    header.setUint32(0, id, true);
    header.setFloat64(4, timeS, true);
    if (this.#socket?.readyState !== WebSocket.OPEN || !blob) return;
    this.#socket.send(new Blob([header, blob]));
    this.bytes += blob.size + 12;
  }

  #take(message) {
    const begun = this.#sent.get(message.id);
    for (const id of this.#sent.keys()) if (id <= message.id) this.#sent.delete(id); // earlier ones were left out
    if (message.type === "reading") this.onreading({ ...message, begun: begun ?? performance.now() });
  }
}
