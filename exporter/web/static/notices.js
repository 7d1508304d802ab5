// @ts-check
/** What is said where something cannot be shown. */

import { h } from "./elements.js";

/** There is nothing in the range: that is no zero. */
export function noData(text = "No data in this range") {
  return h("p", { class: "no-data" }, text);
}

/** Sentences about what is missing in a widget or on a page. */
export function problems(sentences) {
  const said = [...new Set(sentences.filter(Boolean))];
  return said.length === 0 ? null : h("ul", { class: "problems" }, said.map((one) => h("li", {}, one)));
}

/** An error where its answer would stand, with a way to try again. */
export function failure(error, retry) {
  const status = error?.status ?? 0;
  return h("div", { class: "failure", role: "alert" },
    h("strong", {}, heading(status)),
    h("p", {}, error?.detail ?? String(error?.message ?? error)),
    h("button", { type: "button", class: "button", on: { click: retry } }, "Try again"));
}

/** What stands for something until it is there. */
export function waiting(text = "Loading…") {
  return h("p", { class: "waiting" }, text);
}

function heading(status) {
  if (status === 0) return "No answer";
  if (status === 401 || status === 403) return "Not allowed";
  if (status === 404) return "Not found";
  if (status === 422 || status === 400) return "This cannot be asked";
  if (status === 429) return "Too many questions at once";
  return "The server could not answer";
}
