// Shows openapi.json for people: every address with its parameters, answers and an example. Works offline.

import { getJson } from "./api.mjs";
import { $, h } from "./dom.mjs";

const EXAMPLES = {
  "POST /v1/analyze": (at) => [
    `curl --data-binary @photo.jpg ${at}`,
    `curl -F image=@photo.jpg -F image=@party.jpg ${at}`,
  ],
  "POST /v1/analyze/video": (at) => [`curl --data-binary @clip.mp4 "${at}?every_s=0.1"`],
};

const LIVE =
  "A WebSocket at v1/live takes live frames: 4 bytes frame number (unsigned) and 8 bytes capture time in seconds " +
  "(float64), both little endian, then the JPEG. Answers are JSON; the newest frame wins, so keep at most two in flight.";

const description = await getJson("openapi.json");
$("intro").textContent = description.info.description;
for (const [path, methods] of Object.entries(description.paths)) {
  for (const [method, operation] of Object.entries(methods))
    $("operations").append(card(method.toUpperCase(), path, operation));
}
$("operations").append(
  h(
    "article",
    { class: "card" },
    h("h2", {}, h("span", { class: "method" }, "WS"), h("code", {}, "/v1/live")),
    h("p", {}, LIVE),
  ),
);

function card(method, path, operation) {
  const title = h("h2", {}, h("span", { class: "method" }, method), h("code", {}, path));
  const at = new URL(path.slice(1), document.baseURI).href.replaceAll("%7B", "{").replaceAll("%7D", "}");
  const lines = EXAMPLES[`${method} ${path}`]?.(at) ?? [`curl ${method === "GET" ? "" : `-X ${method} `}${at}`];
  return h(
    "article",
    { class: "card" },
    title,
    h("p", {}, h("strong", {}, `${operation.summary}. `), (operation.description ?? "").replaceAll("`", "")),
    parameters(operation.parameters ?? []),
    h("pre", { tabindex: "0" }, lines.join("\n")),
  );
}

function parameters(list) {
  if (!list.length) return null;
  const rows = list.flatMap(({ name, description: text, schema }) => {
    const usual = schema.default === undefined ? "" : ` Usually ${schema.default}.`;
    return [h("dt", {}, h("code", {}, name)), h("dd", {}, `${text ?? ""}${usual}`)];
  });
  return h("dl", { class: "facts" }, ...rows);
}
