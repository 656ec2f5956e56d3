// Cameras: the one that is asked for, what else there is, its lamp, and what went wrong as a sentence.

import { $, h } from "./dom.mjs";
import { t } from "./words.mjs";

const SIZE = { width: { ideal: 640 }, height: { ideal: 480 }, frameRate: { ideal: 30 } };

/** Which camera: one by its id, or the one that looks at the visitor ("user") or away from them ("environment").
 * @typedef {{id?: string, facing?: string}} Wish */

/** @param {Wish} wish
 * @returns {Promise<MediaStream>} */
export function cameraStream({ id, facing = "user" }) {
  const which = id ? { deviceId: { exact: id } } : { facingMode: facing };
  return navigator.mediaDevices.getUserMedia({ video: { ...SIZE, ...which } });
}

/** Name the cameras in the list; the one in use is chosen.
 * @param {MediaStream} stream
 * @returns {Promise<number>} how many there are */
export async function listCameras(stream) {
  const cameras = (await navigator.mediaDevices.enumerateDevices()).filter((device) => device.kind === "videoinput");
  const used = stream.getVideoTracks()[0].getSettings().deviceId;
  const options = cameras.map((camera, i) => {
    const name = camera.label || t("live.camera.n", { n: i + 1 });
    return h("option", { value: camera.deviceId, selected: camera.deviceId === used }, name);
  });
  $("cameras").replaceChildren(...options);
  return cameras.length;
}

/** The camera after the one in use: on phones the one that looks the other way, else the next in the list.
 * @param {MediaStream} stream
 * @returns {Wish} */
export function otherCamera(stream) {
  const { facingMode, deviceId } = stream.getVideoTracks()[0].getSettings();
  if (facingMode) return { facing: facingMode === "environment" ? "user" : "environment" };
  const ids = [...$("cameras").options].map((option) => option.value);
  return { id: ids[(ids.indexOf(deviceId) + 1) % ids.length] };
}

/** Whether a camera looks away from the visitor; its picture is not to be mirrored.
 * @param {MediaStream | null} stream */
export const looksAway = (stream) => stream?.getVideoTracks()[0]?.getSettings().facingMode === "environment";

/** Whether the camera has a lamp.
 * @param {MediaStream} stream */
export function hasTorch(stream) {
  const [track] = stream.getVideoTracks();
  const able = /** @type {any} */ (track.getCapabilities?.() ?? {});
  return Boolean(able.torch);
}

/** @param {MediaStream} stream
 * @param {boolean} on */
export function setTorch(stream, on) {
  return stream.getVideoTracks()[0].applyConstraints(/** @type {any} */ ({ advanced: [{ torch: on }] }));
}

/** What a browser's refusal means. */
export function cameraProblem(error) {
  /** @type {Record<string, import("./types.d.ts").Key>} */
  const texts = {
    NotAllowedError: "camera.refused",
    NotFoundError: "camera.none",
    NotReadableError: "camera.used",
    OverconstrainedError: "camera.gone",
  };
  const key = texts[error.name];
  return new Error(key ? t(key) : error.message);
}
