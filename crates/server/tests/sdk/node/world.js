// The server under test, as an operator and as an agent see it, and ways to wait.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';

import WebSocket from 'ws';

/** How long anything may take that a test waits for, in milliseconds, also where other tests leave little. */
const PATIENCE = 60_000;

/** How often is looked, in milliseconds. */
const LOOK_INTERVAL = 10;

export const CLIENT_ID = 'b7eff798f8df4364d06f8eb7c8f9f0aa';
export const HOST = process.env.TIDINGS_HOST;

/** A name that no other test has. */
export const unique = (word) => `${word}-${randomUUID().slice(0, 8)}`;

/** Asks the server; what is not a success fails the test. */
export async function ask(method, path, authorization, body) {
  const answer = await fetch(`http://${HOST}${path}`, {
    method,
    headers: { Authorization: authorization, 'Content-Type': 'application/json' },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await answer.text();
  assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${text}`);
  return JSON.parse(text);
}

const admin = (method, path, body) => ask(method, path, `Bearer ${process.env.TIDINGS_TOKEN}`, body);

export const workspace = await admin('GET', '/api/v1/workspace');

/** An agent with a token; `call` is a call of the Agent Web API. */
export async function agent(email, role = 'normal') {
  const path = `/api/v1/agents/${email}`;
  const name = email[0].toUpperCase() + email.slice(1, email.indexOf('@'));
  await admin('PUT', path, { name, role });
  const { token, account_id: account } = await admin('POST', `${path}/tokens`, { name: unique('tests') });
  const authorization = `Bearer ${token}`;
  return {
    id: email,
    token,
    account,
    authorization,
    call: (action, body) => ask('POST', `/v3.6/agent/action/${action}`, authorization, body),
  };
}

/** A token of a new customer, or of one who was here before, as the SDK's identity provider gives it. */
export async function customerToken(by, entityId) {
  const made = await ask('POST', '/v2/customer/token', by.authorization, {
    grant_type: 'agent_token',
    response_type: 'token',
    client_id: CLIENT_ID,
    organization_id: workspace.organization_id,
    entity_id: entityId,
  });
  return {
    accessToken: made.access_token,
    entityId: made.entity_id,
    expiresIn: made.expires_in * 1000,
    tokenType: made.token_type,
    creationDate: Date.now(),
    organizationId: made.organization_id,
  };
}

/** Keeps an agent here and accepting chats until `close`. */
export async function online(who) {
  const socket = new WebSocket(`ws://${HOST}/v3.6/agent/rtm/ws`);
  await new Promise((open, fail) => socket.on('open', open).on('error', fail));
  const heard = [];
  socket.on('message', (text) => {
    const frame = JSON.parse(text);
    if (frame.type === 'push') heard.push(frame);
  });
  const hears = (action, holds) =>
    eventually(action, () => heard.find((push) => push.action === action && holds(push.payload))?.payload);
  const say = (action, payload) =>
    new Promise((done) => {
      const id = unique(action);
      socket.on('message', (text) => {
        const frame = JSON.parse(text);
        if (frame.type === 'response' && frame.request_id === id) {
          assert.ok(frame.success, String(text));
          done(frame.payload);
        }
      });
      socket.send(JSON.stringify({ action, request_id: id, payload }));
    });
  await say('login', { token: who.authorization });
  await say('set_routing_status', { status: 'accepting_chats' });
  return { say, hears, close: () => socket.close() };
}

/** Waits until `look` gives something. */
export async function eventually(what, look) {
  const began = Date.now();
  for (;;) {
    const seen = await look();
    if (seen) return seen;
    assert.ok(Date.now() - began < PATIENCE, `in vain: ${what}`);
    await new Promise((done) => setTimeout(done, LOOK_INTERVAL));
  }
}

/** Fails where a promise is not kept in time: the SDKs wait for ever. */
export async function soon(what, promise) {
  let timer;
  const late = new Promise((_, fail) => {
    timer = setTimeout(() => fail(new Error(`in vain: ${what}`)), PATIENCE);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
