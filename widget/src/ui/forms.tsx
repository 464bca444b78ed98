// Forms: before the chat, after it, instead of it, and in the middle of it.

import { useRef, useState } from "preact/hooks";
import { picture, safe } from "../links";
import type { Field, FieldOption, Form } from "../types";
import { FileInput, NativeInput, first } from "./inputs";
import { Icon } from "./parts";
import { useShell } from "./shell";

const EMAIL = /^[^\s@]+@[^\s@]+\.[^\s@]+$/;

/** The kinds of questions for which the browser has an input of its own. */
const NATIVE = ["number", "slider", "phone", "date", "calendar"];

/** The longest answer, in characters. */
const ANSWER_MAX = 4_000;

export type Answer = string | string[] | FieldOption[];

type Answers = Record<string, Answer>;

interface Props {
  form: Form;
  /** What is known of the customer already. */
  known?: { name?: string; email?: string };
  submit: string;
  onSubmit(fields: Field[]): void;
  onSkip?(): void;
}

let forms = 0;

export function FormView({ form, known, submit, onSubmit, onSkip }: Props) {
  const { t } = useShell();
  const [prefix] = useState(() => `f${(forms += 1)}`);
  const [answers, setAnswers] = useState<Answers>(() => {
    const begun: Answers = {};
    for (const field of form.fields) {
      if (field.type === "name" && known?.name) begun[field.id!] = known.name;
      if (field.type === "email" && known?.email) begun[field.id!] = known.email;
      const value = first(field.input);
      if (value) begun[field.id!] = value;
    }
    return begun;
  });
  /** How many files are on their way. */
  const [busy, setBusy] = useState(0);
  const [errors, setErrors] = useState<Record<string, string>>({});
  const box = useRef<HTMLFormElement>(null);

  const change = (field: Field, value: Answer) => {
    setAnswers((before) => ({ ...before, [field.id!]: value }));
    setErrors(({ [field.id!]: _, ...rest }) => rest);
  };

  const send = (event: Event) => {
    event.preventDefault();
    const wrong: Record<string, string> = {};
    for (const [index, field] of form.fields.entries()) {
      const answer = answers[field.id!];
      const empty = answer === undefined || answer.length === 0 || (typeof answer === "string" && !answer.trim());
      if (field.required && empty) wrong[field.id!] = t("required");
      else if (field.type === "email" && !empty && !EMAIL.test(String(answer).trim())) wrong[field.id!] = t("invalidEmail");
      else {
        // What the browser says about a number or a day that does not fit.
        const parts = [...(box.current?.querySelectorAll<HTMLInputElement>(`input[data-field="${index}"]`) ?? [])];
        const misfit = parts.find((input) => !input.checkValidity());
        if (misfit) wrong[field.id!] = misfit.validationMessage;
      }
    }
    setErrors(wrong);
    const faulty = form.fields.findIndex((field) => wrong[field.id!]);
    if (faulty >= 0) {
      box.current?.querySelector<HTMLElement>(`#${prefix}-${faulty} input, #${prefix}-${faulty}`)?.focus();
      return;
    }
    onSubmit(form.fields.flatMap((field) => answered(field, answers)));
  };

  return (
    <form class="form" ref={box} onSubmit={send} noValidate>
      {form.title && <h3>{form.title}</h3>}
      {form.text && <p class="form-text">{form.text}</p>}
      {form.fields.map((field, index) => (
        <FieldView
          key={field.id}
          id={`${prefix}-${index}`}
          index={index}
          field={field}
          value={answers[field.id!]}
          comment={answers[`${field.id}#comment`]}
          error={errors[field.id!]}
          onChange={(value) => change(field, value)}
          onComment={(value) => setAnswers((before) => ({ ...before, [`${field.id}#comment`]: value }))}
          onBusy={(more) => setBusy((before) => before + more)}
        />
      ))}
      <div class="form-end">
        <button type="submit" class="button" disabled={busy > 0}>
          {submit}
        </button>
        {onSkip && (
          <button type="button" class="button quiet" onClick={onSkip}>
            {t("skip")}
          </button>
        )}
      </div>
    </form>
  );
}

/** The fields of a form, each with its answer as the API writes it; what was left out is left out. */
export function answered(field: Field, answers: Answers): Field[] {
  const { type, id, label } = field;
  const answer = answers[id!];
  if (type === "header" || answer === undefined || answer.length === 0) return [];
  if (field.input?.kind === "file") return [{ type: "file", id, label, answers: answer as FieldOption[] }];
  const option = (wanted: string) => field.options?.find((each) => String(each.id) === wanted);
  const plain = ({ id, label }: FieldOption) => ({ id, label });
  if (type === "checkbox") {
    return [{ type, id, label, answers: (answer as string[]).flatMap((each) => option(each) ?? []).map(plain) }];
  }
  if (type === "rating") {
    const comment = String(answers[`${id}#comment`] ?? "").trim();
    return [{ type, id, label, answer: { score: Number(answer), ...(comment ? { comment } : {}) } }];
  }
  const found = option(String(answer));
  if (type === "radio" || type === "select") return found ? [{ type, id, label, answer: plain(found) }] : [];
  if (type === "group_chooser") {
    return found
      ? [{ type, id, label, answer: { id: String(found.id), group_id: found.group_id ?? Number(found.id), label: found.label } }]
      : [];
  }
  return [{ type, id, label, answer: String(answer).trim() }];
}

export interface FieldProps {
  id: string;
  /** The place of the field in the form. */
  index: number;
  field: Field;
  value: Answer | undefined;
  comment: Answer | undefined;
  error: string | undefined;
  onChange(value: Answer): void;
  onComment(value: string): void;
  /** A file more, or less, is on its way. */
  onBusy(more: number): void;
}

