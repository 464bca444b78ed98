// Inputs for what bots ask: numbers, days, sliders, files. What an answer must be is checked by the browser, which says it in
// its own language, and again by the server.

import { useState } from "preact/hooks";
import { FILE_BYTES_MAX } from "../client";
import type { FieldOption, Input } from "../types";
import type { FieldProps } from "./forms";
import { useShell } from "./shell";

/** What lies between the two days of a stay; the server reads it as people write it. */
const TO = " to ";

/** With what a slider begins: the middle, on a step. */
export function first(input: Input | undefined): string {
  if (input?.kind !== "slider") return "";
  const { min = 0, max = 100, step = 1 } = input;
  return String(min + Math.floor((max - min) / 2 / step) * step);
}

type Props = FieldProps & { common: Record<string, unknown> };

export function NativeInput({ index, field, value, common, onChange }: Props) {
  const input = field.input!;
  const { min, max, from, until } = input;
  const text = typeof value === "string" ? value : "";
  const typed = (event: Event) => onChange((event.target as HTMLInputElement).value);
  const parts = { ...common, "data-field": index };
  switch (input.kind) {
    case "phone":
      return <input {...parts} type="tel" autocomplete="tel" dir="ltr" maxLength={40} value={text} onInput={typed} />;
    case "slider":
      return (
        <span class="slider">
          <input {...parts} type="range" min={min} max={max} step={input.step ?? "any"} value={text} onInput={typed} />
          <output>{text}</output>
        </span>
      );
    case "number":
      return (
        <input {...parts} type="number" inputMode="decimal" min={min} max={max} step={input.step ?? "any"} value={text} onInput={typed} />
      );
    default:
      if (!input.range) return <input {...parts} type="date" min={from} max={until} value={text} onInput={typed} />;
      return <Stay {...{ parts, from, until, text, onChange }} />;
  }
}

interface StayProps {
  parts: Record<string, unknown>;
  from: string | undefined;
  until: string | undefined;
  text: string;
  onChange(value: string): void;
}

/** The first and the last day of a stay. */
function Stay({ parts, from, until, text, onChange }: StayProps) {
  const [known = "", last = ""] = text.split(TO);
  const [days, setDays] = useState([known, last]);
  const set = (place: number, day: string) => {
    const next = days.map((before, at) => (at === place ? day : before));
    setDays(next);
    onChange(next.every(Boolean) ? next.join(TO) : "");
  };
  return (
    <span class="stay">
      {days.map((day, place) => (
        <input
          {...parts}
          id={place === 0 ? String(parts["id"]) : undefined}
          key={place}
          type="date"
          aria-label={place === 0 ? undefined : "–"}
          min={place === 1 && days[0] ? days[0] : from}
          max={until}
          value={day}
          onInput={(event) => set(place, event.currentTarget.value)}
        />
      ))}
    </span>
  );
}

export function FileInput({ field, value, common, onChange, onBusy }: Props) {
  const { client, t } = useShell();
  const [problem, setProblem] = useState("");
  const { accept = [], count_max: most = 1 } = field.input!;
  const files = Array.isArray(value) ? (value as FieldOption[]) : [];
  const take = async (chosen: File[]) => {
    setProblem("");
    const large = chosen.find((file) => file.size > FILE_BYTES_MAX);
    if (large) {
      setProblem(t("tooLarge", { name: large.name, size: Math.floor(FILE_BYTES_MAX / 1_048_576) }));
      return;
    }
    onBusy(1);
    try {
      const taken: FieldOption[] = [];
      for (const file of chosen.slice(0, most)) taken.push({ id: await client.upload(file), label: file.name });
      onChange(taken);
    } catch {
      setProblem(t("failedAction"));
    } finally {
      onBusy(-1);
    }
  };
  return (
    <>
      <input
        {...common}
        type="file"
        multiple={most > 1}
        accept={accept.map(accepted).join(",") || undefined}
        onChange={(event) => void take([...(event.currentTarget.files ?? [])])}
      />
      {files.length > 0 && <small dir="auto">{files.map(({ label }) => label).join(", ")} ✓</small>}
      {problem && (
        <p class="error" role="alert">
          {problem}
        </p>
      )}
    </>
  );
}

/** `image` is a kind of files, `image/png` a type, `pdf` an ending. */
function accepted(kind: string): string {
  if (["image", "audio", "video"].includes(kind)) return `${kind}/*`;
  return kind.includes("/") ? kind : `.${kind}`;
}
