// @ts-check
/** Boxes of a dashboard on one grid; groups fold, and what lies below them moves up. */

import { h } from "./elements.js";

/** Rows that the bar of a group takes. */
export const BAR = 3;

/** Boxes in the order in which they are read: from top to bottom, then from left to right. */
export function inOrder(items) {
  return [...items].sort((a, b) => a.y - b.y || a.x - b.x);
}

/**
 * Where boxes really lie: `tall(item)` says how many rows a box takes now. What began below the end of a box that grew
 * or shrank moves with it.
 */
export function flowed(items, tall) {
  const changes = items.map((item) => ({ below: item.y + item.h, by: tall(item) - item.h }))
    .filter((change) => change.by !== 0);
  return items.map((item) => {
    const moved = changes.filter((change) => change.below <= item.y).reduce((sum, change) => sum + change.by, 0);
    return { ...item, y: Math.max(0, item.y + moved), h: tall(item) };
  });
}

/** Put an element into its box. */
export function put(element, box, columns) {
  const x = Math.min(Math.max(0, Math.floor(box.x)), columns - 1);
  const w = Math.min(Math.max(1, Math.ceil(box.w)), columns - x);
  element.style.setProperty("grid-column", `${x + 1} / span ${w}`);
  element.style.setProperty("grid-row", `${Math.floor(box.y) + 1} / span ${Math.max(1, Math.ceil(box.h))}`);
  element.style.setProperty("--rows", String(Math.max(1, Math.ceil(box.h))));
}

/** An empty grid of so many columns. */
export function grid(columns, name = "grid") {
  return h("div", { class: name, css: { "--columns": String(columns) } });
}

/** How many rows items reach down. */
export function depth(items) {
  return items.reduce((most, item) => Math.max(most, item.y + item.h), 0);
}
