// @ts-check
/** Times in the zone of whoever looks, with its offset from UTC. */

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

const two = (number) => String(number).padStart(2, "0");
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** Offset of the zone at a moment, such as `UTC+01:00`. */
export function zone(ms = Date.now()) {
  const minutes = -new Date(ms).getTimezoneOffset();
  if (minutes === 0) return "UTC";
  const size = Math.abs(minutes);
  return `UTC${minutes < 0 ? "-" : "+"}${two(Math.floor(size / 60))}:${two(size % 60)}`;
}

/** Hours and minutes, with seconds where there are any. */
export function clock(ms) {
  const at = new Date(ms);
  const seconds = at.getSeconds() ? `:${two(at.getSeconds())}` : "";
  return `${two(at.getHours())}:${two(at.getMinutes())}${seconds}`;
}

/** Day and month; with the year where it is not this one. */
export function day(ms) {
  const at = new Date(ms);
  const year = at.getFullYear() === new Date().getFullYear() ? "" : ` ${at.getFullYear()}`;
  return `${at.getDate()} ${MONTHS[at.getMonth()]}${year}`;
}

/** Day and time of day. */
export function moment(ms) {
  return Number.isFinite(ms) ? `${day(ms)} ${clock(ms)}` : "an unknown time";
}

/** A moment to the second, whatever the second is: times of records are read side by side. */
export function exactMoment(ms) {
  const at = new Date(ms);
  return `${day(ms)} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}

/** A period; the day is said once where it is the same. */
export function period(startMs, endMs) {
  const same = day(startMs) === day(endMs);
  return `${moment(startMs)} – ${same ? clock(endMs) : moment(endMs)}`;
}

/** How long ago a moment was, in the largest fitting unit. */
export function ago(ms, now = Date.now()) {
  const passed = Math.max(0, now - ms);
  if (passed < MINUTE_MS) return "just now";
  if (passed < HOUR_MS) return `${Math.floor(passed / MINUTE_MS)} min ago`;
  if (passed < 2 * DAY_MS) return `${Math.floor(passed / HOUR_MS)} h ago`;
  return `${Math.floor(passed / DAY_MS)} days ago`;
}

/** A length of time in two units at most. */
export function length(ms) {
  const minutes = Math.round(ms / MINUTE_MS);
  if (minutes < 1) return "less than a minute";
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return minutes % 60 ? `${hours} h ${minutes % 60} min` : `${hours} h`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** The text of a `datetime-local` field at a moment. */
export function toLocal(ms) {
  const at = new Date(ms);
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}T${two(at.getHours())}:${two(at.getMinutes())}`;
}

/** The moment that a `datetime-local` field says. */
export function fromLocal(text) {
  return text ? new Date(text).getTime() : NaN;
}

const STEPS_MS = [1, 2, 5, 10, 15, 30].map((n) => n * MINUTE_MS)
  .concat([1, 2, 3, 6, 12].map((n) => n * HOUR_MS), [1, 2, 5, 7, 14].map((n) => n * DAY_MS));

/** Ticks of a time axis at round local times: `[{at, text}]`, `most` of them at most. */
export function timeTicks(startMs, endMs, most) {
  const wanted = (endMs - startMs) / Math.max(1, most);
  const step = STEPS_MS.find((size) => size >= wanted) ?? Math.ceil(wanted / (28 * DAY_MS)) * 28 * DAY_MS;
  const ticks = [];
  for (let at = firstTick(startMs, step); at <= endMs; at = nextTick(at, step)) {
    const midnight = new Date(at).getHours() === 0 && new Date(at).getMinutes() === 0;
    ticks.push({ at, text: midnight || step >= DAY_MS ? day(at) : clock(at) });
  }
  return ticks;
}

function firstTick(startMs, step) {
  const at = new Date(startMs);
  at.setHours(0, 0, 0, 0);
  let tick = at.getTime();
  while (tick < startMs) tick = nextTick(tick, step);
  return tick;
}

/** Days are counted in the calendar, and steps within a day from its midnight: clocks that change keep round ticks. */
function nextTick(tick, step) {
  const at = new Date(tick);
  if (step >= DAY_MS) at.setDate(at.getDate() + step / DAY_MS);
  else if (step >= HOUR_MS) at.setHours(at.getHours() + step / HOUR_MS);
  else return tick + step;
  return at.getTime() > tick ? at.getTime() : tick + step;
}
