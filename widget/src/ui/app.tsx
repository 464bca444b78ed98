// The launcher, what peeks out beside it, and the window.

import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { isActive, lastThread, unread } from "../state";
import type { ChatEvent } from "../types";
import { Composer, useFiles } from "./composer";
import { Conversation } from "./conversation";
import { FormView, Rating, Transcript } from "./forms";
import { Avatar, Icon, IconButton } from "./parts";
import { useShell } from "./shell";

/** Screens narrower or lower than this show the window over everything. */
const SMALL = "(max-width: 480px), (max-height: 480px)";

/** More than this is written as such. */
const BADGE_MAX = 9;

export function App({ dark }: { dark: MediaQueryList }) {
  const { shell, look, view, words } = useShell();
  const [, redraw] = useState(0);
  const small = useMedia(SMALL);
  useEffect(() => {
    const changed = () => redraw((count) => count + 1);
    dark.addEventListener("change", changed);
    return () => dark.removeEventListener("change", changed);
  }, [dark]);
  const { theme, position } = view.settings;
  const isDark = theme === "dark" || (theme === "auto" && dark.matches);
  const full = look.page || small;
  const launcher = useRef<HTMLButtonElement>(null);
  const wasOpen = useRef(look.open);
  useLayoutEffect(() => {
    if (wasOpen.current && !look.open) launcher.current?.focus({ preventScroll: true });
    wasOpen.current = look.open;
  }, [look.open]);
  if (look.hidden) return null;
  return (
    <div
      class={`root ${isDark ? "dark" : "light"} ${position} ${look.page ? "page" : ""} ${full ? "full" : ""}`}
      dir={words.direction}
      lang={words.language}
    >
      {look.open && <Window full={full} />}
      {!look.page && !(look.open && small) && (
        <>
          {!look.open && <Teaser />}
          {!view.settings.launcher.hidden && <Launcher button={launcher} onPress={() => (look.open ? shell.close() : shell.open())} />}
        </>
      )}
    </div>
  );
}

function useMedia(query: string): boolean {
  const [media] = useState(() => matchMedia(query));
  const [matches, set] = useState(media.matches);
  useEffect(() => {
    const changed = () => set(media.matches);
    media.addEventListener("change", changed);
    return () => media.removeEventListener("change", changed);
  }, [media]);
  return matches;
}

function Launcher({ button, onPress }: { button: preact.RefObject<HTMLButtonElement | null>; onPress(): void }) {
  const { look, view, t } = useShell();
  const count = look.open ? 0 : unread(view.state).length;
  const { text } = view.settings.launcher;
  const label = look.open ? t("close") : count > 0 ? t("openUnread", { count }) : t("open");
  return (
    <button
      type="button"
      ref={button}
      class={`launcher ${text && !look.open ? "wide" : ""} ${look.open ? "is-open" : ""}`}
      aria-label={text && !look.open ? `${text}: ${label}` : label}
      aria-expanded={look.open}
      aria-haspopup="dialog"
      onClick={onPress}
    >
      <Icon name={look.open ? "down" : "chat"} />
      {text && !look.open && <span>{text}</span>}
      {count > 0 && (
        <span class="badge" aria-hidden="true">
          {count > BADGE_MAX ? `${BADGE_MAX}+` : count}
        </span>
      )}
    </button>
  );
}

/** The newest message, or a greeting, beside the launcher. */
function Teaser() {
  const { shell, client, look, view, t } = useShell();
  const event: ChatEvent | null = look.teaser ?? look.greeting?.event ?? null;
  if (!event) return null;
  const user = view.state.chat?.users.find((each) => each.id === event.author_id) ?? null;
  const text = event.text || event.elements?.map((element) => element.title).find(Boolean) || event.name || t("newMessages");
  const dismiss = () => {
    if (!look.teaser && look.greeting?.sent) client.cancelGreeting(look.greeting.unique_id);
    shell.set({ teaser: null, greeting: look.teaser ? look.greeting : null });
  };
  return (
    <div class="teaser" role="status">
      <button type="button" class="teaser-text" onClick={() => shell.open()}>
        <Avatar user={user} src={view.settings.avatar} />
        <span>
          {user?.name && <b>{user.name}</b>}
          <span dir="auto">{text}</span>
        </span>
      </button>
      <IconButton name="close" label={t("dismiss")} onClick={dismiss} />
    </div>
  );
}

