// Talking to the server: the token, and errors as sentences.

import { t } from "./words.mjs";

const PLACE = "mien-token";

/** The token, from the address (#token=...) or from this tab's memory; null when there is none. */
export function token() {
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (given) {
    remember(given);
    history.replaceState(null, "", location.pathname + location.search);
  }
  return sessionStorage.getItem(PLACE);
}

/** Keep a token as long as this tab is open. */
export function remember(text) {
  sessionStorage.setItem(PLACE, text);
}

/** Options of fetch, with the token. */
export function authorised(options = {}) {
  const known = token();
  if (!known) return options;
  return { ...options, headers: { ...options.headers, Authorization: `Bearer ${known}` } };
}

/** Subprotocols of the live connection: browsers cannot set headers on it. */
export function tokenProtocols() {
  const known = token();
  const text = known && btoa(known).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  return known ? ["mien.v1", `token.${text}`] : ["mien.v1"];
}

/** What a failed answer says, as an Error with `status`. */
export async function problemOf(answer) {
  let text = t("problem.answer", { status: String(answer.status) });
  try {
    text = (await answer.json()).error.message;
  } catch {
    // not one of our errors: the status must do
  }
  return Object.assign(new Error(text), { status: answer.status });
}

/** JSON of a path. */
export async function getJson(path) {
  const answer = await fetch(path, authorised());
  if (!answer.ok) throw await problemOf(answer);
  return answer.json();
}
