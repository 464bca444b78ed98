// The page of a shop that carries the widget: of another origin than the server, and as strict as the widget's guide allows.

import { createHmac } from "node:crypto";
import { createServer } from "node:http";
import { atTheEnd, api, base } from "./world.js";

const STYLES = `
  body { margin: 0; font: 16px/1.6 system-ui; color: #333; background: #faf8f4 }
  main { max-width: 680px; margin: 64px auto; padding: 0 24px }
  body.night { background: #15171c; color: #b9bdc6 }
  .themed tidings-widget { --tidings-color: #7c2d12; --tidings-on-color: #fff7ed; --tidings-radius: 4px; --tidings-space-x: 48px; --tidings-width: 420px }
`;

const PIZZA = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 20"><rect width="40" height="20" fill="#f3d9b1"/><circle cx="20"
  cy="10" r="8" fill="#d97736"/><circle cx="20" cy="10" r="6.6" fill="#f2c14e"/><circle cx="18" cy="8" r="1.4" fill="#b3261e"/><circle
  cx="22" cy="11" r="1.4" fill="#b3261e"/><circle cx="18.5" cy="13" r="1.2" fill="#3f7d3a"/></svg>`;

/** Opens the shop. What it gives makes the address of one of its pages. `at` is where the page finds the server. */
export async function openShop({ at = base } = {}) {
  const policy = [
    "default-src 'none'",
    "style-src 'self'",
    `script-src ${at}`,
    `connect-src ${at} ${at.replace("http", "ws")}`,
    `img-src 'self' ${at} ${base} https: data:`,
    "frame-src https://pizza.example.org",
  ].join("; ");
  const site = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url, "http://shop");
    if (pathname === "/shop.css") return response.writeHead(200, { "Content-Type": "text/css" }).end(STYLES);
    if (pathname === "/pizza.svg") return response.writeHead(200, { "Content-Type": "image/svg+xml" }).end(PIZZA);
    const look = (searchParams.get("look") ?? "").replace(/\W/g, "");
    const attributes = [...searchParams].filter(([name]) => name !== "look");
    const data = attributes.map(([name, value]) => `data-${name.replace(/\W/g, "")}="${value.replace(/[^\w.-]/g, "")}"`);
    response.writeHead(200, { "Content-Type": "text/html; charset=utf-8", "Content-Security-Policy": policy });
    response.end(
      `<!doctype html><html lang="en"><head><title>Shop</title><meta name="viewport" content="width=device-width, initial-scale=1">
      <link rel="icon" href="data:,"><link rel="stylesheet" href="/shop.css"></head><body class="${look}"><main>
      <h1>Pizza since 1987</h1><p>${"From a wood-fired oven, every day from eleven to eleven. ".repeat(14)}</p>
      <p><a href="#menu">The menu</a></p></main><script src="${at}/widget.js" ${data.join(" ")} async></script></body></html>`,
    );
  });
  await new Promise((resolve) => site.listen(0, "127.0.0.1", resolve));
  atTheEnd(() => new Promise((resolve) => site.close(resolve) && site.closeAllConnections()));
  const { organization_id: organization } = await api("GET", "/api/v1/workspace");
  const origin = `http://127.0.0.1:${site.address().port}`;
  const page = (channel, { path = "/", ...attributes } = {}) =>
    `${origin}${path}?${new URLSearchParams({ organization, channel, ...attributes })}`;
  return Object.assign(page, { origin });
}

/** What the shop says of its user: a JWT by HS256. */
export function signed(secret, subject, name, more = {}) {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const claims = { sub: subject, name, exp: Math.floor(Date.now() / 1000) + 600, ...more };
  const text = `${part({ alg: "HS256", typ: "JWT" })}.${part(claims)}`;
  return `${text}.${createHmac("sha256", secret).update(text).digest("base64url")}`;
}
