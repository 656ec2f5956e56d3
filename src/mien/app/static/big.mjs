// Full screen for the Live tab: the picture with the bars at its side, to be read from some metres away. Where a browser
// gives no element the whole screen (iPhones), it fills the window.

import { $ } from "./dom.mjs";
import { t } from "./words.mjs";

/** Wire the button up. */
export function startBig() {
  $("big").addEventListener("click", () => (isBig() ? leave() : enter()));
  document.addEventListener("fullscreenchange", () => show(Boolean(document.fullscreenElement)));
  document.addEventListener("keydown", (event) => event.key === "Escape" && isBig() && leave());
}

const view = () => $("view");
const isBig = () => view().classList.contains("big");

async function enter() {
  show(true);
  try {
    await view().requestFullscreen?.();
  } catch {
    // it fills the window then
  }
}

/** Back to the page, where the picture was big. */
export function leave() {
  if (document.fullscreenElement) document.exitFullscreen();
  show(false);
}

function show(big) {
  view().classList.toggle("big", big);
  $("big").setAttribute("aria-pressed", String(big));
  $("big").textContent = t(big ? "live.small" : "live.big");
}
