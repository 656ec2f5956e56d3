// The tabs. A new one is a name here, a button and a section in index.html (with its words in `lang/`), and what fills it.

import { $ } from "./dom.mjs";

export const TABS = ["live", "photo", "video", "session", "model"];

/** Wire the tabs up; `shown` is an event of the document with the name of the tab.
 * @param {() => void} quiet takes the message of the tab before away */
export function startTabs(quiet) {
  const show = (name, focus = false) => {
    for (const tab of TABS) choose(tab, tab === name, focus);
    quiet();
    history.replaceState(null, "", `#${name}`);
    document.dispatchEvent(new CustomEvent("shown", { detail: name }));
  };
  for (const [i, tab] of TABS.entries()) {
    $(`tab-${tab}`).addEventListener("click", () => show(tab));
    $(`tab-${tab}`).addEventListener("keydown", (event) => {
      const to = target(event.key, i);
      if (to === undefined) return;
      event.preventDefault();
      show(TABS[(to + TABS.length) % TABS.length], true);
    });
  }
  const named = () => location.hash.slice(1);
  window.addEventListener("hashchange", () => TABS.includes(named()) && show(named()));
  show(TABS.includes(named()) ? named() : "live");
}

function choose(tab, chosen, focus) {
  const button = $(`tab-${tab}`);
  button.setAttribute("aria-selected", String(chosen));
  button.tabIndex = chosen ? 0 : -1;
  $(tab).hidden = !chosen;
  if (chosen && focus) button.focus();
}

/** Arrows go the way that they point, also where the page is mirrored. */
function target(key, i) {
  const right = document.documentElement.dir === "rtl" ? -1 : 1;
  return { ArrowRight: i + right, ArrowLeft: i - right, Home: 0, End: TABS.length - 1 }[key];
}
