// Follows a stream of server-sent events for as long as the page lives, and resumes where it broke off.
//
// `fetch` and not `EventSource`: that one hears only the types that it was told beforehand, and cannot tell a silent
// connection from a dead one. The server sends a comment every 15 seconds, so silence longer than that means a dead one.

/** Three of the server's comments (15 s each) missed in a row. */
const SILENCE_MAX_MS = 50_000;
/** The pause before the first and before every later try to connect again. */
const PAUSE_MIN_MS = 400;
const PAUSE_MAX_MS = 15_000;
/** More text than this without an end of line is no stream of ours. */
const LINE_CHARS_MAX = 4_000_000;

/**
 * Follows a stream until the server refuses it (status 4xx); then the returned promise holds that status.
 *
 * @param {(since: number) => string} address the stream's address, beginning after an event's number
 * @param {number} since the number of the last event that is known already
 * @param {(event: object) => void} onEvent called with each event, as an object
 * @param {(connected: boolean) => void} onConnected called when the connection comes and goes
 * @returns {Promise<number>}
 */
export async function follow(address, since, onEvent, onConnected) {
  let last = since;
  let pause = PAUSE_MIN_MS;
  for (;;) {
    const silence = new AbortController();
    let alarm = setTimeout(() => silence.abort(), SILENCE_MAX_MS);
    try {
      const response = await fetch(address(last), {
        headers: { accept: "text/event-stream" },
        cache: "no-store",
        signal: silence.signal,
      });
      if (response.status >= 400 && response.status < 500 && response.status !== 429 && response.status !== 408) {
        return response.status;
      }
      if (response.ok && response.body) {
        onConnected(true);
        pause = PAUSE_MIN_MS;
        for await (const message of messages(response.body, () => {
          clearTimeout(alarm);
          alarm = setTimeout(() => silence.abort(), SILENCE_MAX_MS);
        })) {
          const number = Number(message.id);
          if (Number.isSafeInteger(number) && number > last) last = number;
          if (message.data !== "") hand(message.data, onEvent);
        }
      }
    } catch (error) {
      // The connection broke: the next round asks again from the last event that was read.
      console.debug("the stream broke off", error);
    } finally {
      clearTimeout(alarm);
    }
    onConnected(false);
    await restOrOnline(pause * (0.75 + Math.random() / 2));
    pause = Math.min(pause * 2, PAUSE_MAX_MS);
  }
}

/** Hands an event on. One that cannot be drawn is passed over: asked for again, it would stop the page for ever. */
function hand(data, onEvent) {
  try {
    onEvent(JSON.parse(data));
  } catch (error) {
    console.error("an event of the stream could not be used", error);
  }
}

/** Cuts a body into messages: `id`, `data` and an empty line, as the HTML standard says. */
async function* messages(body, onBytes) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  let id = "";
  let data = [];
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      onBytes();
      const lines = (rest + value).split("\n");
      rest = lines.pop();
      if (rest.length > LINE_CHARS_MAX) throw new Error("a line of the stream is too long");
      for (const ended of lines) {
        const line = ended.endsWith("\r") ? ended.slice(0, -1) : ended;
        if (line === "") {
          if (data.length > 0) yield { id, data: data.join("\n") };
          data = [];
        } else if (line.startsWith("data:")) {
          data.push(line.slice(line.startsWith("data: ") ? 6 : 5));
        } else if (line.startsWith("id:")) {
          id = line.slice(3).trim();
        }
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

/** Waits, though not longer than until the machine is online again. */
function restOrOnline(ms) {
  return new Promise((resolve) => {
    const wake = () => {
      clearTimeout(timer);
      removeEventListener("online", wake);
      resolve();
    };
    const timer = setTimeout(wake, ms);
    addEventListener("online", wake);
  });
}
