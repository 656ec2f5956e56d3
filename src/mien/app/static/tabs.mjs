// The tabs. A new one is a name here, a button and a section in index.html (with its words in `lang/`), and what fills it.

import { $ } from "./dom.mjs";

export const TABS = ["live", "photo", "video", "session", "data", "model"];

/** Wire the tabs up, those whose button is to be seen; `shown` is an event of the document with the name of the tab.
 * @param {() => void} quiet takes the message of the tab before away */
export function startTabs(quiet) {
  const tabs = TABS.filter((tab) => !$(`tab-${tab}`).hidden);
  const show = (name, focus = false) => {
    for (const tab of tabs) choose(tab, tab === name, focus);
    quiet();
    history.replaceState(null, "", `#${name}`);
    document.dispatchEvent(new CustomEvent("shown", { detail: name }));
  };
  for (const [i, tab] of tabs.entries()) {
    $(`tab-${tab}`).addEventListener("click", () => show(tab));
    $(`tab-${tab}`).addEventListener("keydown", (event) => {
      const to = target(event.key, i, tabs.length);
      if (to === undefined) return;
      event.preventDefault();
      show(tabs[(to + tabs.length) % tabs.length], true);
    });
  }
  const named = () => location.hash.slice(1);
  window.addEventListener("hashchange", () => tabs.includes(named()) && show(named()));
  show(tabs.includes(named()) ? named() : "live");
}

function choose(tab, chosen, focus) {
  const button = $(`tab-${tab}`);
  button.setAttribute("aria-selected", String(chosen));
  button.tabIndex = chosen ? 0 : -1;
  $(tab).hidden = !chosen;
  if (chosen && focus) button.focus();
}

/** Arrows go the way that they point, also where the page is mirrored. */
function target(key, i, n) {
  const right = document.documentElement.dir === "rtl" ? -1 : 1;
  return { ArrowRight: i + right, ArrowLeft: i - right, Home: 0, End: n - 1 }[key];
}
