// What a model file says of itself: the metadata of an ONNX file, and the contract in it, checked as `mien.core.contract` does.

const METADATA = 14; // ModelProto.metadata_props, as numbered in onnx.proto
const GRAPH = 7;
const [OUR_KEY, SECOND_KEY] = ["mien", "mien.second_look"];
const NEWEST = 1; // format version that this page reads
const [SMALLEST_CROP, LARGEST_CROP] = [8, 1024]; // px

/** What is wrong with a file: a key of the page's words below "model.bad", with its values. */
export class BadModel extends Error {
  /** @param {string} reason
   * @param {Record<string, string | number>} values */
  constructor(reason, values = {}) {
    super(reason);
    this.reason = reason;
    this.values = values;
  }
}

/** The contract of an expression model.
 * @param {ArrayBuffer} bytes of the file
 * @returns {any} the fields of `mien.core.contract.ModelInfo`
 * @throws {BadModel} */
export function contractOf(bytes) {
  const text = metadataOf(new Uint8Array(bytes)).get(OUR_KEY);
  if (text === undefined) throw new BadModel("none");
  const body = parsed(text);
  if (body.kind !== "expression") throw new BadModel("kind", { kind: String(body.kind) });
  if (body.format_version > NEWEST) throw new BadModel("version", { n: String(body.format_version) });
  for (const [field, holds] of Object.entries(CHECKS)) if (!holds(body)) throw new BadModel("field", { field });
  const crop = { color: "gray", align: "none", least_tilt: 0, ...body.crop };
  return { temperature: 1, uncertain_below: 0.5, training: {}, metrics: {}, license: "", created: "", precision: "fp32", ...body, crop };
}

/** The network for second looks inside a detector's file: an ONNX file of its own (`mien.core.contract.SECOND_LOOK_KEY`).
 * @param {ArrayBuffer} bytes of the detector's file
 * @returns {ArrayBuffer}
 * @throws {BadModel} */
export function networkInside(bytes) {
  const text = metadataOf(new Uint8Array(bytes)).get(SECOND_KEY);
  if (text === undefined) throw new BadModel("none");
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer;
}

function parsed(text) {
  try {
    const body = JSON.parse(text);
    if (body && typeof body === "object") return body;
  } catch {
    // told below
  }
  throw new BadModel("none");
}

const positive = (value) => typeof value === "number" && Number.isFinite(value) && value > 0;
const isText = (value) => typeof value === "string" && value.trim() !== "";
const absentOr = (value, holds) => value === undefined || holds(value);

/** @type {Record<string, (body: any) => boolean>} */
const CHECKS = {
  format_version: ({ format_version: version }) => Number.isInteger(version) && version > 0,
  name: ({ name }) => isText(name),
  labels: ({ labels }) =>
    Array.isArray(labels) && labels.length > 1 && labels.every(isText) && new Set(labels).size === labels.length,
  crop: ({ crop }) => crop !== null && typeof crop === "object",
  "crop.size": ({ crop: { size } }) => Number.isInteger(size) && size >= SMALLEST_CROP && size <= LARGEST_CROP,
  "crop.margin": ({ crop: { margin } }) => positive(margin),
  "crop.color": ({ crop: { color } }) => absentOr(color, (value) => value === "gray" || value === "rgb"),
  "crop.align": ({ crop: { align } }) => absentOr(align, (value) => value === "none" || value === "eyes"),
  "crop.shift_y": ({ crop: { shift_y: shift } }) => Number.isFinite(shift),
  "crop.least_tilt": ({ crop: { least_tilt: tilt } }) => absentOr(tilt, (value) => Number.isFinite(value) && value >= 0),
  temperature: ({ temperature }) => absentOr(temperature, positive),
  uncertain_below: ({ uncertain_below: share }) =>
    absentOr(share, (value) => Number.isFinite(value) && value >= 0 && value <= 1),
};

/** Keys and values that lie beside the graph (protocol buffers, read at the top level only).
 * @param {Uint8Array} bytes
 * @returns {Map<string, string>} */
function metadataOf(bytes) {
  const found = new Map();
  let graph = false;
  for (const { field, part } of partsOf(bytes)) {
    graph ||= field === GRAPH && part !== null;
    if (field === METADATA && part) {
      const texts = Object.fromEntries([...partsOf(part)].map((entry) => [entry.field, textOf(entry.part)]));
      found.set(texts[1], texts[2]);
    }
  }
  if (!graph) throw new BadModel("onnx");
  return found;
}

const textOf = (part) => new TextDecoder().decode(part ?? new Uint8Array());

/** The fields of a message; `part` is null for numbers.
 * @param {Uint8Array} bytes */
function* partsOf(bytes) {
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let shift = 1; at < bytes.length && shift < 2 ** 70; shift *= 128) {
      const byte = bytes[at++];
      value += (byte & 127) * shift;
      if (byte < 128) return value;
    }
    throw new BadModel("onnx");
  };
  while (at < bytes.length) {
    const tag = varint();
    const [field, kind] = [Math.floor(tag / 8), tag % 8];
    let part = null;
    if (kind === 0) varint();
    else if (kind === 1 || kind === 5) at += kind === 1 ? 8 : 4;
    else if (kind === 2) {
      const length = varint();
      part = bytes.subarray(at, at + length);
      at += length;
    } else throw new BadModel("onnx");
    if (at > bytes.length || field === 0) throw new BadModel("onnx");
    yield { field, part };
  }
}
