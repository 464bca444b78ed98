// What LiveChat's customer SDK expects of a browser, for Node: WebSocket, XMLHttpRequest, Image and a location.
// The package itself is used as it is published. It knows one host only, so these write the host and the scheme
// of the server under test into the addresses that it builds; nothing else is changed.

import WebSocketOfNode from 'ws';

const HOSTS = /^(https|wss):\/\/(api|accounts|queue)(-[a-z]+)?\.livechatinc\.com/;

/** The address that is really asked. */
export function ours(address) {
  const host = process.env.TIDINGS_HOST;
  return String(address).replace(HOSTS, (_, scheme) => `${scheme === 'wss' ? 'ws' : 'http'}://${host}`);
}

/** The sockets that are open, so that a test can cut them. */
export const sockets = new Set();

class WebSocket extends WebSocketOfNode {
  constructor(address) {
    super(ours(address));
    sockets.add(this);
    this.on('close', () => sockets.delete(this));
    // Without a listener Node ends the process; the SDK reconnects when the socket closes.
    this.on('error', () => {});
  }
}

/** A jar with one value per name, as a browser would have for one site. */
export const cookies = new Map();

class XMLHttpRequest {
  upload = {};
  status = 0;
  statusText = '';
  response = '';
  responseText = '';
  responseURL = '';
  #headers = {};
  #answered = null;
  #stop = new AbortController();

  open(method, address) {
    this.method = method;
    this.address = ours(address);
  }

  setRequestHeader(name, value) {
    this.#headers[name] = value;
  }

  getAllResponseHeaders() {
    return [...(this.#answered ?? [])].map(([name, value]) => `${name}: ${value}\r\n`).join('');
  }

  getResponseHeader(name) {
    return this.#answered?.get(name) ?? null;
  }

  abort() {
    this.#stop.abort();
  }

  send(body) {
    const headers = { ...this.#headers };
    if (cookies.size > 0) {
      headers.Cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    }
    fetch(this.address, { method: this.method, headers, body, signal: this.#stop.signal })
      .then(async (answer) => {
        for (const cookie of answer.headers.getSetCookie()) {
          const [pair] = cookie.split(';');
          cookies.set(pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1));
        }
        this.#answered = answer.headers;
        this.status = answer.status;
        this.statusText = answer.statusText;
        this.responseURL = answer.url;
        this.response = await answer.text();
        this.responseText = this.response;
        this.upload.onprogress?.({ loaded: 1, total: 1 });
        this.onload?.();
      })
      .catch((error) => (error.name === 'AbortError' ? this.onabort?.() : this.onerror?.(error)));
  }
}

/** The SDK counts chats by asking for a picture elsewhere; here nobody is asked. */
class Image {}

globalThis.WebSocket = WebSocket;
globalThis.XMLHttpRequest = XMLHttpRequest;
globalThis.Image = Image;
globalThis.window = { location: new URL('https://shop.example.com/page') };