type Sheet = null | "menu" | "end" | "rate" | "transcript" | { address: string; title: string; height: string };

function Window({ full }: { full: boolean }) {
  const { shell, client, look, view, t } = useShell();
  const { state, settings, status, reason } = view;
  const [sheet, setSheet] = useState<Sheet>(null);
  const [dropping, setDropping] = useState(false);
  const [left, setLeft] = useState(false);
  const files = useFiles();
  const frame = useRef<HTMLDivElement>(null);

  useViewport(frame, full && !look.page);
  useLayoutEffect(() => {
    if (!frame.current?.matches(":focus-within")) frame.current?.focus({ preventScroll: true });
  }, []);

  const lay = useRef(false);
  useLayoutEffect(() => {
    // What lay over the window took the focus with it.
    if (lay.current && !sheet) frame.current?.querySelector<HTMLElement>(".menu-box button")?.focus();
    lay.current = sheet !== null;
  }, [sheet]);

  const active = isActive(state);
  useEffect(() => {
    if (active) shell.set({ fresh: false });
  }, [active]);
  const thread = lastThread(state);
  const begun = active || view.outgoing.some((item) => !item.silent && item.status !== "sent" && !item.late);
  const isNew = !begun && (thread === null || look.fresh);
  const stopped = status === "stopped";
  const unknown = !state.synced && client.returning() && !begun;
  const { prechat, postchat, offline } = settings.forms;
  const closed = !view.online && offline !== null;
  const screen = stopped
    ? "stopped"
    : unknown || begun
      ? "chat"
      : isNew && closed
        ? "offline"
        : isNew && prechat
          ? "prechat"
          : isNew
            ? "chat"
            : "ended";
  const customer = { name: state.customer?.name ?? "", email: state.customer?.email ?? "" };
  const rated = thread?.properties["rating"]?.["score"] !== undefined;
  const postchatDone =
    (rated && postchat?.fields.some((field) => field.type === "rating")) ||
    thread?.events.some(
      (event) => event.type === "filled_form" && (event.form_id === postchat?.id || event.form_type === "postchat"),
    );
  const [skipped, setSkipped] = useState("");

  const keys = (event: KeyboardEvent) => {
    if (event.key === "Escape") {
      event.stopPropagation();
      if (sheet) setSheet(null);
      else shell.close();
    } else if (event.key === "Tab") {
      keepInside(event, frame.current);
    }
  };
  const onWebview = (address: string, title: string, height: string) => {
    // A page of the same origin could reach out of the frame.
    if (new URL(address).origin === location.origin) window.open(address, "_blank", "noopener");
    else setSheet({ address, title, height });
  };

  return (
    <div
      class="window"
      ref={frame}
      role="dialog"
      aria-modal={full && !look.page ? true : undefined}
      aria-label={settings.title || t("title")}
      tabIndex={-1}
      onKeyDown={keys}
      onDragOver={(event) => {
        if (screen !== "chat" || !settings.files || !event.dataTransfer?.types.includes("Files")) return;
        event.preventDefault();
        setDropping(true);
      }}
      onDragLeave={(event) => {
        if (!frame.current?.contains(event.relatedTarget as Node | null)) setDropping(false);
      }}
      onDrop={(event) => {
        setDropping(false);
        if (screen !== "chat" || !settings.files) return;
        event.preventDefault();
        files.take(event.dataTransfer?.files ?? []);
      }}
    >
      <Header sheet={sheet} setSheet={setSheet} canEnd={active && status === "online"} />
      <Banner />
      <div class="body">
        {screen === "chat" || screen === "ended" ? (
          <>
            <Conversation onWebview={onWebview}>
              {screen === "ended" && !look.fresh && thread && skipped !== thread.id && (
                <div class="after">
                  {postchat && !postchatDone ? (
                    <div class="card">
                      <FormView
                        key={thread.id}
                        form={postchat}
                        known={customer}
                        submit={t("submit")}
                        onSkip={() => setSkipped(thread.id)}
                        onSubmit={(fields) => {
                          client.fill(postchat, "postchat", fields);
                          setSkipped(thread.id);
                        }}
                      />
                    </div>
                  ) : (
                    settings.rating &&
                    !postchat &&
                    !rated && (
                      <div class="card">
                        <Rating />
                      </div>
                    )
                  )}
                </div>
              )}
            </Conversation>
            {screen === "chat" ? (
              <Composer files={files} focus={!full || look.page} />
            ) : (
              <div class="ended">
                <p>{t("conversationEnded")}</p>
                <button type="button" class="button" onClick={() => shell.set({ fresh: true })}>
                  {t("newConversation")}
                </button>
              </div>
            )}
          </>
        ) : screen === "stopped" ? (
          <p class="notice">{t(reason === "customer_banned" ? "banned" : "stopped")}</p>
        ) : screen === "prechat" ? (
          <div class="screen">
            {look.greeting && <p class="welcome">{look.greeting.event.text}</p>}
            <FormView
              form={prechat!}
              known={customer}
              submit={t("start")}
              onSubmit={(fields) => {
                client.fill(prechat!, "prechat", fields);
                shell.set({ fresh: false });
              }}
            />
          </div>
        ) : (
          <div class="screen">
            {left ? (
              <p class="notice">
                <Icon name="check" />
                {t("offlineDone")}
              </p>
            ) : (
              <FormView
                form={{ ...offline!, title: offline!.title || t("offlineTitle"), text: offline!.text || t("offlineText") }}
                known={customer}
                submit={t("submit")}
                onSubmit={(fields) => {
                  client.fill(offline!, "offline", fields);
                  setLeft(true);
                }}
              />
            )}
          </div>
        )}
      </div>
      {dropping && <div class="drop">{t("drop")}</div>}
      <SheetView sheet={sheet} close={() => setSheet(null)} email={customer.email} />
    </div>
  );
}

