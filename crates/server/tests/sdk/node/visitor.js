// Visitors of LiveChat's customer SDK for browsers, unmodified.

import assert from 'node:assert/strict';

import './shims.js';
import { noteObject } from './calls.js';
import { CLIENT_ID, agent, customerToken, eventually, online, soon, workspace } from './world.js';

const { init, serverPushActions } = (await import('@livechat/customer-sdk')).default;

// Pushes that the SDK makes something else of, and one that LiveChat withdrew from every version.
const NO_EVENTS = [
  'customer_disconnected',
  'customer_page_updated',
  'customer_side_storage_updated',
  'groups_status_updated',
];

/** The events that the SDK tells of, but those of a browser that is offline. */
export const EVENTS = [
  ...Object.values(serverPushActions).filter((name) => !NO_EVENTS.includes(name)),
  'availability_updated',
  'connected',
  'customer_id',
  'disconnected',
  'user_data',
];

/** The names of the events that any visitor heard. */
export const heardOfAll = new Set();

/** The agent who is here. */
export let bob;
let presence;
const sdks = [];

/** Before the tests. */
export async function begin() {
  bob = await agent('bob@example.com', 'owner');
  presence = await online(bob);
}

/** After each test. */
export function leave() {
  for (const sdk of sdks.splice(0)) sdk.destroy();
}

/** After the tests. */
export const end = () => presence?.close();

/** The SDK, which is left after the test. */
export function begun(config) {
  const sdk = noteObject('sdk', init(config, 'production', workspace.license_id));
  sdks.push(sdk);
  return sdk;
}

/** A visitor who was never here, connected. */
export async function visit(options = {}) {
  let token = await customerToken(bob);
  const first = token.entityId;
  const visitor = { id: first, heard: [], fresh: 0 };
  const sdk = begun({
    organizationId: workspace.organization_id,
    clientId: CLIENT_ID,
    page: { url: 'https://shop.example.com/pizza', title: 'Pizza' },
    referrer: 'https://search.example.com',
    identityProvider: () => ({
      getToken: async () => token,
      getFreshToken: async () => {
        visitor.fresh += 1;
        token = await customerToken(bob, first);
        return token;
      },
      hasToken: async () => true,
      invalidate: async () => {},
    }),
    ...options,
  });
  visitor.sdk = sdk;
  visitor.spoil = () => {
    token = { ...token, accessToken: 'spoiled' };
  };
  sdk.on('*', (name, payload) => {
    heardOfAll.add(name);
    visitor.heard.push([name, payload]);
  });
  visitor.hears = (name, holds = () => true) =>
    eventually(name, () => visitor.heard.find(([heard, payload]) => heard === name && holds(payload))?.[1]);
  visitor.connected = await visitor.hears('connected');
  return visitor;
}

/** A visitor with a chat that has one message. */
export async function talk(options) {
  const visitor = await visit(options);
  const { chat } = await soon(
    'a chat',
    visitor.sdk.startChat({
      continuous: true,
      chat: { thread: { events: [{ type: 'message', text: 'Hello', customId: 'first' }] } },
    }),
  );
  visitor.chat = chat.id;
  visitor.thread = chat.thread.id;
  visitor.started = chat;
  visitor.done = () =>
    bob.call('deactivate_chat', { id: chat.id, ignore_requester_presence: true }).catch(() => {});
  visitor.join = async () => {
    const { thread } = await bob.call('get_chat', { chat_id: chat.id });
    if (!thread.user_ids.includes(bob.id)) {
      const user = { user_id: bob.id, user_type: 'agent', visibility: 'all', ignore_requester_presence: true };
      await bob.call('add_user_to_chat', { chat_id: chat.id, ...user });
    }
  };
  visitor.answer = async (event) =>
    (await bob.call('send_event', { chat_id: chat.id, event: { type: 'message', ...event } })).event_id;
  return visitor;
}

/** Wants a refusal with this code. */
export const fails = (promise, code) => assert.rejects(soon(code, promise), (error) => error.code === code);
