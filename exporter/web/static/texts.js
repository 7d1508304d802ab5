// @ts-check
/** Texts and headings of dashboards, and widgets that hold other widgets or nothing. */

import { Card } from "./cards.js";
import { h, replace, sanitised } from "./elements.js";

/** Height of a row of the grid, as widgets.css has it. */
const ROW_PX = 18;
const SLACK_PX = 3;

/** A widget of kind `text`: the only one whose content is HTML, which the server made safe. */
export class Text {
  constructor(widget, { level = 3, refit = () => {} } = {}) {
    this.card = new Card(widget.title, { kind: "text", level });
    this.card.complain(widget.problems ?? [], true);
    this.element = this.card.element;
    // Texts of the same title repeat: they are groups, not landmarks.
    this.element.removeAttribute("aria-label");
    this.prose = h("div", { class: "prose", tabindex: "0", role: "group", "aria-label": widget.title || "Text" },
      sanitised(widget.html ?? ""));
    this.more = h("button", { type: "button", class: "more", hidden: true, on: { click: () => this.grow() } }, "More");
    this.card.body.append(this.prose, this.more);
    this.refit = refit;
    this.grown = null;
    this.watch = new ResizeObserver(() => { this.more.hidden = !this.isCut(); });
    this.watch.observe(this.prose);
  }

  /** How many rows it takes after somebody wanted more; before that, what the dashboard says. */
  rows() {
    return this.grown;
  }

  isCut() {
    return this.prose.scrollHeight > this.prose.clientHeight + SLACK_PX;
  }

  grow() {
    const hidden = this.prose.scrollHeight - this.prose.clientHeight;
    this.grown = Math.ceil((this.element.parentElement.clientHeight + hidden) / ROW_PX);
    this.prose.classList.add("whole");
    this.prose.focus();
    this.refit();
  }

  /** Texts do not change. */
  update() {}

  /** Free what is held. */
  remove() {
    this.watch.disconnect();
  }
}

/** A widget of kind `header`. */
export class Header {
  constructor(widget) {
    this.element = h("div", { class: widget.divider ? "section-header divided" : "section-header" },
      h("h2", {}, widget.title), widget.subtitle ? h("p", {}, coded(widget.subtitle)) : null);
  }

  /** Headings do not change. */
  update() {}

  /** Nothing is held. */
  remove() {}
}

/** A widget that cannot be shown, and says why. */
export class Unsupported {
  constructor(widget, { level = 3 } = {}) {
    const card = new Card(widget.title, { kind: "unsupported", level });
    card.complain(widget.problems ?? [], true);
    replace(card.body, h("p", { class: "what" }, `Not shown: ${widget.what ?? widget.kind ?? "a widget"}`),
      h("p", { class: "hint" }, widget.why ?? "The console does not know widgets of this kind."));
    this.element = card.element;
  }

  /** There is nothing to update. */
  update() {}

  /** Nothing is held. */
  remove() {}
}

/** A widget of kind `blank`. */
export class Blank {
  constructor() {
    this.element = h("div", { class: "blank" });
  }

  /** There is nothing to update. */
  update() {}

  /** Nothing is held. */
  remove() {}
}

/** What texts say of charts: `**Title**: words` explains the chart of that title. */
export function explanations(items) {
  const found = new Map();
  for (const { widget } of items) {
    if (widget.kind === "group" || widget.kind === "single") for (const [title,
      text] of explanations(widget.items)) found.set(title, text);
    if (widget.kind !== "text") continue;
    for (const paragraph of sanitised(widget.html ?? "").querySelectorAll("p")) {
      const first = paragraph.firstChild;
      const rest = paragraph.textContent.slice(first?.textContent?.length ?? 0);
      if (first?.nodeName === "STRONG" && rest.startsWith(":")) found.set(first.textContent,
        sentence(rest.slice(1).trim()));
    }
  }
  return found;
}

/** Text with what stands in backticks as code. */
function coded(text) {
  const parts = text.split("`");
  return parts.length % 2 ? parts.map((part, at) => (at % 2 ? h("code", {}, part) : part)) : [text];
}

const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1);
