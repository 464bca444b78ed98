// LiveChat's SDK for server-side Node, unmodified, against the server: it speaks version 3.4, over TLS.

import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';

import sdk from '@livechat/lc-sdk-js';

import { withTls } from './tls.js';
import { CLIENT_ID, HOST, agent, customerToken, eventually, soon, unique, workspace } from './world.js';

let bob;
let carol;
let secure;
const open = [];

before(async () => {
  // The certificate is made for this run, so nobody can know it.
  process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
  secure = await withTls(HOST);
  bob = await agent('bob@example.com', 'owner');
  carol = await agent('carol@example.com');
});

afterEach(() => {
  for (const { rtm } of open.splice(0)) {
    clearInterval(rtm.heartbeatInterval);
    rtm.socket.close();
  }
});

after(() => secure?.close());

const options = () => ({ apiUrl: secure.host });
const token = (who) => () => ({
  accessToken: who.token ?? who.accessToken,
  region: '',
  organizationID: workspace.organization_id,
});

const agentWeb = (who = bob) => new sdk.Agent.Web(CLIENT_ID, token(who), options());
const configuration = (who = bob) => new sdk.Configuration.Web(CLIENT_ID, token(who), options());
const customerWeb = (who) => new sdk.Customer.Web(CLIENT_ID, token(who), options());

/** A connection that is logged in, and keeps the pushes that it hears. */
async function connect(kind, authorization, pushes) {
  const rtm =
    kind === 'agent' ? new sdk.Agent.RTM(options()) : new sdk.Customer.RTM(workspace.organization_id, options());
  await soon('a connection', rtm.connect());
  const heard = [];
  for (const push of pushes) rtm.on(push, (payload) => heard.push([push, payload]));
  open.push({ rtm });
  const login = await soon('the login', rtm.login(authorization));
  const hears = (name, holds = () => true) =>
    eventually(name, () => heard.find(([push, payload]) => push === name && holds(payload))?.[1]);
  return { rtm, heard, hears, login };
}

/** A new customer with a chat that Bob started. */
async function talk() {
  const customer = await customerToken(bob);
  const web = agentWeb();
  const started = await web.startChat({ chat: { users: [{ id: customer.entityId, type: 'customer' }] } });
  return {
    customer,
    web,
    id: started.chat_id,
    thread: started.thread_id,
    done: () => web.deactivateChat(started.chat_id, true).catch(() => {}),
  };
}

const message = (text, more = {}) => ({ type: 'message', text, ...more });
const fails = (promise, type) => assert.rejects(soon(type, promise), (error) => (error.error ?? error).type === type);

test('an agent drives a chat over the Web', async () => {
  const { web, id, thread, customer, done } = await talk();
  const { event_id: first } = await web.sendEvent(id, message('Hello', { custom_id: 'c1' }));
  assert.equal((await web.sendEvent(id, message('Hello', { custom_id: 'c1' }))).event_id, first);
  const seen = await web.getChat(id, thread);
  assert.deepEqual(
    seen.thread.events.filter((event) => event.type === 'message').map((event) => event.text),
    ['Hello'],
  );
  assert.ok((await web.listChats()).chats_summary.some((chat) => chat.id === id));
  assert.equal((await web.listThreads(id)).threads[0].id, thread);
  await web.updateChatProperties(id, { test: { int_property: 1 } });
  await web.updateThreadProperties(id, thread, { test: { int_property: 2 } });
  await web.updateEventProperties(id, thread, first, { test: { int_property: 3 } });
  const marked = await web.getChat(id);
  assert.deepEqual(marked.properties.test, { int_property: 1 });
  assert.deepEqual(marked.thread.properties.test, { int_property: 2 });
  await web.deleteChatProperties(id, { test: ['int_property'] });
  await web.addUserToChat(id, carol.id, 'agent', 'all');
  await web.removeUserFromChat(id, carol.id);
  await web.sendTypingIndicator(id, true, 'all');
  await web.markEventsAsSeen(id, marked.thread.events[0].created_at);
  assert.equal((await web.getCustomer(customer.entityId)).id, customer.entityId);
  await web.updateCustomer(customer.entityId, { name: 'Alice' });
  assert.equal((await web.getCustomer(customer.entityId)).name, 'Alice');
  await web.followChat(id).catch((error) => assert.equal(error.type, 'validation'));
  await web.transferChat(id, { target: { type: 'agent', ids: [carol.id] }, ignore_agents_availability: true });
  await web.deactivateChat(id, true);
  await fails(web.sendEvent(id, message('late')), 'chat_inactive');
  const { thread_id: second } = await web.resumeChat(id);
  assert.notEqual(second, thread);
  assert.ok((await web.listArchives({ filters: { chat_ids: [id] } })).chats.length >= 1);
  await done();
});

