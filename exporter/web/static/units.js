// @ts-check
/** Values in words of people, from units of UCUM as Cloud Monitoring writes them. */

/** What a value says where there is none. */
export const NOTHING = "–";

const SECONDS = { ns: 1e-9, us: 1e-6, ms: 1e-3, s: 1, min: 60, h: 3600, d: 86400 };
const TIMES = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"], [1e-3, "ms"], [1e-6, "µs"], [1e-9, "ns"]];
const BYTES = { By: 1, kBy: 1e3, MBy: 1e6, GBy: 1e9, TBy: 1e12, KiBy: 1024, MiBy: 1024 ** 2, GiBy: 1024 ** 3,
  TiBy: 1024 ** 4, bit: 1 / 8 };
const SIZES = [[1024 ** 5, "PiB"], [1024 ** 4, "TiB"], [1024 ** 3, "GiB"], [1024 ** 2, "MiB"], [1024, "KiB"], [1, "B"]];
const LARGE = [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"]];
/** Below so many, fractions of things that are counted still say something: means of few. */
const FEW = 10;
/** Money per thing below this is said for a million or a billion of them. */
const TINY_USD = 1e-4;
const RATIOS = new Set(["10^2.%", "10^2%", "100%"]);

/**
 * Write a value with its unit; `words` false leaves out what is counted (messages), as axes want it, and `digits` is
 * how many digits count.
 */
export function format(value, unit = "1", { words = true, digits = 3 } = {}) {
  if (value === null || value === undefined || Number.isNaN(value)) return NOTHING;
  if (typeof value === "string") return value;
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  const [above, below] = parts(unit);
  if (words && below && isMoney(above) && value !== 0 && Math.abs(value) < TINY_USD) return tiny(value, below);
  const text = whole(value, above, words, digits, Boolean(below));
  return below ? `${text}/${annotation(below) || below}` : text;
}

/** The unit in words, for headings: empty where values say it themselves. */
export function unitName(unit = "1") {
  const [above, below] = parts(unit);
  const name = annotation(above) ? plural(annotation(above), 2) : { s: "time", By: "bytes", "{USD}": "US$" }[above]
    ?? "";
  const shown = above === "{USD}" ? "US$" : name;
  return below ? `${shown || "1"} per ${perName(below)}` : shown;
}

/**
 * Round values for the ticks of an axis from `low` to `high`, about `most` of them, round in the unit that people will
 * read.
 */
export function valueTicks(low, high, unit = "1", most = 5) {
  if (!(high > low)) return [low];
  const scale = stepScale(high, parts(unit)[0]);
  const nice = niceStep((high - low) / Math.max(1, most) / scale.size, scale.steps) * scale.size;
  const step = isCount(unit) && high >= FEW ? Math.max(1, Math.ceil(nice)) : nice;
  const ticks = [];
  const last = Math.floor(high / step + 1e-9);
  for (let n = Math.ceil(low / step - 1e-9); n <= last; n += 1) ticks.push(Number((n * step).toPrecision(12)));
  return ticks;
}

/**
 * A number with `digits` that count: thousands apart, large ones with k, M, G, tiny ones without an exponent where that
 * can be read.
 */
export function number(value, digits = 3) {
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e5 && Number(size.toPrecision(digits)) < 1e15) {
    const [scale, letter] = LARGE.find(([least]) => Number(size.toPrecision(digits)) >= least) ?? [1, ""];
    return `${plain(value / scale, digits)} ${letter}`;
  }
  if (size >= 1e15 || size < 1e-9) return value.toExponential(Math.max(0, digits - 1)).replace("e+", "e")
    .replace("-", "−");
  return plain(value, digits);
}

function whole(value, above, words, digits, isRate) {
  if (SECONDS[above]) return words ? spoken(value * SECONDS[above], digits)
    : scaled(value * SECONDS[above], TIMES, "s", digits);
  if (BYTES[above]) return scaled(value * BYTES[above], SIZES, "B", digits);
  if (isMoney(above)) return money(value, digits);
  if (RATIOS.has(above)) return percent(value * 100, digits);
  if (above === "%") return percent(value, digits);
  const word = annotation(above);
  const text = number(word && !isRate && Math.abs(value) >= FEW ? Math.round(value) : value, digits);
  if (word) return words ? `${text} ${plural(word, value)}` : text;
  return above === "1" || above === "" ? text : `${text} ${above}`;
}

function scaled(value, scales, smallest, digits) {
  if (value === 0) return `0 ${smallest}`;
  const size = Number(Math.abs(value).toPrecision(digits));
  const [scale, name] = scales.find(([least]) => size >= least) ?? scales[scales.length - 1];
  return `${number(value / scale, digits)} ${name}`;
}

