// @ts-check
/** The frame of a widget: its title, what can be done with its values, its body, and what is wrong with it. */

import { download } from "./csv.js";
import { h, iconButton, replace } from "./elements.js";
import { noData, problems } from "./notices.js";
import { showValues } from "./values.js";

/** A card; `values` gives `{columns, units, rows}` of what is drawn, or null where there is nothing. */
export class Card {
  constructor(title, { kind = "", values = null, help = "", level = 3 } = {}) {
    this.title = title;
    this.body = h("div", { class: "card-body" });
    this.complaints = h("div", { class: "card-problems" });
    this.known = [];
    this.notes = h("span", { class: "card-note", hidden: true });
    const named = title || "these values";
    this.heading = h(`h${level}`, {}, title);
    this.actions = h("div", { class: "card-actions" },
      help ? helpButton(title, help) : null,
      values ? iconButton("table", `Values of ${named} as a table`, () => showValues(named, values())) : null,
      values ? iconButton("download", `Download ${named} as CSV`, () => saved(named, values())) : null);
    this.element = h("section", { class: `card ${kind}`, "aria-label": title || null },
      h("div", { class: "card-head" }, this.heading, this.notes, this.actions), this.body, this.complaints);
    if (!title && !values) this.element.classList.add("untitled");
  }

  /** Say beside the title what a reader has to know of all values. */
  note(texts) {
    this.notes.textContent = texts.join(" · ");
    this.notes.hidden = texts.length === 0;
  }

  /** Nothing to draw: why nothing was answered, in place of the values; no data only where an answer was empty. */
  empty(asked, reasons) {
    const said = asked.length ? reasons : [...this.known, ...reasons];
    replace(this.body, said.length ? h("div", { class: "no-data reason" }, problems(said)) : noData());
    replace(this.complaints, problems(this.known.filter((one) => !said.includes(one))));
  }

  /** Say what is wrong; `lasting` stays whatever the values are. */
  complain(sentences, lasting = false) {
    if (lasting) this.known = sentences;
    replace(this.complaints, problems([...this.known, ...(lasting ? [] : sentences)]));
  }
}

function saved(title, values) {
  if (values) download(title, values.columns, values.rows);
}

function helpButton(title, help) {
  const text = h("p", { class: "help-text", role: "note", hidden: true }, help);
  const button = iconButton("help", `What ${title} means`, () => {
    text.hidden = !text.hidden;
    button.setAttribute("aria-expanded", String(!text.hidden));
  }, { "aria-expanded": "false" });
  return h("span", { class: "help" }, button, text);
}