test('a customer drives a chat over the Web', async () => {
  const customer = await customerToken(bob);
  const web = customerWeb(customer);
  const started = await web.startChat({ continuous: true });
  const { event_id: said } = await web.sendEvent(started.chat_id, message('Hi'));
  const seen = await web.getChat(started.chat_id);
  assert.ok(seen.thread.events.some((event) => event.id === said && event.author_id === customer.entityId));
  assert.equal((await web.listChats()).total_chats, 1);
  await web.updateCustomer({ name: 'Alice' });
  assert.equal((await web.getCustomer()).name, 'Alice');
  await web.setCustomerSessionFields([{ a: '1' }]);
  assert.ok(await web.listLicenseProperties());
  assert.ok('0' in (await web.listGroupStatuses(true)).groups_status);
  await web.deactivateChat(started.chat_id);
  await fails(web.deactivateChat(started.chat_id), 'chat_inactive');
});

test('both hear what happens over RTM', async () => {
  const { id, thread, customer, done } = await talk();
  const pushes = ['incoming_event', 'chat_deactivated', 'incoming_typing_indicator', 'chat_properties_updated'];
  const agentSide = await connect('agent', bob.authorization, [...pushes, 'incoming_sneak_peek', 'incoming_chat']);
  const visitor = await connect('customer', `Bearer ${customer.accessToken}`, [...pushes, 'incoming_chat']);
  assert.equal(agentSide.login.my_profile.id, bob.id);
  assert.equal(visitor.login.customer.id, customer.entityId);
  const { event_id: said } = await soon('an event', agentSide.rtm.sendEvent(id, message('Hello')));
  for (const side of [agentSide, visitor]) {
    const { event } = await side.hears('incoming_event', (payload) => payload.event.id === said);
    assert.equal(event.text, 'Hello');
  }
  await soon('a secret', agentSide.rtm.sendEvent(id, message('hidden', { visibility: 'agents' })));
  await soon('an answer', visitor.rtm.sendEvent(id, message('Hi')));
  await agentSide.hears('incoming_event', (payload) => payload.event.text === 'Hi');
  await soon('a peek', visitor.rtm.sendSneakPeek(id, 'I was wonder'));
  await agentSide.hears('incoming_sneak_peek');
  await soon('typing', agentSide.rtm.sendTypingIndicator(id, true, 'all'));
  await visitor.hears('incoming_typing_indicator');
  await soon('properties', visitor.rtm.updateChatProperties(id, { test: { int_property: 1 } }));
  await agentSide.hears('chat_properties_updated');
  await soon('the end', agentSide.rtm.deactivateChat(id));
  await visitor.hears('chat_deactivated', (payload) => payload.chat_id === id && payload.thread_id === thread);
  assert.ok(!JSON.stringify(visitor.heard).includes('hidden'));
  assert.ok(!JSON.stringify(visitor.heard).includes('@example.com'));
  await fails(agentSide.rtm.sendEvent(id, message('late')), 'chat_inactive');
  await soon('a new thread', visitor.rtm.resumeChat({ chat: { id }, continuous: true }));
  await agentSide.hears('incoming_chat', (payload) => payload.chat.id === id);
  await done();
});

test('the heartbeat without a payload is answered', async () => {
  const { rtm } = await connect('agent', bob.authorization, []);
  await soon('the ping', rtm.send('ping', undefined));
});

test('the configuration is changed', async () => {
  const api = configuration();
  const id = `${unique('new')}@example.com`;
  await api.createAgent(id, { name: 'Newcomer' });
  assert.equal((await api.getAgent(id)).name, 'Newcomer');
  await api.updateAgent(id, { job_title: 'Cook' });
  assert.ok((await api.listAgents([0])).some((each) => each.id === id));
  await api.deleteAgent(id);
  await fails(api.getAgent(id), 'not_found');
  const { id: group } = await api.createGroup(unique('group'), { [bob.id]: 'normal' }, 'en');
  assert.ok((await api.listGroups()).some((each) => each.id === group));
  await api.updateGroup(group, 'Renamed');
  assert.equal((await api.getGroup(group)).name, 'Renamed');
  await api.deleteGroup(group);
  await api.updateLicenseProperties({ test: { string_property: 'x' } });
  await api.deleteLicenseProperties({ test: ['string_property'] });
  const hook = { action: 'incoming_event', url: 'http://127.0.0.1:9009/hook', secret_key: 's', type: 'license' };
  const { id: registered } = await api.registerWebhook(hook, CLIENT_ID);
  assert.ok((await api.listWebhooks(CLIENT_ID)).some((each) => each.id === registered));
  await api.unregisterWebhook(registered, CLIENT_ID);
});

test('errors have their type', async () => {
  const stranger = { token: 'made-up' };
  await fails(agentWeb(stranger).listChats(), 'authentication');
  await fails(agentWeb().getChat('AAAAAAAAAA'), 'not_found');
  await fails(agentWeb().sendEvent('AAAAAAAAAA', { type: 'rumour' }), 'validation');
  const rtm = new sdk.Agent.RTM(options());
  await soon('a connection', rtm.connect());
  open.push({ rtm });
  await fails(rtm.login('Bearer made-up'), 'authentication');
});
