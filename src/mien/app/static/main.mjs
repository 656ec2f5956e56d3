// Starts the page: facts about the models, the two engines, and the tabs.

import { authorised, getJson, problemOf, remember, token } from "./api.mjs";
import { $ } from "./dom.mjs";
import { DeviceEngine, ServerEngine } from "./engines.mjs";
import { startLive } from "./live.mjs";
import { showModel } from "./model.mjs";
import { keepOffline } from "./offline.mjs";
import { startPhoto } from "./photo.mjs";
import { sealed } from "./seal.mjs";
import { startSession } from "./session.mjs";
import { startVideo } from "./video.mjs";

const TABS = ["live", "photo", "video", "session", "model"];
const CHOICE = "mien-engine";
const SEALED = "Before the first picture is taken, the page forbids itself every connection, for as long as it is open.";
const ANEW =
  "This page has shut itself off, and only a fresh one can reach the server. Load it anew? What it shows now is gone then.";

/** Show one sentence about what went wrong, or nothing. */
function tell(error) {
  const box = $("problem");
  box.hidden = !error;
  box.textContent = error ? error.message : "";
}

function show(name, focus = false) {
  for (const tab of TABS) {
    const button = $(`tab-${tab}`);
    const chosen = tab === name;
    button.setAttribute("aria-selected", String(chosen));
    button.tabIndex = chosen ? 0 : -1;
    $(tab).hidden = !chosen;
    if (chosen && focus) button.focus();
  }
  tell(null);
  history.replaceState(null, "", `#${name}`);
  document.dispatchEvent(new CustomEvent("shown", { detail: name }));
}

function startTabs() {
  for (const [i, tab] of TABS.entries()) {
    $(`tab-${tab}`).addEventListener("click", () => show(tab));
    $(`tab-${tab}`).addEventListener("keydown", (event) => {
      const to = { ArrowRight: i + 1, ArrowLeft: i - 1, Home: 0, End: TABS.length - 1 }[event.key];
      if (to === undefined) return;
      event.preventDefault();
      show(TABS[(to + TABS.length) % TABS.length], true);
    });
  }
  window.addEventListener("hashchange", () => TABS.includes(location.hash.slice(1)) && show(location.hash.slice(1)));
  show(TABS.includes(location.hash.slice(1)) ? location.hash.slice(1) : "live");
}

/** Ask for the token until the service takes it. */
async function askForToken(facts) {
  if (!facts.server?.token) return;
  for (;;) {
    if (token()) {
      const answer = await fetch("v1/model", authorised());
      if (answer.ok) return;
      $("wrongtoken").hidden = answer.status !== 401;
      if (answer.status !== 401) tell(await problemOf(answer));
    }
    $("ask").showModal();
    await new Promise((resolve) => $("ask").addEventListener("close", resolve, { once: true }));
    if ($("token").value) remember($("token").value);
    tell(null);
  }
}

/** Which engine reads; `current` changes when the visitor chooses. */
class Choice extends EventTarget {
  constructor(facts) {
    super();
    this.engines = {
      device: facts.device ? new DeviceEngine(facts) : null,
      server: facts.server ? new ServerEngine(facts) : null,
    };
    const wished = localStorage.getItem(CHOICE);
    this.name = this.engines[wished] ? wished : this.engines.device ? "device" : "server";
    /** @type {NodeListOf<HTMLInputElement>} */
    const inputs = document.querySelectorAll('input[name="engine"]');
    for (const input of inputs) {
      input.disabled = !this.engines[input.value];
      input.checked = input.value === this.name;
      input.addEventListener("change", () => this.#choose(input.value));
      if (input.disabled && input.value === "device") input.parentElement.title = facts.why_no_device ?? "";
    }
    $("mode").hidden = !facts.device && !facts.server;
    this.#badge();
  }

  get current() {
    return this.engines[this.name];
  }

  #choose(name) {
    if (name === "server" && sealed() && !confirm(ANEW)) {
      /** @type {HTMLInputElement} */ (document.querySelector('input[name="engine"][value="device"]')).checked = true;
      return;
    }
    this.name = name;
    localStorage.setItem(CHOICE, name);
    if (name === "server" && sealed()) location.reload();
    this.#badge();
    this.dispatchEvent(new Event("change"));
  }

  #badge() {
    const device = this.name === "device";
    $("badge").hidden = false;
    $("badge").classList.toggle("device", device);
    $("badge").title = device ? SEALED : "";
    $("badgetext").textContent = device ? "Nothing leaves this device" : "Pictures go to this page's server";
  }
}

/** On this device the page is to work without a network too; for the server's way that would be of no use. */
async function keep(choice) {
  if (choice.name !== "device") return choice.addEventListener("change", () => keep(choice), { once: true });
  if (!(await keepOffline())) return;
  $("offline").hidden = false;
  document.documentElement.dataset.offline = "true";
}

async function start() {
  let facts;
  try {
    facts = await getJson("config.json");
  } catch (error) {
    tell(new Error(`The page could not start: ${error.message}`));
    return;
  }
  $("version").textContent =
    `· mien ${facts.model.version}, model ${facts.model.name}, detector ${facts.model.detector}`;
  $("docslink").hidden = !facts.server;
  startTabs();
  await askForToken(facts);
  const choice = new Choice(facts);
  const session = startSession(facts);
  startLive({ facts, choice, session, tell });
  startPhoto({ facts, choice, tell });
  startVideo({ facts, choice, tell });
  showModel(facts);
  document.documentElement.dataset.ready = "true";
  keep(choice);
}

start();
