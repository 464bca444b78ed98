// Every public method of LiveChat's SDK for server-side Node, with arguments that are right.
//
// What a method does is told by the other tests; here each one is understood and answered.

import assert from 'node:assert/strict';
import http from 'node:http';
import { after, before, test } from 'node:test';

import sdk from '@livechat/lc-sdk-js';

import { noteClass, uncalled } from './calls.js';
import { withTls } from './tls.js';
import { CLIENT_ID, HOST, agent, ask, customerToken, eventually, online, soon, unique, workspace } from './world.js';

const CLIENTS = {
  AgentWeb: sdk.Agent.Web,
  AgentRTM: sdk.Agent.RTM,
  CustomerWeb: sdk.Customer.Web,
  CustomerRTM: sdk.Customer.RTM,
  Configuration: sdk.Configuration.Web,
};
for (const [name, client] of Object.entries(CLIENTS)) noteClass(name, client);

const TEST = { test: { int_property: 7 } };
const TEST_NAMES = { test: ['int_property'] };
const HELLO = { type: 'message', text: 'Hello' };

let bob;
let carol;
let secure;
let presence;
let page;

before(async () => {
  // The certificate is made for this run, so nobody can know it.
  process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
  secure = await withTls(HOST);
  bob = await agent('bob@example.com', 'owner');
  carol = await agent('carol@example.com');
  presence = await online(bob);
  page = await aPage();
});

after(() => {
  presence?.close();
  page?.close();
  secure?.close();
});

