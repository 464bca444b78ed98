// Draws a form of a chat, and what was filled in. Called by chat-view.js.
//
// A field says what it wants as `input`. This page sends no files, so it leaves out fields for them; the bot asks for what
// must be there, and again for what does not fit.

import { element } from "./element.js";

/** The most fields, and options of a field, that are drawn. */
const FIELDS_MAX = 50;
/** More options than this open by a press. */
const RADIO_MAX = 5;

let forms = 0;

/**
 * A form that can be filled in.
 *
 * @param {object} data of the `chat.form`
 * @param {(filled: object) => void} fill called with `{form_id, fields}`
 */
export function form(data, fill) {
  const prefix = `form-${(forms += 1)}`;
  const fields = list(data.fields).filter(({ type }) => type !== "header" && type !== "file");
  const made = element("form", "part form");
  if (data.title) made.append(element("p", "form-title", String(data.title)));
  made.append(...fields.map((field, place) => row(field, `${prefix}-${place}`)));
  const send = element("button", "pill", "Send");
  send.type = "submit";
  made.append(send);
  made.dataset.form = String(data.form_id ?? "");
  made.addEventListener("submit", (event) => {
    event.preventDefault();
    const filled = fields.flatMap((field, place) => answered(field, new FormData(made), `${prefix}-${place}`));
    if (filled.length === 0) return;
    close(made);
    fill({ form_id: String(data.form_id ?? ""), fields: filled });
  });
  return made;
}

/** A form that was answered can be read, and no more. */
export function close(made) {
  for (const input of made.elements) input.disabled = true;
}

/** What was filled in, a line for each field. */
export function answers(data) {
  const said = (value) => (value && typeof value === "object" ? (value.label ?? value.id) : value);
  return list(data.fields).map((field) => {
    const all = Array.isArray(field.answers) ? field.answers.map(said) : [said(field.answer)];
    const text = all.filter((each) => each !== null && each !== undefined && each !== "").join(", ");
    return element("p", "", element("b", "", String(field.label ?? "")), ` ${text}`);
  });
}

function row(field, name) {
  const label = field.required ? String(field.label ?? "") : `${field.label ?? ""} (optional)`;
  const options = list(field.options);
  const several = field.type === "checkboxes" || field.type === "checkbox";
  if (options.length > 0 && (several || options.length <= RADIO_MAX)) {
    const choices = options.map((option) => {
      const input = element("input");
      input.type = several ? "checkbox" : "radio";
      input.name = name;
      input.value = String(option.id);
      input.required = !several && field.required === true;
      return element("label", "choice", input, String(option.label));
    });
    return element("fieldset", field.type === "rating" ? "marks" : "", element("legend", "", label), ...choices);
  }
  const input = options.length > 0 ? select(options) : typed(field);
  input.name = name;
  input.id = name;
  input.required = field.required === true;
  const words = element("label", "", label);
  words.htmlFor = name;
  return element("div", "field", words, input);
}

function select(options) {
  const option = (value, text) => {
    const made = element("option", "", text);
    made.value = value;
    return made;
  };
  return element("select", "", option("", "Please choose"), ...options.map((each) => option(String(each.id), String(each.label))));
}

/** An input of the browser's own for the kind of answer that is wanted. */
function typed(field) {
  const wanted = field.input ?? {};
  const kind = wanted.kind ?? field.type;
  if (kind === "textarea") return element("textarea");
  const input = element("input");
  const types = { email: "email", phone: "tel", number: "number", slider: "number", date: "date", calendar: "date" };
  // A stay has two days, and is written.
  input.type = wanted.range ? "text" : (types[kind] ?? "text");
  if (wanted.range) input.placeholder = "2026-11-21 to 2026-11-24";
  const bounds = { min: wanted.min ?? wanted.from, max: wanted.max ?? wanted.until, step: wanted.step };
  for (const [bound, value] of Object.entries(bounds)) if (value !== undefined) input[bound] = value;
  if (input.type === "number" && wanted.step === undefined) input.step = "any";
  return input;
}

/** The field with its answer; none where it was left empty. */
function answered(field, given, name) {
  const chosen = given.getAll(name).map(String).filter((each) => each.trim() !== "");
  if (chosen.length === 0) return [];
  const filled = { id: String(field.id ?? ""), type: String(field.type), label: String(field.label ?? "") };
  const options = list(field.options);
  if (options.length === 0) return [{ ...filled, answer: chosen[0].trim() }];
  const picked = options.filter((option) => chosen.includes(String(option.id)));
  return [{ ...filled, answers: picked.map(({ id, label }) => ({ id: String(id), label: String(label) })) }];
}

function list(value) {
  return Array.isArray(value) ? value.filter((each) => each && typeof each === "object").slice(0, FIELDS_MAX) : [];
}
