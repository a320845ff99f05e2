/** Small words for the document and the API. Data reaches the page as text only. */

export const $ = (id) => document.getElementById(id);

/** An element with attributes and children; strings become text. */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value !== false && value != null) made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child != null && child !== ""));
  return made;
}

/** Put items in a list, or one empty line that says why there are none. */
export function fill(list, items, none = "") {
  list.replaceChildren(...(items.length || !none ? items : [element("li", { class: "quiet" }, none)]));
}

/** Show what went wrong and what to do; nothing to take it away. */
export function notice(text = "") {
  $("notice").textContent = text;
  $("notice").hidden = !text;
}

/** An error that the server described (RFC 9457). */
export class Problem extends Error {
  constructor(document) {
    super(`${document.detail ?? document.title} ${document.remedy ?? ""}`.trim());
    this.document = document;
  }
}

/** A request to the API: the response, or a Problem. */
export async function request(path, options = {}) {
  let response;
  try {
    response = await fetch(`/api/v1/${path}`, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem({ detail: "The server does not answer.", remedy: "Check that it runs, then try again." });
  }
  if (response.ok) return response;
  const document = await response.json().catch(() => ({ detail: `The server answered ${response.status}.` }));
  throw new Problem(document);
}

export const get = async (path) => (await request(path)).json();

export const part = encodeURIComponent;

/** A number as a reader wants it: three or four significant figures, no more than it means. */
export function figure(value) {
  if (!Number.isFinite(value)) return "–";
  if (Number.isInteger(value)) return String(value);
  return Math.abs(value) >= 100 ? value.toFixed(1) : value.toPrecision(4).replace(/\.?0+$/, "");
}

const UNITS = { mm2: "mm²", "[hnsf'U]": "HU", 1: "" };
export const unit = (ucum) => UNITS[ucum] ?? ucum;
