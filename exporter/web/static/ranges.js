// @ts-check
/** Time ranges: in the address, in questions to the API, and in words. */

import { fromLocal, length, moment } from "./times.js";

/** Ranges to choose from, as the API reads them. */
export const PRESETS = ["1h", "6h", "24h", "7d", "30d"];
const DEFAULT = "6h";
const NAMES = { "1h": "1 hour", "6h": "6 hours", "24h": "24 hours", "7d": "7 days", "30d": "30 days" };
const LONGEST_MS = 42 * 86_400_000;

/** The range that an address asks for: `{last}`, or `{start, end}` as RFC 3339. */
export function rangeOf(query) {
  const start = query.get("start");
  const end = query.get("end");
  if (start && end) return { start, end };
  return { last: query.get("last") ?? DEFAULT };
}

/** Parameters without what names a second range or half of one: two times count before a length. */
export function tidied(query) {
  const next = new URLSearchParams(query);
  if (query.get("start") && query.get("end")) next.delete("last");
  else for (const name of ["start", "end"]) next.delete(name);
  return next;
}

/** Put a range into the parameters of an address; the usual one needs no words. */
export function withRange(query, range) {
  const next = new URLSearchParams(query);
  for (const name of ["last", "start", "end"]) next.delete(name);
  for (const [name, value] of Object.entries(range)) if (value !== DEFAULT) next.set(name, value);
  return next;
}

/** Parameters that name the range, out of any address; links keep them. */
export function rangeParameters(query) {
  return withRange(new URLSearchParams(), rangeOf(query));
}

/** A range in words. */
export function rangeName(range) {
  if (range.last) return `last ${NAMES[range.last] ?? range.last}`;
  return `${moment(Date.parse(range.start))} to ${moment(Date.parse(range.end))}`;
}

/** A length in seconds in words: whole days as days. */
export function lengthName(seconds) {
  return seconds % 86_400 === 0 && seconds > 86_400 ? `${seconds / 86_400} days` : length(seconds * 1000);
}

/** A range out of two local times; says in words why it is none. */
export function customRange(from, to) {
  const start = fromLocal(from);
  const end = fromLocal(to);
  if (Number.isNaN(start) || Number.isNaN(end)) return { problem: "Give both times." };
  if (end <= start) return { problem: "The end must come after the start." };
  if (end - start > LONGEST_MS) return { problem: "At most 42 days can be shown." };
  return { range: exactRange(start, end) };
}

/** A range out of two moments in milliseconds since the epoch. */
export function exactRange(start, end) {
  return { start: new Date(start).toISOString().replace(".000Z", "Z"), end: new Date(end).toISOString()
    .replace(".000Z", "Z") };
}

/** Start and end of a range in milliseconds since the epoch, as well as the browser knows. */
export function spanOf(range, now = Date.now()) {
  if (range.start) return [Date.parse(range.start), Date.parse(range.end)];
  const sizes = { s: 1e3, m: 6e4, h: 36e5, d: 864e5 };
  let length = 0;
  for (const [, number, unit] of range.last.matchAll(/([\d.]+)([smhd])/g)) length += Number(number) * sizes[unit];
  return [now - length, now];
}
