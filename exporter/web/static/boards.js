// @ts-check
/** A dashboard on a page: its fields, its grid, and the answers to its queries. */

import { get, post } from "./api.js";
import { h, replace } from "./elements.js";
import { failure, problems, waiting } from "./notices.js";
import { change } from "./router.js";
import { select } from "./shell.js";
import { explanations } from "./texts.js";
import { Grid } from "./widgets.js";

let named = null;

/** Ids of systems that have a page of their own; asked for once. */
export function systemNames() {
  named ??= get("/api/dashboards")
    .then(({ dashboards }) => new Set(dashboards.map((one) => one.system).filter(Boolean)), () => {
    named = null;
    return new Set();
  });
  return named;
}

/** A dashboard that the server knows by name. */
export class StoredSource {
  constructor(name) {
    this.path = `/api/dashboards/${encodeURIComponent(name)}`;
  }

  view(signal) {
    return get(this.path, {}, signal);
  }

  data(range, filters, signal) {
    return get(`${this.path}/data`, { ...range, filter: [...filters].map(([key, value]) => `${key}:${value}`) },
      signal);
  }
}

/** A dashboard that a person gave. */
export class GivenSource {
  constructor(dashboard) {
    this.dashboard = dashboard;
  }

  view(signal) {
    return post("/api/dashboards/view", {}, this.dashboard, signal);
  }

  data(range, filters, signal) {
    return post("/api/dashboards/data", range, { dashboard: this.dashboard, filters: Object.fromEntries(filters) },
      signal);
  }
}

/** Draws the dashboard of a source; `only` narrows incidents to a system. */
export class Board {
  constructor(source, { only = null, titled = () => {} } = {}) {
    this.source = source;
    this.only = only;
    this.titled = titled;
    this.fields = h("form", { class: "fields", on: { submit: (event) => event.preventDefault() } });
    this.notes = h("div", { class: "notes" });
    this.place = h("div", { class: "board" }, waiting());
    this.element = h("div", {}, this.fields, this.notes, this.place);
    this.grid = null;
    this.answered = false;
  }

  /** Ask and show; what is shown stays until the new answers are there. */
  async load({ range, query }, signal) {
    const chosen = chosenFilters(query);
    const data = this.source.data(range, chosen, signal);
    data.catch(() => {});
    try {
      if (!this.grid) this.build(...await Promise.all([this.source.view(signal), systemNames()]));
      this.grid.early();
      this.offer(chosen);
      const { start, end, answers } = await data;
      replace(this.notes, problems(this.view.notes ?? []));
      this.answered = true;
      await this.grid.update(answers, [Date.parse(start), Date.parse(end)]);
    } catch (error) {
      if (signal.aborted) throw error;
      const again = failure(error, () => change({}, { replace: true }));
      if (this.answered) replace(this.notes, again);
      else this.clear(again);
    }
  }

  /** Free what is held. */
  leave() {
    this.grid?.remove();
  }

  /** Say one thing instead of cards that would wait for ever. */
  clear(said) {
    this.grid?.remove();
    this.grid = null;
    replace(this.place, said);
  }

  build(view, systems) {
    this.view = view;
    this.titled(view.title);
    this.grid = new Grid(view.items, { columns: view.columns || 48, helps: explanations(view.items), systems,
      only: this.only });
    replace(this.place, view.items.length ? this.grid.element
      : h("p", { class: "no-data" }, "This dashboard has no widgets."));
  }

  offer(chosen) {
    const fields = (this.view.filters ?? []).map((field) => fieldOf(field, chosen.get(field.key) ?? field.value));
    if (this.fields.contains(document.activeElement)) return;
    replace(this.fields, fields);
    this.fields.hidden = fields.length === 0;
  }
}

function fieldOf(field, value) {
  const label = field.label || field.key;
  const set = (text) => change({ filter: otherFilters(field.key).concat(text ? [`${field.key}:${text}`] : []) });
  if (field.values?.length) {
    const known = value && !field.values.includes(value) ? [value, ...field.values] : field.values;
    const control = select(label, Object.fromEntries([["", "all"], ...known.map((one) => [one, one])]), value, set);
    return h("label", { class: "labelled" }, label, control);
  }
  const input = h("input", { class: "field", type: "text", value, placeholder: "all",
    on: { change: (event) => set(event.target.value.trim()) } });
  return h("label", { class: "labelled" }, label, input);
}

function otherFilters(key) {
  return new URLSearchParams(location.search).getAll("filter").filter((one) => !one.startsWith(`${key}:`));
}

/** Filters of an address: `filter=KEY:VALUE`, as often as there are. */
export function chosenFilters(query) {
  return new Map(query.getAll("filter")
    .map((one) => [one.slice(0, Math.max(0, one.indexOf(":"))), one.slice(one.indexOf(":") + 1)]));
}
