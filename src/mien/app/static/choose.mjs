// Another model on this device: one that comes with the page, or a file of the visitor's own, which is opened here and goes
// nowhere. A model of the page is fetched by a fresh page, since one that has read a picture reaches nothing any more.

import { getJson } from "./api.mjs";
import { $, h } from "./dom.mjs";
import { BadModel, contractOf } from "./onnx.mjs";
import { coloursOf } from "./palette.mjs";
import { t } from "./words.mjs";

const CHOICE = "mien-model";

/** @typedef {import("./types.d.ts").Facts} Facts */

/** The model of the page that the visitor has chosen, or null for the usual one.
 * @param {Facts} facts */
export function chosenModel({ models }) {
  const name = localStorage.getItem(CHOICE);
  return name !== null && models.includes(name) ? name : null;
}

/** The facts, with those of the chosen model.
 * @param {Facts} facts
 * @returns {Promise<Facts>} */
export async function withChosen(facts) {
  const name = chosenModel(facts);
  if (name === null || !facts.device) return facts;
  const model = await getJson(`models/${name}.json`).catch(() => null);
  if (model === null) {
    localStorage.removeItem(CHOICE); // it is not there any more
    return facts;
  }
  return { ...facts, usual: facts.model.name, model, device: { ...facts.device, classifier: `models/${name}.onnx` } };
}

/** Wire the Model tab's choice up.
 * @param {Facts} facts
 * @param {import("./types.d.ts").Choice} choice
 * @param {{loses: () => boolean, changed: () => void, tell: (error: Error | null) => void}} page */
export function startChoosing(facts, choice, { loses, changed, tell }) {
  const able = () => {
    const device = choice.name === "device";
    $("modelnames").disabled = $("modelfile").disabled = !device;
    $("modelnote").textContent = t(device ? "model.choose.note" : "model.choose.device");
  };
  choice.addEventListener("change", able);
  able();
  const used = chosenModel(facts) ?? facts.model.name;
  const usual = facts.usual ?? facts.model.name;
  const others = facts.models.includes(usual) ? [] : [h("option", { value: "", selected: used === usual }, usual)];
  const names = facts.models.map((name) => h("option", { value: name, selected: name === used }, name));
  $("modelnames").replaceChildren(...others, ...names);
  $("modelnames").addEventListener("change", () => {
    if (loses() && !confirm(t("anew.model"))) {
      $("modelnames").value = facts.models.includes(used) ? used : "";
      return;
    }
    localStorage.setItem(CHOICE, $("modelnames").value);
    location.reload();
  });
  $("modelfile").addEventListener("change", async () => {
    const [file] = $("modelfile").files;
    $("modelfile").value = "";
    if (!file) return;
    tell(null);
    try {
      await open(file, facts, choice.current);
      changed();
      $("modelnames").selectedIndex = -1;
      $("modelnote").textContent = t("model.choose.used", { name: facts.model.name });
    } catch (error) {
      tell(error);
    }
  });
}

/** Read faces with a file from now on; `facts.model` becomes what it says of itself. */
async function open(file, facts, engine) {
  const bytes = await file.arrayBuffer();
  try {
    const model = { ...facts.model, ...told(contractOf(bytes), facts), bytes: bytes.byteLength, sha256: await hashOf(bytes) };
    await engine.use(bytes, model);
    Object.assign(facts.model, model);
  } catch (error) {
    const { reason, values } = error instanceof BadModel ? error : new BadModel("run");
    const key = /** @type {import("./types.d.ts").Key} */ (`model.bad.${reason}`);
    throw new Error(t("model.bad", { name: file.name, why: t(key, values) }));
  }
}

/** What a file says of itself, as the service would tell it. */
function told({ kind: _kind, format_version: _version, ...contract }, { palette }) {
  return { ...contract, colours: coloursOf(contract.labels, palette), evaluation: null };
}

/** SHA-256 of a file, where the page's address is one that browsers let compute it. */
async function hashOf(bytes) {
  if (!crypto.subtle) return "";
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
