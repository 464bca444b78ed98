// Small things that are drawn in many places.

import type { ComponentChildren } from "preact";
import { picture, pieces } from "../links";
import type { User } from "../types";

const PATHS = {
  chat: "M12 3.5c5 0 9 3.3 9 7.6s-4 7.6-9 7.6c-1 0-2-.13-2.9-.38L4.6 20.5l.9-3.7C3.9 15.4 3 13.4 3 11.1c0-4.3 4-7.6 9-7.6Z",
  down: "m6 9.5 6 6 6-6",
  close: "m6 6 12 12M18 6 6 18",
  send: "M4.5 12h9m-9 0L3 4.5 21 12 3 19.5 4.5 12Z",
  attach: "m20 11.5-8.1 8.1a5 5 0 0 1-7-7l8.4-8.5a3.3 3.3 0 0 1 4.7 4.7l-8.4 8.4a1.7 1.7 0 0 1-2.4-2.4l7.7-7.6",
  more: "M12 5.5h.01M12 12h.01M12 18.5h.01",
  file: "M13.5 3H7a2 2 0 0 0-2 2v14a2 2 0 0 0 2 2h10a2 2 0 0 0 2-2V8.5L13.5 3Zm0 0v5.5H19",
  clock: "M12 7v5l3 2M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18Z",
  check: "m5 12.5 4.5 4.5L19 7.5",
  seen: "m2.5 12.5 4.5 4.5L16 7.5m-4 8.5 1 1 8.5-9.5",
  alert: "M12 8v5m0 3.5h.01M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18Z",
  back: "m14.5 6-6 6 6 6",
  forth: "m9.5 6 6 6-6 6",
  up: "M7 11v9H4.5A1.5 1.5 0 0 1 3 18.5v-6A1.5 1.5 0 0 1 4.5 11H7Zm0 0 4-8a2.5 2.5 0 0 1 2.5 2.5V9h5.2a2 2 0 0 1 2 2.3l-1.2 7A2 2 0 0 1 17.5 20H7",
  mail: "M4 5.5h16a1 1 0 0 1 1 1v11a1 1 0 0 1-1 1H4a1 1 0 0 1-1-1v-11a1 1 0 0 1 1-1Zm-.5 1.5 8.5 6 8.5-6",
  bell: "M6 16.5V11a6 6 0 1 1 12 0v5.5l1.5 1.5h-15L6 16.5Zm4 4h4",
  mute: "M6 16.5V11a6 6 0 0 1 9.5-4.9M18 10.5v6l1.5 1.5h-12m2.5 2.5h4M4 4l16 16",
  phone: "M5 4h3.5l1.7 4.3-2.1 1.6a12 12 0 0 0 6 6l1.6-2.1L20 15.5V19a1.5 1.5 0 0 1-1.6 1.5C10.7 20 4 13.3 3.5 5.6A1.5 1.5 0 0 1 5 4Z",
  out: "M14 4.5h5.5V10M19 5l-8.5 8.5M10 5.5H6a1.5 1.5 0 0 0-1.5 1.5v11A1.5 1.5 0 0 0 6 19.5h11a1.5 1.5 0 0 0 1.5-1.5v-4",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name, flip = false }: { name: IconName; flip?: boolean }) {
  return (
    <svg class={flip ? "icon flip" : "icon"} viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}

export function Avatar({ user, src }: { user: User | null; src?: string }) {
  const address = picture(user?.avatar || src);
  const initials = (user?.name ?? "").trim().split(/\s+/).slice(0, 2).map((part) => [...part][0] ?? "").join("");
  return (
    <span class="avatar" aria-hidden="true">
      {address ? (
        <img src={address} alt="" loading="lazy" referrerpolicy="no-referrer" />
      ) : initials ? (
        initials.toUpperCase()
      ) : (
        <Icon name="chat" />
      )}
    </span>
  );
}

/** A text of somebody: its links can be followed, nothing in it is markup. */
export function Text({ text }: { text: string }) {
  return (
    <>
      {pieces(text).map(({ text: part, href }, index) =>
        href === null ? (
          part
        ) : (
          <a key={index} href={href} target="_blank" rel="noopener noreferrer nofollow">
            {part}
          </a>
        ),
      )}
    </>
  );
}

export function IconButton(props: {
  name: IconName;
  label: string;
  flip?: boolean;
  onClick: () => void;
  class?: string;
  expanded?: boolean;
  disabled?: boolean;
}) {
  return (
    <button
      type="button"
      class={`icon-button ${props.class ?? ""}`}
      aria-label={props.label}
      title={props.label}
      aria-expanded={props.expanded}
      disabled={props.disabled}
      onClick={props.onClick}
    >
      <Icon name={props.name} flip={props.flip ?? false} />
    </button>
  );
}

export function Hidden({ children }: { children: ComponentChildren }) {
  return <span class="unseen">{children}</span>;
}

export function Dots() {
  return (
    <span class="dots" aria-hidden="true">
      <i />
      <i />
      <i />
    </span>
  );
}

export function bytes(size: number, locale: string): string {
  const [unit, value] = size >= 1_000_000 ? ["megabyte", size / 1_000_000] : ["kilobyte", Math.max(1, Math.round(size / 1000))];
  return new Intl.NumberFormat(locale, { style: "unit", unit: unit as string, maximumFractionDigits: 1 }).format(value as number);
}
