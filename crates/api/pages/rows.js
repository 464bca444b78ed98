// What rows of our pages are made of: icons, facts, times, and JSON in colour.

import { element } from "./element.js";

export const TICK = "M3.5 8.5 6.5 11.5 12.5 4.8";
export const CROSS = "M4.5 4.5l7 7m0-7l-7 7";

export function icon(path, className = "") {
  const space = "http://www.w3.org/2000/svg";
  const made = document.createElementNS(space, "svg");
  made.setAttribute("viewBox", "0 0 16 16");
  if (className) made.setAttribute("class", className);
  else made.setAttribute("aria-hidden", "true");
  const line = document.createElementNS(space, "path");
  const attributes = { d: path, fill: "none", stroke: "currentColor", "stroke-width": "2", "stroke-linecap": "round", "stroke-linejoin": "round" };
  for (const [name, value] of Object.entries(attributes)) line.setAttribute(name, value);
  made.append(line);
  return made;
}

export function clock(time) {
  const at = new Date(time);
  if (Number.isNaN(at.getTime())) return "";
  return at.toLocaleTimeString([], { hour: "numeric", minute: "2-digit", second: "2-digit" });
}

export function facts(values) {
  const made = element("dl", "facts");
  for (const [name, value] of Object.entries(values)) {
    if (value === undefined || value === null) continue;
    made.append(element("dt", "", name), element("dd", "", String(value)));
  }
  return made;
}

// JSON, pretty and in colour; made of text nodes, so nothing in it is ever markup.

export function json(value) {
  const made = element("pre", "json");
  write(made, value, "");
  return made;
}

function write(into, value, indent) {
  const deeper = `${indent}  `;
  if (Array.isArray(value)) {
    if (value.length === 0) return into.append("[]");
    into.append("[\n");
    value.forEach((each, index) => {
      into.append(deeper);
      write(into, each, deeper);
      into.append(index < value.length - 1 ? ",\n" : "\n");
    });
    return into.append(`${indent}]`);
  }
  if (value !== null && typeof value === "object") {
    const fields = Object.entries(value);
    if (fields.length === 0) return into.append("{}");
    into.append("{\n");
    fields.forEach(([name, each], index) => {
      into.append(deeper, element("span", "key", JSON.stringify(name)), ": ");
      write(into, each, deeper);
      into.append(index < fields.length - 1 ? ",\n" : "\n");
    });
    return into.append(`${indent}}`);
  }
  const kind = typeof value === "string" ? "string" : "other";
  return into.append(element("span", kind, JSON.stringify(value) ?? "null"));
}
