// Shuts the page's ways out, for as long as it is open. A policy that a page has given itself only ever adds to what is
// forbidden, and no script can take it back; a worker that is made from then on has it too.

const NO_WAY_OUT =
  "connect-src 'none'; form-action 'none'; img-src blob: data:; media-src blob: data:; font-src 'none'; " +
  "frame-src 'none'; object-src 'none'; manifest-src 'none'";
const NO_NEW_SCRIPT = "script-src 'none'; worker-src 'none'";

let shut = false;

/** True once nothing can be sent from this page any more. */
export const sealed = () => shut;

/** Forbid connections, forms and pictures from anywhere but this page's memory. */
export function seal() {
  if (shut) return;
  forbid(NO_WAY_OUT);
  shut = true;
  document.documentElement.dataset.sealed = "true";
}

/** Forbid further scripts and workers, when all are there. */
export const sealScripts = () => forbid(NO_NEW_SCRIPT);

/** @param {string} policy */
function forbid(policy) {
  const meta = document.createElement("meta");
  meta.httpEquiv = "Content-Security-Policy";
  meta.content = policy;
  document.head.append(meta);
}
