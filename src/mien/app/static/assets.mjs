// Files of the page that its modules need as bytes, each fetched once.

import { t } from "./words.mjs";

/** @type {Map<string, Promise<ArrayBuffer>>} */
const known = new Map();

/** Bytes of a file, by its address relative to the page.
 * @param {string} path
 * @returns {Promise<ArrayBuffer>} */
export function bytesOf(path) {
  const bytes = known.get(path) ?? fetched(path);
  known.set(path, bytes);
  bytes.catch(() => known.delete(path));
  return bytes;
}

async function fetched(path) {
  const answer = await fetch(new URL(path, document.baseURI));
  if (!answer.ok) throw new Error(t("problem.part", { status: String(answer.status) }));
  return answer.arrayBuffer();
}
