// Where the visitor writes, and from where files come.

import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { FILE_BYTES_MAX, TEXT_BYTES_MAX } from "../client";
import { IconButton } from "./parts";
import { useShell } from "./shell";

/** The writing grows up to this height. */
const HEIGHT_MAX_PX = 132;

/** As many files may be sent at once. */
const FILES_MAX = 10;

/** Takes files in, and says which are too large. */
export function useFiles(): { take(files: Iterable<File>): void; problem: string } {
  const { client, view, t } = useShell();
  const [problem, setProblem] = useState("");
  useEffect(() => {
    if (!problem) return;
    const timer = setTimeout(() => setProblem(""), 6_000);
    return () => clearTimeout(timer);
  }, [problem]);
  const take = (files: Iterable<File>) => {
    if (!view.settings.files) return;
    for (const file of [...files].slice(0, FILES_MAX)) {
      if (file.size > FILE_BYTES_MAX) {
        setProblem(t("tooLarge", { name: file.name, size: Math.floor(FILE_BYTES_MAX / 1_048_576) }));
      } else {
        void client.attach(file);
      }
    }
  };
  return { take, problem };
}

export function Composer({ files, focus }: { files: ReturnType<typeof useFiles>; focus: boolean }) {
  const { shell, client, view, look, t } = useShell();
  const [text, setText] = useState(() => shell.kept.get("draft") ?? "");
  const field = useRef<HTMLTextAreaElement>(null);
  const chooser = useRef<HTMLInputElement>(null);
  const tooLong = new TextEncoder().encode(text).length > TEXT_BYTES_MAX;
  const ready = text.trim() !== "" && !tooLong;

  useLayoutEffect(() => {
    const { current } = field;
    if (!current) return;
    current.style.height = "auto";
    current.style.height = `${Math.min(HEIGHT_MAX_PX, current.scrollHeight)}px`;
  }, [text, look.open]);

  useLayoutEffect(() => {
    if (focus && look.open) field.current?.focus({ preventScroll: true });
  }, [focus, look.open]);

  const write = (value: string) => {
    setText(value);
    shell.kept.set("draft", value || null);
    client.typing(value);
  };
  const send = () => {
    if (!ready) return;
    client.say(text.trim());
    setText("");
    shell.kept.set("draft", null);
    shell.set({ fresh: false });
    field.current?.focus();
  };
  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      {(files.problem || tooLong) && (
        <p class="error" role="alert">
          {files.problem || t("tooLong")}
        </p>
      )}
      <div class="composer-row">
        {view.settings.files && (
          <>
            <IconButton name="attach" label={t("attach")} onClick={() => chooser.current?.click()} />
            <input
              ref={chooser}
              type="file"
              multiple
              hidden
              aria-label={t("attach")}
              onChange={(event) => {
                files.take(event.currentTarget.files ?? []);
                event.currentTarget.value = "";
              }}
            />
          </>
        )}
        <textarea
          ref={field}
          rows={1}
          dir={text ? "auto" : undefined}
          value={text}
          placeholder={t("write")}
          aria-label={t("write")}
          enterkeyhint="send"
          onInput={(event) => write(event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
            event.preventDefault();
            send();
          }}
          onPaste={(event) => {
            const pasted = [...(event.clipboardData?.files ?? [])];
            if (pasted.length === 0 || !view.settings.files) return;
            event.preventDefault();
            files.take(pasted);
          }}
        />
        <button type="submit" class="icon-button send" aria-label={t("send")} title={t("send")} disabled={!ready}>
          <svg class="icon flip" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
            <path d="M4.5 12 3.5 4.9a.7.7 0 0 1 1-.7L20.2 11.4a.7.7 0 0 1 0 1.2L4.5 19.8a.7.7 0 0 1-1-.7L4.5 12Zm0 0H12" />
          </svg>
        </button>
      </div>
    </form>
  );
}