function Header({ sheet, setSheet, canEnd }: { sheet: Sheet; setSheet(sheet: Sheet): void; canEnd: boolean }) {
  const { shell, look, view, t } = useShell();
  const { state, settings } = view;
  const agents = (state.chat?.users ?? []).filter((user) => user.type === "agent" && user.present !== false);
  const agent = isActive(state) ? (agents[agents.length - 1] ?? null) : null;
  const thread = lastThread(state);
  const menu = sheet === "menu";
  const entries: { icon: "up" | "mail" | "bell" | "mute" | "close"; text: string; press(): void }[] = [];
  if (thread && settings.rating) entries.push({ icon: "up", text: t("rate"), press: () => setSheet("rate") });
  if (thread && settings.transcript) entries.push({ icon: "mail", text: t("transcript"), press: () => setSheet("transcript") });
  if (settings.sound) {
    entries.push({
      icon: look.muted ? "bell" : "mute",
      text: t(look.muted ? "soundOn" : "soundOff"),
      press: () => {
        shell.mute(!look.muted);
        setSheet(null);
      },
    });
  }
  if (canEnd) entries.push({ icon: "close", text: t("endChat"), press: () => setSheet("end") });
  return (
    <header class="head">
      <Avatar user={agent} src={settings.avatar} />
      <div class="head-text">
        <h2>
          <bdi>{agent?.name || settings.title || t("title")}</bdi>
        </h2>
        <p>{agent ? agent.job_title || settings.title || t("title") : settings.subtitle || (view.online ? t("subtitle") : "")}</p>
      </div>
      {entries.length > 0 && (
        <div class="menu-box">
          <IconButton name="more" label={t("menu")} expanded={menu} onClick={() => setSheet(menu ? null : "menu")} />
          {menu && (
            <ul class="menu">
              {entries.map(({ icon, text, press }) => (
                <li key={icon}>
                  <button type="button" onClick={press}>
                    <Icon name={icon} />
                    {text}
                  </button>
                </li>
              ))}
            </ul>
          )}
        </div>
      )}
      {!look.page && <IconButton name="close" label={t("minimize")} onClick={() => shell.close()} />}
    </header>
  );
}

/** How the line is, and how long the queue. */
function Banner() {
  const { client, view, t } = useShell();
  const { status, state } = view;
  const [late, setLate] = useState(false);
  const away = (status === "offline" || status === "connecting") && (client.returning() || state.synced);
  useEffect(() => {
    setLate(false);
    if (!away) return;
    // A line that is back at once is not worth a word.
    const timer = setTimeout(() => setLate(true), 1_500);
    return () => clearTimeout(timer);
  }, [away]);
  const queue = lastThread(state)?.queue ?? null;
  if (away && late) {
    return (
      <p class="banner warn" role="status">
        <Icon name="alert" />
        {t("offline")}
      </p>
    );
  }
  if (!queue || !isActive(state)) return null;
  const minutes = Math.round((queue.wait_time ?? 0) / 60);
  const wait = queue.wait_time === undefined ? "" : minutes < 1 ? t("queueSoon") : t("queueWait", { minutes });
  return (
    <p class="banner" role="status">
      <Icon name="clock" />
      <span>
        <b>{queue.position <= 1 ? t("queueNext") : t("queue", { position: queue.position })}</b>
        {wait && ` · ${wait}`}
      </span>
    </p>
  );
}

