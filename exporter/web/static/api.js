// @ts-check
/** Questions to the server. Errors are its problem details, in words. */

/** What went wrong: `status` 0 where no answer came. */
export class Problem extends Error {
  constructor(status, detail) {
    super(detail);
    this.name = "Problem";
    this.status = status;
    this.detail = detail;
  }
}

/** Address of an API path with parameters; lists repeat a parameter, and null leaves it out. */
export function address(path, parameters = {}) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== null && one !== undefined && one !== "") query.append(name, String(one));
    }
  }
  const text = query.toString();
  return text ? `${path}?${text}` : path;
}

/** The JSON that a GET brings. */
export function get(path, parameters = {}, signal = undefined) {
  return answer(address(path, parameters), { signal });
}

/** The JSON that a POST of JSON brings. */
export function post(path, parameters, body, signal = undefined) {
  const headers = { "content-type": "application/json" };
  return answer(address(path, parameters), { method: "POST", headers, body: JSON.stringify(body), signal });
}

async function answer(where, options) {
  let response;
  try {
    response = await fetch(where, { ...options, headers: { accept: "application/json", ...options.headers } });
  } catch (error) {
    if (aborted(error)) throw error;
    throw new Problem(0, "The server does not answer. It may have been stopped, or the network is down.");
  }
  let body = null;
  try {
    body = await response.json();
  } catch (error) {
    if (aborted(error)) throw error;
  }
  if (!response.ok) throw new Problem(response.status, said(body) ?? `The server answered ${response.status}.`);
  if (body === null) throw new Problem(response.status, "The server's answer could not be read.");
  return body;
}

/** Whether an error only says that nobody waits any more. */
export function aborted(error) {
  return error instanceof DOMException && error.name === "AbortError";
}

function said(body) {
  return typeof body?.detail === "string" ? body.detail : null;
}
