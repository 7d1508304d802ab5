// @ts-check
/** The values of a chart as a table, in a dialog: for those who cannot or will not read pictures. */

import { download } from "./csv.js";
import { h, iconButton } from "./elements.js";
import { noData } from "./notices.js";
import { moment, zone } from "./times.js";
import { format } from "./units.js";

const MOST = 500;
const TIME = /^\d{4}-\d\d-\d\dT[\d:.]+Z$/;

/** Open a dialog with the newest rows first; all of them are in the file. */
export function showValues(title, values) {
  const empty = !values || values.rows.length === 0;
  const dialog = h("dialog", { class: "values", "aria-label": `Values of ${title}` },
    h("div", { class: "card-head" }, h("h2", {}, title),
      h("div", { class: "card-actions" },
        empty ? null : iconButton("download", "Download as CSV", () => download(title, values.columns, values.rows)),
        iconButton("close", "Close", () => dialog.close()))),
    empty ? noData() : note(values.rows.length),
    empty ? null : h("div", { class: "scroller", tabindex: "0", role: "group", "aria-label": "Rows" }, table(values)));
  dialog.addEventListener("close", () => dialog.remove());
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });
  document.body.append(dialog);
  dialog.showModal();
}

function note(rows) {
  const cut = rows > MOST ? `The newest ${MOST} of ${rows} rows; the file has all. ` : "";
  return h("p", { class: "hint" }, `${cut}Times are of your zone, ${zone()}; in the file they are UTC.`);
}

function table({ columns, units, rows }) {
  const newest = rows.slice(-MOST).reverse();
  return h("table", {},
    h("thead", {}, h("tr", {},
      columns.map((column, at) => h("th", { scope: "col", class: numeric(newest, at) }, column)))),
    h("tbody", {},
      newest.map((row) => h("tr", {},
      row.map((cell, at) => h("td", { class: numeric(newest, at) }, shown(cell, units?.[at])))))));
}

function shown(cell, unit) {
  if (typeof cell === "string" && TIME.test(cell)) return moment(Date.parse(cell));
  return format(cell, unit ?? "1", { digits: 5 });
}

function numeric(rows, at) {
  return rows.some((row) => typeof row[at] === "number") ? "number" : null;
}
