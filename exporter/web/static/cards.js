// @ts-check
/** The frame of a widget: its title, what can be done with its values, its body, and what is wrong with it. */

import { download } from "./csv.js";
import { h, iconButton, replace } from "./elements.js";
import { problems } from "./notices.js";
import { showValues } from "./values.js";

/** A card; `values` gives `{columns, units, rows}` of what is drawn, or null where there is nothing. */
export class Card {
  constructor(title, { kind = "", values = null, help = "", level = 3 } = {}) {
    this.title = title;
    this.body = h("div", { class: "card-body" });
    this.complaints = h("div", { class: "card-problems" });
    this.known = [];
    const named = title || "these values";
    this.heading = h(`h${level}`, {}, title);
    this.actions = h("div", { class: "card-actions" },
      help ? helpButton(title, help) : null,
      values ? iconButton("table", `Values of ${named} as a table`, () => showValues(named, values())) : null,
      values ? iconButton("download", `Download ${named} as CSV`, () => saved(named, values())) : null);
    this.element = h("section", { class: `card ${kind}`, "aria-label": title || null },
      h("div", { class: "card-head" }, this.heading, this.actions), this.body, this.complaints);
    if (!title && !values) this.element.classList.add("untitled");
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