/** A page that can be looked at. */
async function aPage() {
  const server = http.createServer((_, answer) => {
    answer.setHeader('Content-Type', 'text/html');
    answer.end('<title>Pizza</title>');
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  return { url: `http://127.0.0.1:${server.address().port}/`, close: () => server.close() };
}

const options = () => ({ apiUrl: secure.host });
const token = (who) => () => ({
  accessToken: who.token ?? who.accessToken,
  region: '',
  organizationID: workspace.organization_id,
});

/** What arguments are made of: each is made when it is first asked for, and anew for each call. */
class Scene {
  async begin() {
    this.customer = await customerToken(bob);
    return this;
  }

  async talk(who = bob) {
    if (!this.chat) {
      const users = [{ id: this.customer.entityId, type: 'customer' }];
      const started = await who.call('start_chat', { chat: { users } });
      this.chat = started.chat_id;
      this.thread = started.thread_id;
    }
    return [this.chat, this.thread];
  }

  async event() {
    const [chat, thread] = await this.talk();
    const { event_id: event } = await bob.call('send_event', { chat_id: chat, event: HELLO });
    return [chat, thread, event];
  }

  /** An event that the customer wrote. */
  async ownEvent() {
    const [chat, thread] = await this.talk();
    const path = `/v3.6/customer/action/send_event?organization_id=${workspace.organization_id}`;
    const sent = await ask('POST', path, `Bearer ${this.customer.accessToken}`, { chat_id: chat, event: HELLO });
    return [chat, thread, sent.event_id];
  }

  async closed() {
    const [chat] = await this.talk();
    await bob.call('deactivate_chat', { id: chat });
    return chat;
  }

  async seen() {
    const [chat] = await this.event();
    const { thread } = await bob.call('get_chat', { chat_id: chat });
    return [chat, thread.events.at(-1).created_at];
  }

  async postback() {
    const [chat, thread] = await this.talk();
    const buttons = [{ type: 'message', text: 'Yes', value: 'yes', postback_id: 'yes' }];
    const event = { type: 'rich_message', template_id: 'cards', elements: [{ title: 'Well?', buttons }] };
    const { event_id: sent } = await bob.call('send_event', { chat_id: chat, event });
    return { chat_id: chat, thread_id: thread, event_id: sent, postback: { id: 'yes', toggled: true } };
  }

  async tagged() {
    const [chat, thread] = await this.talk();
    const name = await tag();
    await bob.call('tag_thread', { chat_id: chat, thread_id: thread, tag: name });
    return [chat, thread, name];
  }

  async close() {
    const gone = { id: this.chat, ignore_requester_presence: true };
    if (this.chat) await bob.call('deactivate_chat', gone).catch(() => {});
  }
}

const configure = (action, body) => ask('POST', `/v3.6/configuration/action/${action}`, bob.authorization, body);

async function tag() {
  const name = unique('tag');
  await configure('create_tag', { name, group_ids: [0] });
  return name;
}

const newGroup = async () =>
  (await configure('create_group', { name: unique('group'), agent_priorities: { [bob.id]: 'normal' } })).id;

async function newAgent(more = {}) {
  const id = `${unique('new')}@example.com`;
  await configure('create_agent', { id, name: 'Newcomer', ...more });
  return id;
}

const newBot = async () =>
  (await configure('create_bot', { name: unique('bot'), owner_client_id: CLIENT_ID })).id;

const property = () => ({
  name: unique('property').replaceAll('-', '_'),
  owner_client_id: CLIENT_ID,
  type: 'int',
  access: { chat: { agent: ['read', 'write'] } },
});

async function newProperty() {
  const made = property();
  await configure('register_property', made);
  return made;
}

const hook = () => ({ action: 'incoming_event', url: 'http://127.0.0.1:9009/hook', secret_key: 's', type: 'license' });
const rule = async () => ({
  access: { groups: [await newGroup()] },
  conditions: { domain: { values: [{ value: 'example.com' }] } },
  description: 'ours',
});

/** A greeting that the customer was shown. */
async function greeted(on) {
  const url = `https://example.com/${unique('greeted')}`;
  await configure('create_greeting', {
    type: 'normal',
    active: true,
    name: unique('greeting'),
    group: 0,
    rich_message: { template_id: 'cards', elements: [{ title: 'Hungry?', subtitle: 'We deliver', image: { url } }] },
    rules: [{ condition: 'and', type: 'url_current', operator: 'equals', value: url }],
  });
  const rtm = new sdk.Customer.RTM(workspace.organization_id, options());
  await soon('a connection', rtm.connect());
  let shown;
  rtm.on('incoming_greeting', (payload) => (shown = payload));
  await soon('the login', rtm.login({ token: `Bearer ${on.customer.accessToken}`, customer_page: { url, title: 'A' } }));
  await eventually('a greeting', () => shown);
  end(rtm);
  return shown;
}

function end(rtm) {
  clearInterval(rtm.heartbeatInterval);
  rtm.socket.close();
}

/** The arguments of each method that the Web and RTM of agents share. */
const AGENT = {
  addUserToChat: async (on) => [(await on.talk())[0], carol.id, 'agent', 'all', true],
  banCustomer: async (on) => [on.customer.entityId, 1],
  createCustomer: async () => [{ name: 'Alice', email: 'alice@example.com', session_fields: [{ a: '1' }] }],
  deactivateChat: async (on) => [(await on.talk())[0], false],
  deleteChatProperties: async (on) => [(await on.talk())[0], TEST_NAMES],
  deleteEventProperties: async (on) => [...(await on.event()), TEST_NAMES],
  deleteThreadProperties: async (on) => [...(await on.talk()), TEST_NAMES],
  followChat: async (on) => [(await on.talk(carol))[0]],
  followCustomer: async (on) => [on.customer.entityId],
  getChat: async (on) => on.talk(),
  getCustomer: async (on) => [on.customer.entityId],
  listAgentsForTransfer: async (on) => [(await on.talk())[0]],
  listArchives: async (on) => [{ filters: { chat_ids: [await on.closed()] }, limit: 1, sort_order: 'asc' }],
  listChats: async () => [{ filters: { include_active: true, group_ids: [0] }, limit: 1, sort_order: 'asc' }],
  listCustomers: async () => [{ limit: 1, sort_order: 'asc', filters: { chats_count: { gte: 0 } } }],
  listRoutingStatuses: async () => [[0]],
  listThreads: async (on) => [(await on.talk())[0], { limit: 1, sort_order: 'asc' }],
  markEventsAsSeen: async (on) => on.seen(),
  multicast: async () => [{ agents: { all: true } }, { a: 1 }, 'note'],
  removeUserFromChat: async (on) => [(await on.talk())[0], bob.id],
  resumeChat: async (on) => [await on.closed()],
  sendEvent: async (on) => [(await on.talk())[0], HELLO, false],
  sendRichMessagePostback: async (on) => [await on.postback()],
  sendTypingIndicator: async (on) => [(await on.talk())[0], true, 'all'],
  setRoutingStatus: async () => ['accepting_chats', bob.id],
  startChat: async (on) => [
    {
      chat: {
        users: [{ id: on.customer.entityId, type: 'customer' }],
        properties: TEST,
        access: { group_ids: [0] },
        thread: { events: [HELLO] },
      },
      active: false,
      continuous: true,
    },
  ],
  tagThread: async (on) => [...(await on.talk()), await tag()],
  transferChat: async (on) => [
    (await on.talk())[0],
    { target: { type: 'agent', ids: [carol.id] }, ignore_agents_availability: true },
  ],
  unfollowChat: async (on) => {
    const [chat] = await on.talk(carol);
    await bob.call('follow_chat', { id: chat });
    return [chat];
  },
  unfollowCustomer: async (on) => [on.customer.entityId],
  untagThread: async (on) => on.tagged(),
  updateChatProperties: async (on) => [(await on.talk())[0], TEST],
  updateCustomer: async (on) => [on.customer.entityId, { name: 'Alice', session_fields: [{ a: '1' }] }],
  updateEventProperties: async (on) => [...(await on.event()), TEST],
  updateThreadProperties: async (on) => [...(await on.talk()), TEST],
};

const AGENT_RTM = {
  ...AGENT,
  changePushNotifications: async () => [{ firebase_token: unique('token'), platform: 'ios', enabled: true }],
  setAwayStatus: async () => [false],
  login: async () => [{ token: bob.authorization, timezone: 'Europe/Rome', away: false }],
  logout: async () => [],
};

/** The arguments of each method that the Web and RTM of customers share. */
const CUSTOMER = {
  acceptGreeting: async (on) => {
    const { id, unique_id: shown } = await greeted(on);
    return [id, shown];
  },
  cancelGreeting: async (on) => [(await greeted(on)).unique_id],
  checkGoals: async () => [[{ a: '1' }], 0, 'https://example.com'],
  deactivateChat: async (on) => [(await on.talk())[0]],
  deleteChatProperties: async (on) => [(await on.talk())[0], TEST_NAMES],
  deleteEventProperties: async (on) => [...(await on.ownEvent()), TEST_NAMES],
  deleteThreadProperties: async (on) => [...(await on.talk()), TEST_NAMES],
  getChat: async (on) => on.talk(),
  getCustomer: async () => [],
  getForm: async () => [0, 'prechat'],
  getPredictedAgent: async () => [],
  getURLInfo: async () => [page.url],
  listChats: async () => [{ limit: 1, sort_order: 'asc' }],
  listGroupProperties: async () => [0, 'test', 'int_property'],
  listGroupStatuses: async () => [true],
  listLicenseProperties: async () => ['test', 'int_property'],
  listThreads: async (on) => [(await on.talk())[0], { limit: 1, sort_order: 'asc' }],
  markEventsAsSeen: async (on) => on.seen(),
  resumeChat: async (on) => [{ chat: { id: await on.closed() }, continuous: true }],
  sendEvent: async (on) => [(await on.talk())[0], HELLO, true],
  sendRichMessagePostback: async (on) => [await on.postback()],
  sendSneakPeek: async (on) => [(await on.talk())[0], 'Hel'],
  setCustomerSessionFields: async () => [[{ a: '1' }]],
  startChat: async () => [{ chat: { properties: TEST, thread: { events: [HELLO] } }, continuous: true }],
  updateChatProperties: async (on) => [(await on.talk())[0], TEST],
  updateCustomer: async () => [{ name: 'Alice', email: 'alice@example.com', session_fields: [{ a: '1' }] }],
  updateEventProperties: async (on) => [...(await on.ownEvent()), TEST],
  updateThreadProperties: async (on) => [...(await on.talk()), TEST],
};

const CUSTOMER_WEB = {
  ...CUSTOMER,
  getConfiguration: async () => [0, '1'],
  getDynamicConfiguration: async () => [{ group_id: 0, url: 'https://example.com', channel_type: 'code' }],
  getLocalization: async () => [0, 'en', '1'],
  requestEmailVerification: async (on) => {
    const web = new sdk.Customer.Web(CLIENT_ID, token(on.customer), options());
    await web.updateCustomer({ email: 'alice@example.com' });
    return ['https://example.com/verified'];
  },
};

const CUSTOMER_RTM = { ...CUSTOMER, login: async (on) => [`Bearer ${on.customer.accessToken}`] };

const CONFIGURATION = {
  addAutoAccess: async () => [await rule()],
  approveAgent: async () => [await newAgent({ awaiting_approval: true })],
  createAgent: async () => [`${unique('new')}@example.com`, { name: 'Newcomer', groups: [{ id: 0, priority: 'last' }] }],
  createBot: async () => [{ name: unique('bot'), owner_client_id: CLIENT_ID, default_group_priority: 'first' }],
  createGroup: async () => [unique('group'), { [bob.id]: 'normal' }, 'en'],
  deleteAgent: async () => [await newAgent()],
  deleteAutoAccess: async () => [(await configure('add_auto_access', await rule())).id],
  deleteBot: async () => [await newBot()],
  deleteGroup: async () => [await newGroup()],
  deleteGroupProperties: async () => [await newGroup(), TEST_NAMES],
  deleteLicenseProperties: async () => [TEST_NAMES],
  disableLicenseWebhooks: async () => [CLIENT_ID],
  enableLicenseWebhooks: async () => [CLIENT_ID],
  getAgent: async () => [bob.id, ['job_title', 'groups']],
  getBot: async () => [await newBot()],
  getGroup: async () => [0, ['agent_priorities']],
  getLicenseID: async () => [workspace.organization_id],
  getLicenseWebhooksState: async () => [CLIENT_ID],
  getOrganizationID: async () => [workspace.license_id],
  listAgents: async () => [[0], ['job_title']],
  listAutoAccesses: async () => [],
  listBots: async () => [true],
  listGroupProperties: async () => [0, 'test', 'int'],
  listGroups: async () => [['agent_priorities']],
  listLicenseProperties: async () => ['test', 'int'],
  listProperties: async () => [CLIENT_ID],
  listWebhookNames: async () => ['3.4'],
  listWebhooks: async () => [CLIENT_ID],
  publishProperty: async () => [(await newProperty()).name, CLIENT_ID, true, true],
  registerProperty: async () => [property()],
  registerWebhook: async () => [hook(), unique('client')],
  suspendAgent: async () => [await newAgent()],
  unregisterProperty: async () => [(await newProperty()).name, CLIENT_ID],
  unregisterWebhook: async () => {
    const owner = unique('client');
    const { id } = await configure('register_webhook', { ...hook(), owner_client_id: owner });
    return [id, owner];
  },
  unsuspendAgent: async () => {
    const id = await newAgent();
    await configure('suspend_agent', { id });
    return [id];
  },
  updateAgent: async () => [await newAgent(), { job_title: 'Cook' }],
  updateAutoAccess: async () => [(await configure('add_auto_access', await rule())).id, { description: 'theirs' }],
  updateBot: async () => [await newBot(), { name: 'Renamed' }],
  updateGroup: async () => [await newGroup(), 'Renamed'],
  updateGroupProperties: async () => [await newGroup(), TEST],
  updateLicenseProperties: async () => [TEST],
};

/** A call of each method of a table. `open` gives a client, and a way to be done with it. */
function every(title, table, open) {
  for (const [name, args] of Object.entries(table)) {
    test(`${title}.${name}`, async () => {
      const on = await new Scene().begin();
      const given = await args(on);
      const { client, done } = await open(on, name);
      try {
        const answer = await soon(name, client[name](...given)).catch((error) => assert.fail(JSON.stringify(error)));
        assert.equal(typeof answer, 'object');
      } finally {
        done();
        await on.close();
      }
    });
  }
}

const web = (Client, who) => async (on) => ({
  client: new Client(CLIENT_ID, token(who(on)), options()),
  done: () => {},
});

const rtm = (make, who) => async (on, name) => {
  const client = make();
  await soon('a connection', client.connect());
  if (name !== 'login') await soon('the login', client.login(who(on, name)));
  return { client, done: () => end(client) };
};

every('AgentWeb', AGENT, web(sdk.Agent.Web, () => bob));
// Who logs out is gone for the other tests, so it is not Bob.
const onRtm = (_, name) => (name === 'logout' ? carol : bob).authorization;
every('AgentRTM', AGENT_RTM, rtm(() => new sdk.Agent.RTM(options()), onRtm));
every('CustomerWeb', CUSTOMER_WEB, web(sdk.Customer.Web, (on) => on.customer));
every(
  'CustomerRTM',
  CUSTOMER_RTM,
  rtm(() => new sdk.Customer.RTM(workspace.organization_id, options()), (on) => `Bearer ${on.customer.accessToken}`),
);
every('Configuration', CONFIGURATION, web(sdk.Configuration.Web, () => bob));

test('who is suspended asks to come back', async () => {
  const suspended = await agent(`${unique('suspended')}@example.com`);
  await configure('suspend_agent', { id: suspended.id });
  const client = new sdk.Configuration.Web(CLIENT_ID, token(suspended), options());
  assert.deepEqual(await client.requestAgentUnsuspension(), {});
});

test('a file cannot be uploaded by this client: it sends it nowhere, and without a token', async () => {
  const customer = await customerToken(bob);
  for (const [Client, who] of [[sdk.Agent.Web, bob], [sdk.Customer.Web, customer]]) {
    const client = new Client(CLIENT_ID, token(who), options());
    await assert.rejects(client.uploadFile(Buffer.from('a'), 'a.txt'));
  }
});

test('a handler that was taken back hears nothing', async () => {
  const client = new sdk.Agent.RTM(options());
  const off = client.on('incoming_event', () => {});
  off();
  client.on('incoming_event', () => {});
});

test('every method was called', () => {
  assert.deepEqual(uncalled(), []);
});
