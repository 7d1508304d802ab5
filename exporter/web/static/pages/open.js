// @ts-check
/** `/open`: shows any dashboard of Cloud Monitoring that is given as a file or as text; only this tab keeps it. */

import { get } from "../api.js";
import { Board, GivenSource } from "../boards.js";
import { h, replace } from "../elements.js";
import { change, pageHref } from "../router.js";

const KEY = "console-opened";
const MOST_BYTES = 1024 * 1024;

/** The page that opens dashboards. */
export function open({ main, title }) {
  const page = new Opener(main, title);
  return { title: "Open a dashboard", load: (where, signal) => page.load(where, signal),
    leave: () => page.board?.leave() };
}

class Opener {
  constructor(main, title) {
    this.title = title;
    this.board = null;
    this.said = h("p", { class: "said", role: "alert" });
    this.file = h("input", { type: "file", accept: ".json,application/json", id: "dashboard-file",
      on: { change: () => this.read(this.file.files?.[0]) } });
    this.text = h("textarea", { class: "field", id: "dashboard-text", rows: "6", spellcheck: "false",
      placeholder: '{"displayName": "...", "mosaicLayout": {...}}' });
    this.shown = h("div", { class: "opened" });
    this.known = h("div", { class: "known" });
    const drop = h("div", { class: "drop", on: {
      dragover: (event) => { event.preventDefault(); drop.classList.add("over"); },
      dragleave: () => drop.classList.remove("over"),
      drop: (event) => { event.preventDefault(); drop.classList.remove("over"); this.read(event.dataTransfer?.files?.[0]); },
    } }, h("label", { for: "dashboard-file" }, "Choose a dashboard file, or drop one here"), this.file,
    h("p", { class: "hint" },
      "JSON of Cloud Monitoring's dashboard API, as gcloud monitoring dashboards describe --format=json gives it. ",
      "1 MiB at most; the server keeps nothing."));
    this.form = h("section", { class: "card opener", "aria-label": "Open a dashboard" }, drop,
      h("form", { class: "paste", on: { submit: (event) => { event.preventDefault(); this.show(this.text.value); } } },
        h("label", { for: "dashboard-text" }, "Or paste it"), this.text,
          h("button", { class: "button primary" }, "Show")),
      this.said);
    replace(main, this.form, this.known, this.shown);
    this.list();
    const kept = remembered();
    if (kept !== null) this.place(kept);
  }

  load(where, signal) {
    return this.board ? this.board.load(where, signal) : Promise.resolve();
  }

  async list() {
    try {
      const { dashboards } = await get("/api/dashboards");
      const others = dashboards.filter((one) => !one.system);
      replace(this.known, others.length ? h("section", { class: "card" },
        h("div", { class: "card-head" }, h("h2", {}, "Dashboards of this server")),
        h("ul", { class: "links" },
          others.map((one) => h("li", {}, h("a", { href: pageHref(`/dashboards/${encodeURIComponent(one.name)}`) },
          one.title || one.name),
          one.note ? h("span", { class: "hint" }, ` ${one.note}`) : null)))) : null);
    } catch {
      replace(this.known);
    }
  }

  async read(file) {
    if (!file) return;
    if (file.size > MOST_BYTES) this.complain("The file is larger than 1 MiB.");
    else this.show(await file.text());
  }

  show(text) {
    let dashboard;
    try {
      dashboard = JSON.parse(text);
    } catch (error) {
      this.complain(`This is no JSON: ${error instanceof Error ? error.message : error}`);
      return;
    }
    this.complain("");
    remember(text);
    this.place(dashboard);
    change({}, { replace: true });
    this.shown.scrollIntoView({ block: "start" });
  }

  /** Put the board of a dashboard on the page. */
  place(dashboard) {
    this.board?.leave();
    this.board = new Board(new GivenSource(dashboard), { titled: (title) => this.title(title || "A dashboard") });
    replace(this.shown, h("p", { class: "hint kept" },
      "Only this tab knows the file: the address of this page does not bring it to anybody else. "), this.board.element);
  }

  complain(sentence) {
    this.said.textContent = sentence;
  }
}

/** Keep what was opened for this tab, so that reload and back show it again. */
function remember(text) {
  try {
    sessionStorage.setItem(KEY, text);
  } catch {
    // Storage may be full or forbidden: the page works without it.
  }
}

function remembered() {
  try {
    const text = sessionStorage.getItem(KEY);
    return text === null ? null : JSON.parse(text);
  } catch {
    return null;
  }
}