function FieldView(props: FieldProps) {
  const { id, field, value, comment, error, onChange, onComment } = props;
  const { client, t } = useShell();
  if (field.type === "header") return <p class="form-text">{field.label}</p>;
  const typed = (event: Event) => onChange((event.target as HTMLInputElement).value);
  const common = {
    id,
    "aria-invalid": error ? true : undefined,
    "aria-describedby": error ? `${id}-error` : undefined,
  };
  const label = (
    <>
      {field.label}
      {!field.required && <span class="optional"> ({t("optional")})</span>}
    </>
  );
  const wrong = error && (
    <p class="error" id={`${id}-error`} role="alert">
      {error}
    </p>
  );
  const group = ["radio", "checkbox", "rating"].includes(field.type);
  if (group) {
    return (
      <fieldset {...common} class={`field ${field.input?.kind === "rating" ? "marks" : ""}`}>
        <legend>{label}</legend>
        {field.type === "rating" ? (
          <Thumbs score={value === undefined ? null : Number(value)} onScore={(score) => onChange(String(score))} />
        ) : (
          field.options?.map((option) => {
            const own = String(option.id);
            const list = Array.isArray(value) ? (value as string[]) : [];
            const image = field.input?.choices?.find((choice) => choice.value === own)?.image;
            const shown = image && picture(safe(image, client.env.base));
            return (
              <label class="choice" key={own}>
                <input
                  type={field.type as "radio"}
                  name={id}
                  checked={field.type === "radio" ? value === own : list.includes(own)}
                  onChange={() =>
                    onChange(
                      field.type === "radio" ? own : list.includes(own) ? list.filter((each) => each !== own) : [...list, own],
                    )
                  }
                />
                {shown && <img src={shown} alt="" loading="lazy" />}
                <span>{option.label}</span>
              </label>
            );
          })
        )}
        {field.type === "rating" && value !== undefined && (
          <textarea
            rows={2}
            maxLength={ANSWER_MAX}
            aria-label={field.comment_label || t("comment")}
            placeholder={field.comment_label || t("comment")}
            value={String(comment ?? "")}
            onInput={(event) => onComment(event.currentTarget.value)}
          />
        )}
        {wrong}
      </fieldset>
    );
  }
  const text = String(value ?? "");
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {field.type === "select" || field.type === "group_chooser" ? (
        <select {...common} value={text} onChange={typed}>
          <option value="">{t("choose")}</option>
          {field.options?.map((option) => (
            <option key={option.id} value={String(option.id)}>
              {option.label}
            </option>
          ))}
        </select>
      ) : field.input?.kind === "file" ? (
        <FileInput {...props} common={common} />
      ) : NATIVE.includes(field.input?.kind ?? "") ? (
        <NativeInput {...props} common={common} />
      ) : field.type === "textarea" ? (
        <textarea {...common} rows={3} maxLength={ANSWER_MAX} value={text} onInput={typed} />
      ) : (
        <input
          {...common}
          type={(field.type === "email" ? "email" : "text") as "text"}
          autocomplete={field.type === "email" ? "email" : field.type === "name" ? "name" : "off"}
          list={undefined}
          dir="auto"
          maxLength={ANSWER_MAX}
          value={text}
          onInput={typed}
        />
      )}
      {wrong}
    </div>
  );
}

export function Thumbs({ score, onScore }: { score: number | null; onScore(score: number): void }) {
  const { t } = useShell();
  const thumb = (value: number) => (
    <button
      type="button"
      class={`thumb ${value === 1 ? "good" : "bad"}`}
      aria-pressed={score === value}
      onClick={() => onScore(value)}
    >
      <Icon name="up" />
      <span>{t(value === 1 ? "good" : "bad")}</span>
    </button>
  );
  return (
    <div class="thumbs">
      {thumb(1)}
      {thumb(0)}
    </div>
  );
}

/** The rating on its own, where the channel has no form after the chat. */
export function Rating({ onDone }: { onDone?: () => void }) {
  const { client, t } = useShell();
  const [score, setScore] = useState<number | null>(null);
  const [comment, setComment] = useState("");
  const [failed, setFailed] = useState(false);
  const send = (event: Event) => {
    event.preventDefault();
    if (score === null) return;
    client.rate(score, comment.trim()).then(onDone, () => setFailed(true));
  };
  return (
    <form class="form" onSubmit={send}>
      <h3>{t("rateAsk")}</h3>
      <Thumbs score={score} onScore={setScore} />
      {score !== null && (
        <>
          <textarea
            rows={2}
            maxLength={ANSWER_MAX}
            aria-label={t("comment")}
            placeholder={t("comment")}
            value={comment}
            onInput={(event) => setComment(event.currentTarget.value)}
          />
          <div class="form-end">
            <button type="submit" class="button">
              {t("submit")}
            </button>
          </div>
        </>
      )}
      {failed && <p class="error">{t("failedAction")}</p>}
    </form>
  );
}

/** Where the transcript should go. */
export function Transcript({ known, onDone }: { known: string; onDone(): void }) {
  const { client, t } = useShell();
  const form: Form = {
    id: "transcript",
    title: t("transcript"),
    text: t("transcriptAsk"),
    fields: [{ type: "email", id: "email", label: t("email"), required: true }],
  };
  const [done, setDone] = useState("");
  if (done) return <p class="form-text">{done}</p>;
  return (
    <FormView
      form={form}
      known={{ email: known }}
      submit={t("submit")}
      onSubmit={([field]) => {
        const email = String(field?.answer ?? "");
        client.transcript(email).then(
          () => {
            setDone(t("transcriptDone", { email }));
            setTimeout(onDone, 2500);
          },
          () => setDone(t("failedAction")),
        );
      }}
    />
  );
}
