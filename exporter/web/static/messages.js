// @ts-check
/** The newest messages of a system, page by page. */

import { get } from "./api.js";
import { Card } from "./cards.js";
import { h, replace } from "./elements.js";
import { failure, noData, waiting } from "./notices.js";
import { rangeName } from "./ranges.js";
import { exactMoment } from "./times.js";
import { format } from "./units.js";

/** The tab of messages; each page is a query that costs, so that only a person asks for more. */
export class Messages {
  constructor(path) {
    this.path = `${path}/messages`;
    this.card = new Card("Newest messages", { kind: "table messages", level: 2, values: () => this.values() });
    this.element = this.card.element;
    this.rows = [];
    this.columns = [];
    this.asked = "";
    replace(this.card.body, waiting());
  }

  /** Ask for the first page of a range; the same range is not asked for twice by itself. */
  async load({ range }, signal) {
    const asked = JSON.stringify(range);
    if (asked === this.asked) return;
    this.range = range;
    this.rows = [];
    try {
      await this.more(null, signal);
      this.asked = asked;
    } catch (error) {
      if (signal.aborted) throw error;
      replace(this.card.body, failure(error, () => this.again()));
    }
  }

  again() {
    this.asked = "";
    replace(this.card.body, waiting());
    return this.load({ range: this.range }, new AbortController().signal);
  }

  async more(cursor, signal) {
    const page = await get(this.path, { ...this.range, limit: 50, cursor }, signal);
    this.columns = page.columns;
    this.rows.push(...page.rows);
    this.draw(page);
  }

  draw(page) {
    if (this.rows.length === 0) {
      replace(this.card.body, noData(`No messages in the ${rangeName(this.range)}`));
      return;
    }
    const older = h("button", { type: "button", class: "button", on: { click: () => this.older(older, page.next) } },
      "Older messages");
    replace(this.card.body,
      h("div", { class: "scroller", tabindex: "0", role: "group", "aria-label": "Newest messages" },
        table(this.columns, this.rows)),
      h("p", { class: "foot" }, page.next ? older : h("span", {}, "These are all."), h("span", { class: "hint" },
        `${this.rows.length} shown · the last page billed ${format(page.bytes_billed, "By")} `,
        `of at most ${format(page.bytes_limit, "By")}`)));
  }

  async older(button, cursor) {
    button.disabled = true;
    try {
      await this.more(cursor, undefined);
    } catch (error) {
      button.replaceWith(failure(error, () => this.older(button, cursor)));
    }
  }

  values() {
    return { columns: this.columns.map((column) => column.name), units: [],
      rows: this.rows.map((row) => row.map(plain)) };
  }
}

function table(columns, rows) {
  return h("table", { "aria-label": "Messages" },
    h("thead", {}, h("tr", {},
      columns.map((column) => h("th", { scope: "col" }, column.name,
      h("span", { class: "type" }, column.type.toLowerCase()))))),
    h("tbody", {},
      rows.map((row) => h("tr", {},
      row.map((value, at) => h("td", { class: /INT|FLOAT|NUMERIC/.test(columns[at].type) ? "number" : null },
      shown(value, columns[at].type)))))));
}

function shown(value, type) {
  if (value === null) return h("span", { class: "null" }, "null");
  if (type === "TIMESTAMP" && typeof value === "string") return h("time", { datetime: value, title: value },
    exact(value));
  return String(plain(value));
}

function exact(value) {
  const ms = Date.parse(value);
  if (Number.isNaN(ms)) return value;
  const rest = new Date(ms).getMilliseconds();
  return `${exactMoment(ms)}${rest ? `.${String(rest).padStart(3, "0")}` : ""}`;
}

function plain(value) {
  return value !== null && typeof value === "object" ? JSON.stringify(value) : value;
}