function SheetView({ sheet, close, email }: { sheet: Sheet; close(): void; email: string }) {
  const { client, t } = useShell();
  const box = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    if (sheet && sheet !== "menu") box.current?.focus({ preventScroll: true });
  }, [sheet]);
  if (!sheet) return null;
  if (sheet === "menu") return <div class="veil clear" onClick={close} />;
  const web = typeof sheet === "object" ? sheet : null;
  return (
    <div class="veil" onClick={(event) => event.target === event.currentTarget && close()}>
      <div
        class={`sheet ${web ? `web ${web.height}` : ""}`}
        ref={box}
        tabIndex={-1}
        role="dialog"
        aria-modal="true"
        aria-label={web ? web.title || t("webview") : t(sheet === "end" ? "endChat" : sheet === "rate" ? "rate" : "transcript")}
      >
        <IconButton class="sheet-close" name="close" label={t("cancel")} onClick={close} />
        {web && (
          <>
            <h3 class="web-title">{web.title || t("webview")}</h3>
            <iframe
              src={web.address}
              title={web.title || t("webview")}
              sandbox="allow-scripts allow-same-origin allow-forms allow-popups"
              referrerpolicy="no-referrer"
            />
          </>
        )}
        {sheet === "end" && (
          <div class="form">
            <h3>{t("endAsk")}</h3>
            <div class="form-end">
              <button
                type="button"
                class="button"
                onClick={() => {
                  client.end().catch(() => {});
                  close();
                }}
              >
                {t("end")}
              </button>
              <button type="button" class="button quiet" onClick={close}>
                {t("stay")}
              </button>
            </div>
          </div>
        )}
        {sheet === "rate" && <RateSheet close={close} />}
        {sheet === "transcript" && <Transcript known={email} onDone={close} />}
      </div>
    </div>
  );
}

function RateSheet({ close }: { close(): void }) {
  const { t } = useShell();
  const [done, setDone] = useState(false);
  if (done) return <p class="form-text">{t("rated")}</p>;
  return (
    <Rating
      onDone={() => {
        setDone(true);
        setTimeout(close, 1_500);
      }}
    />
  );
}

const FOCUSABLE = "a[href], button:not([disabled]), input:not([hidden]):not([disabled]), select, textarea, iframe, [tabindex='0']";

/** Tab goes round inside the window, and inside a sheet that lies over it. */
function keepInside(event: KeyboardEvent, frame: HTMLElement | null): void {
  const within = frame?.querySelector<HTMLElement>(".sheet") ?? frame;
  const all = [...(within?.querySelectorAll<HTMLElement>(FOCUSABLE) ?? [])].filter((each) => each.getClientRects().length > 0);
  const [first, last] = [all[0], all[all.length - 1]];
  const root = frame?.getRootNode() as ShadowRoot | undefined;
  const now = root?.activeElement;
  const outside = !all.includes(now as HTMLElement);
  if (event.shiftKey && (now === first || outside)) {
    event.preventDefault();
    last?.focus();
  } else if (!event.shiftKey && (now === last || outside)) {
    event.preventDefault();
    first?.focus();
  }
}

/** On a phone the window fills what the keyboard leaves free, and the page behind it stays where it is. */
function useViewport(frame: preact.RefObject<HTMLDivElement | null>, on: boolean): void {
  useLayoutEffect(() => {
    const { current } = frame;
    const viewport = window.visualViewport;
    if (!on || !current) return;
    const before = document.documentElement.style.overflow;
    document.documentElement.style.overflow = "hidden";
    const fit = () => {
      if (!viewport) return;
      current.style.height = `${viewport.height}px`;
      current.style.transform = `translateY(${viewport.offsetTop}px)`;
    };
    fit();
    viewport?.addEventListener("resize", fit);
    viewport?.addEventListener("scroll", fit);
    return () => {
      viewport?.removeEventListener("resize", fit);
      viewport?.removeEventListener("scroll", fit);
      document.documentElement.style.overflow = before;
      current.style.height = "";
      current.style.transform = "";
    };
  }, [on]);
}
