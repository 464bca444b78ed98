// A network between the page and the server that lets only some things through, and can die without a word.

import { createServer, request as ask } from "node:http";
import { connect } from "node:net";
import { atTheEnd, base } from "./world.js";

const { hostname: host, port } = new URL(base);

/** Lays it. Without `sockets` it refuses WebSockets, without `streams` server-sent events, as some companies' networks do. */
export async function layNetwork({ sockets = true, streams = true } = {}) {
  const network = {
    url: "",
    /** How often each path was asked for. */
    passed: new Map(),
    /** Paths that are answered as by a gateway without a server behind it. */
    refused: new Set(),
    /** From now on nothing passes: whoever is connected hears nothing more, not even an end. */
    die() {
      dead = true;
      for (const end of open) end.pause();
    },
    /** It is back, for new connections: what was open when it died stays mute. */
    revive() {
      dead = false;
    },
  };
  const open = new Set();
  let dead = false;

  const note = (url) => {
    const { pathname } = new URL(url, base);
    network.passed.set(pathname, (network.passed.get(pathname) ?? 0) + 1);
    return pathname;
  };
  const server = createServer((request, response) => {
    const path = note(request.url);
    if (network.refused.has(path) || (!streams && path.endsWith("/rtm/sse"))) {
      request.resume();
      return response.writeHead(502).end();
    }
    const onward = ask({ host, port, path: request.url, method: request.method, headers: request.headers }, (answer) => {
      response.writeHead(answer.statusCode, answer.headers);
      answer.on("error", () => response.destroy());
      answer.pipe(response);
    });
    onward.on("error", () => (response.headersSent ? response.destroy() : response.writeHead(502).end()));
    response.on("close", () => onward.destroy());
    request.pipe(onward);
  });
  server.on("connection", (socket) => {
    open.add(socket.on("close", () => open.delete(socket)).on("error", () => {}));
    if (dead) socket.pause();
  });
  server.on("upgrade", (request, socket, head) => {
    note(request.url);
    if (!sockets) return socket.end("HTTP/1.1 403 Forbidden\r\n\r\n");
    const onward = connect(port, host, () => {
      const headers = request.rawHeaders.map((text, index) => (index % 2 === 0 ? `${text}: ` : `${text}\r\n`)).join("");
      onward.write(`GET ${request.url} HTTP/1.1\r\n${headers}\r\n`);
      onward.write(head);
      socket.pipe(onward).pipe(socket);
    });
    open.add(onward.on("close", () => socket.destroy(open.delete(onward)) ).on("error", () => socket.destroy()));
    socket.on("close", () => onward.destroy());
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  atTheEnd(() => new Promise((resolve) => {
    for (const end of open) end.destroy();
    server.close(resolve);
  }));
  network.url = `http://127.0.0.1:${server.address().port}`;
  return network;
}
