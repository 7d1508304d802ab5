// @ts-check
/** A look at messages that could not be delivered. */

import { get } from "./api.js";
import { Card } from "./cards.js";
import { h, replace } from "./elements.js";
import { failure, noData, waiting } from "./notices.js";
import { exactMoment } from "./times.js";

/** The tab of dead letters. */
export class DeadLetters {
  constructor(path) {
    this.path = `${path}/dead-letters`;
    this.card = new Card("Dead letters", { kind: "dead-letters", level: 2 });
    this.element = this.card.element;
    this.asked = false;
    replace(this.card.body, waiting());
  }

  /** Look once; again only when a person asks. */
  async load(_place, signal) {
    if (this.asked) return;
    try {
      const { messages, note } = await get(this.path, { limit: 10 }, signal);
      this.asked = true;
      replace(this.card.body, messages.length ? h("ol", { class: "letters" },
        messages.map((one) => h("li", {}, letter(one)))) : noData("No dead letters were found"),
        h("p", { class: "foot" }, h("button", { type: "button", class: "button", on: { click: () => this.again() } },
          "Look again"), h("span", { class: "hint" }, note)));
    } catch (error) {
      if (signal.aborted) throw error;
      replace(this.card.body, failure(error, () => this.again()));
    }
  }

  again() {
    this.asked = false;
    return this.load(null, new AbortController().signal);
  }
}

/** One message with everything that is known of it. */
export function letter(one) {
  const facts = [["Published", exactMoment(Date.parse(one.publish_time))], ["Attempt", one.delivery_attempt],
    ["Ordering key", one.ordering_key],
    ...Object.entries(one.attributes ?? {})].filter(([, value]) => value !== null && value !== undefined
      && value !== "");
  return h("article", { class: "letter" }, h("h3", {}, one.message_id),
    h("dl", { class: "configuration" },
      facts.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, String(value))))),
    h("pre", { tabindex: "0", "aria-label": "Data" }, one.text ?? `${one.data_base64} (base64)`), one.truncated
      ? h("p", { class: "hint" }, "Only the beginning is shown.") : null);
}