/** A time as it is said: from a minute on in two units, such as 1 min 11 s. */
function spoken(seconds, digits) {
  const size = Math.abs(seconds);
  if (Math.round(size) < 60) return scaled(seconds, TIMES, "s", digits);
  const at = Math.max(0, TIMES.findIndex(([least]) => Math.round(size) >= least));
  const [[large, name], [small, smaller]] = [TIMES[at], TIMES[at + 1]];
  const parts = Math.round(size / small);
  const per = large / small;
  const rest = parts % per;
  return `${seconds < 0 ? "−" : ""}${number(Math.floor(parts / per), digits)} ${name}${rest ? ` ${rest} ${smaller}` : ""}`;
}

function money(value, digits) {
  const sign = value < 0 ? "−" : "";
  const size = Math.abs(value);
  if (size === 0) return "$0";
  if (size >= 1) return `${sign}$${size >= 1e5 ? number(size, digits) : size.toLocaleString("en-US", cents(size))}`;
  const text = number(size, digits);
  return `${sign}$${/\.\d$/.test(text) ? `${text}0` : text}`;
}

const isMoney = (above) => above === "{USD}" || above === "USD";

/** Tiny money per thing: for a million where that is a cent at least, else for a billion. */
function tiny(value, below) {
  const [size, name] = Math.abs(value) >= 1e-8 ? [1e6, "million"] : [1e9, "billion"];
  const thing = annotation(below);
  return `${money(value * size, 3)} per ${name}${thing ? ` ${plural(thing, size)}` : ` ${below}`}`;
}

const cents = (size) => (size >= 1000 ? { maximumFractionDigits: 0 }
  : { minimumFractionDigits: 2, maximumFractionDigits: 2 });

/** Near 100 % what is missing counts: 99.997 % is not 100 %. */
function percent(value, digits) {
  const missing = Math.abs(100 - value);
  if (value > 90 && missing > 0 && missing < 10) {
    const decimals = Math.min(8, Math.max(1, Math.ceil(-Math.log10(missing)) + 1));
    return `${Number(value.toFixed(decimals))}%`;
  }
  return `${number(value, digits)}%`;
}

function plain(value, digits) {
  const size = Math.abs(value);
  if (size >= 10 ** digits) return minus(Math.round(value).toLocaleString("en-US"));
  const rounded = Number(value.toPrecision(digits));
  const decimals = Math.max(0, digits - 1 - Math.floor(Math.log10(Math.abs(rounded))));
  return minus(Number.isInteger(rounded) ? String(rounded) : rounded.toFixed(Math.min(20, decimals)).replace(/0+$/, "")
    .replace(/\.$/, ""));
}

const minus = (text) => text.replace("-", "−");

function parts(unit) {
  const text = (unit || "1").trim();
  const slash = text.indexOf("/");
  return slash < 0 ? [text, ""] : [text.slice(0, slash) || "1", text.slice(slash + 1)];
}

function annotation(unit) {
  const match = /^(?:1)?\{([^}]*)\}$/.exec(unit);
  return match && match[1] !== "USD" ? match[1].replaceAll("_", " ") : "";
}

const perName = (below) => annotation(below) || { s: "second", min: "minute", h: "hour", d: "day" }[below] || below;

/** Whether a unit counts things: its ticks are whole numbers, as their texts are. */
function isCount(unit) {
  const [above, below] = parts(unit);
  return Boolean(annotation(above)) && !below;
}

function plural(word, value) {
  if (Math.abs(value) === 1 || word.endsWith("s")) return word;
  return /[^aeiou]y$/.test(word) ? `${word.slice(0, -1)}ies` : `${word}s`;
}

function stepScale(high, above) {
  const size = Math.abs(high);
  if (SECONDS[above]) {
    const [scale, name] = TIMES.find(([least]) => size * SECONDS[above] >= least) ?? TIMES[TIMES.length - 1];
    return { size: scale / SECONDS[above], steps: name === "min" || name === "s" ? [1, 2, 5, 10, 15, 30] : null };
  }
  if (BYTES[above]) {
    const [scale] = SIZES.find(([least]) => size * BYTES[above] >= least) ?? SIZES[SIZES.length - 1];
    return { size: scale / BYTES[above], steps: null };
  }
  return { size: 1, steps: null };
}

function niceStep(wanted, steps) {
  if (steps && wanted >= 0.7) return steps.find((step) => step >= wanted) ?? 60 * Math.ceil(wanted / 60);
  const power = 10 ** Math.floor(Math.log10(wanted));
  return ([1, 2, 2.5, 5, 10].find((step) => step * power >= wanted * (1 - 1e-9)) ?? 10) * power;
}
