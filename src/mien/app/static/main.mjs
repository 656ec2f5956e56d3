// Starts the page: facts about the models, the two engines, and the tabs.

import { authorised, getJson, problemOf, remember, token } from "./api.mjs";
import { chosenModel, startChoosing, withChosen } from "./choose.mjs";
import { startData } from "./data.mjs";
import { $ } from "./dom.mjs";
import { DeviceEngine, ServerEngine } from "./engines.mjs";
import { startLive } from "./live.mjs";
import { showModel } from "./model.mjs";
import { keepOffline } from "./offline.mjs";
import { startPhoto } from "./photo.mjs";
import { sealed } from "./seal.mjs";
import { startSession } from "./session.mjs";
import { startTabs } from "./tabs.mjs";
import { startVideo } from "./video.mjs";
import { loadWords, startPicker, t } from "./words.mjs";

const CHOICE = "mien-engine";

/** Show one sentence about what went wrong, or nothing. */
function tell(error) {
  const box = $("problem");
  box.hidden = !error;
  box.textContent = error ? error.message : "";
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

/** Whether the page begins with faces read on this device: where that is possible, unless the visitor wants it otherwise. */
const readsHere = ({ device, server }) => Boolean(device) && !(server && localStorage.getItem(CHOICE) === "server");

/** Which engine reads; `current` changes when the visitor chooses. */
class Choice extends EventTarget {
  constructor(facts) {
    super();
    this.facts = facts;
    this.engines = {
      device: facts.device ? new DeviceEngine(facts) : null,
      server: facts.server ? new ServerEngine(facts) : null,
    };
    this.name = readsHere(facts) ? "device" : "server";
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
    if (name === "server" && sealed() && !confirm(t("anew.server"))) {
      /** @type {HTMLInputElement} */ (document.querySelector('input[name="engine"][value="device"]')).checked = true;
      return;
    }
    this.name = name;
    localStorage.setItem(CHOICE, name);
    if ((name === "server" && sealed()) || chosenModel(this.facts)) location.reload(); // the server has its own model
    this.#badge();
    this.dispatchEvent(new Event("change"));
  }

  #badge() {
    const device = this.name === "device";
    $("badge").hidden = false;
    $("badge").classList.toggle("device", device);
    $("badge").title = device ? t("badge.sealed") : "";
    $("badgetext").textContent = t(device ? "badge.device" : "badge.server");
  }
}

/** Whether the page shows something that a fresh one would not. */
function loses() {
  const shown = !$("stop").disabled || $("photocards").childElementCount > 0 || !$("videoresult").hidden;
  return shown || !$("sessioncsv").disabled;
}

/** On this device the page is to work without a network too; for the server's way that would be of no use. */
async function keep(choice) {
  if (choice.name !== "device") return choice.addEventListener("change", () => keep(choice), { once: true });
  if (!(await keepOffline(chosenModel(choice.facts)))) return;
  $("offline").hidden = false;
  document.documentElement.dataset.offline = "true";
}

async function start() {
  let facts;
  const asked = getJson("config.json");
  asked.catch(() => {}); // told below
  try {
    await loadWords();
    facts = readsHere(await asked) ? await withChosen(await asked) : await asked;
  } catch (error) {
    const speaks = document.documentElement.dataset.lang !== undefined;
    tell(speaks ? new Error(t("problem.start", { why: error.message })) : error);
    return;
  }
  const { version, name: model, detector } = facts.model;
  $("version").textContent = t("foot.version", { version, model, detector });
  startPicker($("language"), loses);
  $("docslink").hidden = !facts.server;
  $("tab-data").hidden = !facts.data;
  startTabs(() => tell(null));
  await askForToken(facts);
  const choice = new Choice(facts);
  const session = startSession(facts);
  const live = startLive({ facts, choice, session, tell });
  startPhoto({ facts, choice, tell });
  startVideo({ facts, choice, tell });
  startData({ facts, choice, tell });
  showModel(facts);
  const changed = () => {
    live.renew();
    session.clear();
    showModel(facts);
  };
  startChoosing(facts, choice, { loses, changed, tell });
  document.documentElement.dataset.ready = "true";
  keep(choice);
}

start();
