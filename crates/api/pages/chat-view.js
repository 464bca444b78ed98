// Draws one event of a chat. Called by chat.js, which knows where it goes and when.
//
// Everything that came from somebody is put in as text (`textContent`) or as a checked address, never as markup.

import { answers, form } from "./chat-form.js";
import { element } from "./element.js";

/** More cards, buttons or files than this are not drawn: no channel of ours sends as many. */
const PARTS_MAX = 30;
/** What in a text is an address; what follows it as punctuation is not. */
const ADDRESS = /\bhttps?:\/\/[^\s<>"']+[^\s<>"'.,;:!?)\]}]/g;

/**
 * The content of an event, as elements; an empty list for an event that a customer need not see.
 *
 * @param {object} event the envelope
 * @param {(button: object) => void} press called when a button that answers is pressed
 * @param {(filled: object) => void} fill called when a form is filled in
 */
export function contentOf(event, press, fill) {
  const data = event.data ?? {};
  switch (event.type) {
    case "chat.message":
    case "chat.command":
      return [bubble(plain(data.text, data.format))];
    case "chat.postback":
      return [bubble(data.text ?? data.value)];
    case "chat.rich_message":
      return richMessage(data, press);
    case "chat.file":
      return [...list(data.files).map(file), data.caption ? bubble(data.caption) : null].filter(Boolean);
    case "chat.file_too_big":
      return list(data.files).map((each) => fileLink(each, "Too large to show"));
    case "chat.sticker":
      return [picture(data.url, data.emoji ?? "Sticker") ?? element("span", "emoji", data.emoji ?? "⬚")];
    case "chat.form":
      return [form(data, fill)];
    case "chat.form_filled":
      return [element("div", "part bubble answers", ...answers(data))];
    case "chat.location":
      return [place(data)];
    case "chat.contact":
      return [contact(data)];
    default:
      return [];
  }
}

/** The quiet line that an event of the chat itself makes, or null. */
export function lineOf(event) {
  const data = event.data ?? {};
  switch (event.type) {
    case "chat.closed":
      return "This chat was closed. Write to open it again.";
    case "chat.reopened":
      return "This chat is open again.";
    case "control.changed":
      if (data.to?.kind === "queue") return "You are in line for a person. Someone will be with you.";
      if (data.to?.kind === "agent") return `${nameOf({ kind: "agent", id: data.to.id })} joined the chat.`;
      return null;
    default:
      return null;
  }
}

/** The name of an author, for people. The ids of agents and programs are opaque here. */
export function nameOf(author) {
  if (author?.name) return author.name;
  if (author?.kind === "agent") return "Someone";
  const id = author?.kind === "bot" ? String(author.id ?? "") : "";
  if (id === "") return "";
  return id.charAt(0).toUpperCase() + id.slice(1);
}

/** What takes the place of a deleted message. */
export function deleted() {
  return element("div", "part bubble gone", "This message was deleted.");
}

function bubble(text) {
  const made = element("div", "part bubble");
  made.append(...withLinks(String(text ?? "")));
  return made;
}

function withLinks(text) {
  const pieces = [];
  let end = 0;
  for (const match of text.matchAll(ADDRESS)) {
    pieces.push(text.slice(end, match.index), link(match[0], "", match[0]) ?? match[0]);
    end = match.index + match[0].length;
  }
  pieces.push(text.slice(end));
  return pieces;
}

/** HTML is read by the browser's own parser in a document that runs nothing, and only its text is kept. */
function plain(text, format) {
  if (format !== "html") return text;
  return new DOMParser().parseFromString(String(text ?? ""), "text/html").body.textContent;
}

function richMessage(data, press) {
  const elements = list(data.elements);
  const parts = data.text ? [bubble(data.text)] : [];
  if (data.template === "sticker") {
    return [...parts, ...elements.map((each) => picture(each.image?.url, each.title ?? "Sticker"))].filter(Boolean);
  }
  if (data.template === "cards") {
    const cards = element("div", "cards", ...elements.map((each) => card(each, press)));
    return elements.length > 0 ? [...parts, cards] : parts;
  }
  for (const each of elements) {
    if (each.title && each.title !== data.text) parts.push(bubble(each.title));
  }
  const pills = elements.flatMap((each) => list(each.buttons)).map((each) => button(each, "pill", press));
  const replies = element("div", "replies", ...pills);
  replies.setAttribute("role", "group");
  replies.setAttribute("aria-label", "Suggested answers");
  return pills.length > 0 ? [...parts, replies] : parts;
}

function card(data, press) {
  const made = element("div", "card");
  const url = webAddress(data.image?.url);
  if (url) made.append(image(url, data.image?.name ?? data.title ?? ""));
  if (data.title || data.subtitle) {
    const words = element("div", "card-words");
    if (data.title) words.append(element("p", "card-title", data.title));
    if (data.subtitle) words.append(element("p", "card-subtitle", data.subtitle));
    made.append(words);
  }
  made.append(...list(data.buttons).map((each) => button(each, "card-button", press)));
  return made;
}

function button(data, className, press) {
  const text = String(data.text ?? data.value ?? "");
  switch (data.type) {
    case "url":
    case "webview": {
      const made = link(data.value, className, text);
      if (made) return made;
      break;
    }
    case "phone": {
      const made = element("a", className, text);
      made.href = `tel:${String(data.value ?? "").replace(/[^+\d*#]/g, "")}`;
      return made;
    }
    default: {
      const made = element("button", className, text);
      made.type = "button";
      made.addEventListener("click", () => {
        made.classList.add("chosen");
        press(data);
      });
      return made;
    }
  }
  const off = element("button", className, text);
  off.type = "button";
  off.disabled = true;
  return off;
}

function file(data) {
  const url = webAddress(data.url);
  if (!url) return fileLink(data, "Not available");
  switch (data.media) {
    case "image":
      return picture(url, data.name ?? "Picture", data);
    case "animation":
    case "video":
    case "video_note": {
      if (data.content_type?.startsWith("image/")) return picture(url, data.name ?? "Animation", data);
      return player("video", url, data);
    }
    case "audio":
    case "voice":
      return player("audio", url, data);
    default:
      return fileLink(data, null);
  }
}

function picture(address, words, size = {}) {
  const url = webAddress(address);
  if (!url) return null;
  const shown = image(url, words);
  if (size.width > 0 && size.height > 0) {
    shown.width = size.width;
    shown.height = size.height;
  }
  const made = link(url, "part picture", "");
  made.append(shown);
  return made;
}

function image(url, words) {
  const made = element("img");
  made.src = url;
  made.alt = words;
  made.loading = "lazy";
  made.decoding = "async";
  made.referrerPolicy = "no-referrer";
  return made;
}

function player(name, url, data) {
  const made = element(name, "part");
  made.src = url;
  made.controls = true;
  made.preload = "metadata";
  made.setAttribute("aria-label", data.name ?? (name === "video" ? "Video" : "Recording"));
  return made;
}

function fileLink(data, state) {
  const more = [state, sizeOf(data.size)].filter(Boolean).join(" · ");
  const words = element("span", "", element("span", "file-name", data.name ?? "File"));
  if (more) words.append(element("span", "file-more", more));
  const url = state ? null : webAddress(data.url);
  const made = url ? link(url, "part file", "") : element("div", "part file");
  made.append(icon("M11.5 2.5H6A1.5 1.5 0 0 0 4.5 4v12A1.5 1.5 0 0 0 6 17.5h8a1.5 1.5 0 0 0 1.5-1.5V6.5zm0 0v4h4"), words);
  return made;
}

function place(data) {
  const [latitude, longitude] = [Number(data.latitude), Number(data.longitude)];
  if (!Number.isFinite(latitude) || !Number.isFinite(longitude)) return bubble("A place");
  const at = `${latitude.toFixed(5)}, ${longitude.toFixed(5)}`;
  const map = `https://www.openstreetmap.org/?mlat=${latitude}&mlon=${longitude}#map=16/${latitude}/${longitude}`;
  const made = link(map, "part file", "");
  const words = element("span", "", element("span", "file-name", data.title ?? (data.live ? "Live location" : "Location")));
  words.append(element("span", "file-more", data.address ?? at));
  made.append(icon("M10 17.5s5.5-4.6 5.5-9A5.5 5.5 0 0 0 4.5 8.5c0 4.4 5.5 9 5.5 9M10 6.5a2 2 0 1 1 0 4 2 2 0 0 1 0-4"), words);
  return made;
}

function contact(data) {
  const name = [data.first_name, data.last_name].filter(Boolean).join(" ");
  const words = element("span", "", element("span", "file-name", name || "Contact"));
  if (data.phone_number) words.append(element("span", "file-more", data.phone_number));
  return element(
    "div",
    "part file",
    icon("M10 3a3.25 3.25 0 1 1 0 6.5A3.25 3.25 0 0 1 10 3M3.75 17c.4-3.2 2.9-5 6.25-5s5.85 1.8 6.25 5"),
    words,
  );
}

function icon(path) {
  const space = "http://www.w3.org/2000/svg";
  const made = document.createElementNS(space, "svg");
  made.setAttribute("viewBox", "0 0 20 20");
  made.setAttribute("aria-hidden", "true");
  const line = document.createElementNS(space, "path");
  for (const [name, value] of Object.entries({
    d: path,
    fill: "none",
    stroke: "currentColor",
    "stroke-width": "1.6",
    "stroke-linejoin": "round",
    "stroke-linecap": "round",
  })) {
    line.setAttribute(name, value);
  }
  made.append(line);
  return made;
}

/** A link to elsewhere, or null where the address is not one of the web. */
function link(address, className, text) {
  const url = webAddress(address);
  if (!url) return null;
  const made = element("a", className, text);
  made.href = url;
  made.target = "_blank";
  made.rel = "noopener noreferrer";
  return made;
}

/** The address if it is one of the web, absolute or on this server; else null: no `javascript:`, no `data:`. */
function webAddress(address) {
  if (typeof address !== "string" || address === "") return null;
  if (!URL.canParse(address, location.href)) return null;
  const url = new URL(address, location.href);
  return url.protocol === "https:" || url.protocol === "http:" ? url.href : null;
}

function list(value) {
  return Array.isArray(value) ? value.filter((each) => each && typeof each === "object").slice(0, PARTS_MAX) : [];
}

function sizeOf(bytes) {
  if (!(bytes > 0)) return null;
  const [size, unit] = bytes < 1_000_000 ? [bytes / 1_000, "kB"] : [bytes / 1_000_000, "MB"];
  return `${size < 10 ? size.toFixed(1) : Math.round(size)} ${unit}`;
}
