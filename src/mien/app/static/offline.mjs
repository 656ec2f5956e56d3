// Has the browser keep the page for the time without a network (`sw.mjs`). Where it cannot, the page works as before.

import { spoken } from "./words.mjs";

/** True once everything is kept.
 * @param {string | null} model of the page that is kept beside the usual one
 * @returns {Promise<boolean>} */
export async function keepOffline(model) {
  if (!("serviceWorker" in navigator)) return false; // an address without HTTPS, or a private window
  try {
    await navigator.serviceWorker.register(new URL(`sw.mjs?lang=${spoken()}${model ? `&model=${model}` : ""}`, document.baseURI));
    await navigator.serviceWorker.ready;
    return true;
  } catch {
    return false;
  }
}
