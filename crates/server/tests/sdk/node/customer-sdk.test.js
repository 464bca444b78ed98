// LiveChat's customer SDK for browsers, unmodified, against the server: the flows of a visitor.

import assert from 'node:assert/strict';
import http from 'node:http';
import { after, afterEach, before, test } from 'node:test';

import { uncalled } from './calls.js';
import { cookies, sockets } from './shims.js';
import { EVENTS, begin, begun, bob, end, fails, heardOfAll, leave, talk, visit } from './visitor.js';
import { CLIENT_ID, agent, ask, eventually, online, soon, unique, workspace } from './world.js';

before(begin);
afterEach(leave);
after(end);

test('it connects and knows who it is', async () => {
  const visitor = await visit();
  assert.equal(visitor.connected.customer.id, visitor.id);
  assert.equal(visitor.connected.customer.type, 'customer');
  assert.ok(['online', 'offline'].includes(visitor.connected.availability));
  assert.deepEqual(visitor.connected.customer.statistics.chatsCount, 0);
  assert.equal((await visitor.hears('customer_id')), visitor.id);
});

test('it gets a token by itself, with cookies, and is the same customer the next time', async () => {
  cookies.clear();
  const ids = [];
  for (let time = 0; time < 2; time += 1) {
    const sdk = begun({ organizationId: workspace.organization_id, clientId: CLIENT_ID });
    ids.push(await soon('a connection', new Promise((done) => sdk.on('customer_id', done))));
    await sdk.auth.invalidate();
    sdk.destroy();
  }
  assert.ok(cookies.has('__lc_cid') && cookies.has('__lc_cst'), [...cookies.keys()].join());
  assert.equal(ids[0], ids[1]);
});

test('a chat starts with its push', async () => {
  const visitor = await talk();
  const { started } = visitor;
  assert.match(started.id, /^[A-Z0-9]{10}$/);
  assert.equal(started.thread.active, true);
  const [event] = started.thread.events.filter((each) => each.type === 'message');
  assert.deepEqual([event.text, event.authorId, event.customId], ['Hello', visitor.id, 'first']);
  assert.ok(started.users.some((user) => user.id === visitor.id && user.type === 'customer'));
  await fails(visitor.sdk.startChat({ continuous: true }), 'CHAT_LIMIT_REACHED');
  await visitor.done();
});

test('a chat that an agent starts is heard', async () => {
  const visitor = await visit();
  const users = [{ id: visitor.id, type: 'customer' }];
  const { chat_id: id } = await bob.call('start_chat', { chat: { users } });
  const { chat } = await visitor.hears('incoming_chat', (heard) => heard.chat.id === id);
  assert.equal(chat.thread.active, true);
  assert.ok(chat.users.some((user) => user.name === 'Bob'));
  await bob.call('deactivate_chat', { id });
});

test('sent events come back as they were kept', async () => {
  const visitor = await talk();
  const sent = await soon(
    'the event',
    visitor.sdk.sendEvent({ chatId: visitor.chat, event: { type: 'message', text: 'Two, please', customId: 'c2' } }),
  );
  assert.deepEqual([sent.type, sent.text, sent.customId, sent.threadId], ['message', 'Two, please', 'c2', visitor.thread]);
  assert.match(sent.id, new RegExp(`^${visitor.thread}_\\d+$`));
  const custom = await soon(
    'the custom event',
    visitor.sdk.sendEvent({ chatId: visitor.chat, event: { type: 'custom', content: { size: 3 } } }),
  );
  assert.deepEqual([custom.type, custom.content], ['custom', { size: 3 }]);
  const form = await soon(
    'the form',
    visitor.sdk.sendEvent({
      chatId: visitor.chat,
      event: { type: 'filled_form', formId: 'f1', fields: [{ type: 'name', id: '1', label: 'Name', answer: 'Alice' }] },
    }),
  );
  assert.equal(form.fields[0].answer, 'Alice');
  const again = await soon(
    'the same event',
    visitor.sdk.sendEvent({ chatId: visitor.chat, event: { type: 'message', text: 'Two, please', customId: 'c2' } }),
  );
  assert.equal(again.id, sent.id, 'a repeated custom id is the same event');
  await visitor.done();
});

test('an agents answer arrives, its address does not', async () => {
  const visitor = await talk();
  await visitor.join();
  await visitor.answer({ text: 'hidden', visibility: 'agents' });
  await visitor.answer({ text: 'Welcome' });
  const { event } = await visitor.hears('incoming_event', (heard) => heard.event.text === 'Welcome');
  assert.ok(!event.authorId.includes('@'));
  assert.ok(!JSON.stringify(visitor.heard).includes('hidden'));
  assert.ok(!JSON.stringify(visitor.heard).includes('@example.com'));
  await bob.call('send_typing_indicator', { chat_id: visitor.chat, is_typing: true });
  const typing = await visitor.hears('incoming_typing_indicator');
  assert.equal(typing.typingIndicator.isTyping, true);
  await visitor.done();
});

test('rich messages are read, and their buttons pressed', async () => {
  const visitor = await talk();
  await visitor.join();
  const buttons = [{ type: 'message', text: 'Yes', value: 'yes', postback_id: 'yes' }];
  await bob.call('send_event', {
    chat_id: visitor.chat,
    event: { type: 'rich_message', template_id: 'cards', elements: [{ title: 'Cheese?', buttons }, { buttons }] },
  });
  const { event } = await visitor.hears('incoming_event', (heard) => heard.event.type === 'rich_message');
  assert.equal(event.template, 'cards');
  assert.deepEqual(event.elements[0].buttons[0].userIds, []);
  const press = { chatId: visitor.chat, threadId: visitor.thread, eventId: event.id };
  await soon('a press', visitor.sdk.sendRichMessagePostback({ ...press, postback: { id: 'yes', toggled: true } }));
  const pressed = await visitor.hears('incoming_rich_message_postback');
  assert.deepEqual([pressed.eventId, pressed.userId, pressed.postback.id], [event.id, visitor.id, 'yes']);
  const { thread } = await soon('the chat', visitor.sdk.getChat({ chatId: visitor.chat }));
  const card = thread.events.find((each) => each.id === event.id);
  for (const element of card.elements) assert.deepEqual(element.buttons[0].userIds, [visitor.id]);
  await visitor.done();
});

test('chats, threads and the whole history are listed', async () => {
  const visitor = await talk();
  const said = [];
  for (let thread = 0; thread < 4; thread += 1) {
    if (thread > 0) {
      await soon('the end', visitor.sdk.deactivateChat({ id: visitor.chat }));
      await visitor.hears('chat_deactivated');
      await soon('a new thread', visitor.sdk.resumeChat({ continuous: true, chat: { id: visitor.chat } }));
    }
    for (let number = 0; number < 12; number += 1) {
      const text = `${thread} ${number}`;
      await soon(text, visitor.sdk.sendEvent({ chatId: visitor.chat, event: { type: 'message', text } }));
      said.push(text);
    }
  }
  const { chatsSummary, totalChats, users } = await soon('chats', visitor.sdk.listChats());
  assert.equal(totalChats, 1);
  assert.deepEqual([chatsSummary[0].id, chatsSummary[0].active], [visitor.chat, true]);
  assert.equal(chatsSummary[0].lastEventsPerType.message.text, said.at(-1));
  assert.ok(users.some((user) => user.id === visitor.id));

  const { threads, nextPageId } = await soon('threads', visitor.sdk.listThreads({ chatId: visitor.chat, limit: 3 }));
  assert.equal(threads.length, 3);
  const rest = await soon('more', visitor.sdk.listThreads({ chatId: visitor.chat, pageId: nextPageId }));
  assert.equal(rest.threads.length, 1);
  assert.equal(rest.threads[0].id, visitor.thread);

  const history = visitor.sdk.getChatHistory({ chatId: visitor.chat });
  const told = [];
  for (let done = false; !done; ) {
    const page = await soon('a page', history.next());
    told.unshift(...page.value.threads);
    done = page.done;
  }
  const texts = told.flatMap((thread) => thread.events).filter((event) => event.type === 'message');
  assert.deepEqual(texts.map((event) => event.text), ['Hello', ...said]);
  await visitor.done();
});

test('a chat is closed and opened again', async () => {
  const visitor = await talk();
  await fails(visitor.sdk.resumeChat({ chat: { id: visitor.chat } }), 'CHAT_ALREADY_ACTIVE');
  await soon('the end', visitor.sdk.deactivateChat({ id: visitor.chat }));
  await visitor.hears('chat_deactivated', (heard) => heard.chatId === visitor.chat);
  const late = { chatId: visitor.chat, event: { type: 'message', text: 'late' } };
  await fails(visitor.sdk.sendEvent(late), 'CHAT_INACTIVE');
  const attached = await soon('the event', visitor.sdk.sendEvent({ ...late, attachToLastThread: true }));
  assert.equal(attached.threadId, visitor.thread);
  const { chat } = await soon('a new thread', visitor.sdk.resumeChat({ continuous: true, chat: { id: visitor.chat } }));
  assert.notEqual(chat.thread.id, visitor.thread);
  assert.equal(chat.thread.previousThreadId, visitor.thread);
  await visitor.done();
});

test('properties are kept at the chat, the thread and the event', async () => {
  const visitor = await talk();
  const { sdk, chat: id, thread } = visitor;
  const properties = { test: { string_property: 'here', int_property: 3 } };
  const eventId = visitor.started.thread.events.find((event) => event.type === 'message').id;
  const places = [
    ['Chat', { id }],
    ['Thread', { chatId: id, threadId: thread }],
    ['Event', { chatId: id, threadId: thread, eventId }],
  ];
  for (const [name, where] of places) {
    const answer = await soon(name, sdk[`update${name}Properties`]({ ...where, properties }));
    assert.deepEqual(answer, { success: true });
    const heard = await visitor.hears(`${name.toLowerCase()}_properties_updated`);
    assert.deepEqual(heard.properties, properties);
  }
  let seen = await soon('the chat', sdk.getChat({ chatId: id }));
  for (const place of [seen, seen.thread, seen.thread.events.find((event) => event.id === eventId)]) {
    assert.deepEqual(place.properties.test, properties.test);
  }
  for (const [name, where] of places) {
    await soon(name, sdk[`delete${name}Properties`]({ ...where, properties: { test: ['string_property'] } }));
    await visitor.hears(`${name.toLowerCase()}_properties_deleted`);
  }
  seen = await soon('the chat', sdk.getChat({ chatId: id }));
  assert.deepEqual(seen.properties.test, { int_property: 3 });
  await fails(sdk.updateChatProperties({ id, properties: { test: { int_property: 'x' } } }), 'VALIDATION');
  await visitor.done();
});

test('a chat is rated, and the rating taken back', async () => {
  const visitor = await talk();
  await soon('the rating', visitor.sdk.rateChat({ chatId: visitor.chat, rating: { score: 1, comment: 'Good' } }));
  const { thread } = await soon('the chat', visitor.sdk.getChat({ chatId: visitor.chat }));
  assert.deepEqual(thread.properties.rating, { score: 1, comment: 'Good' });
  await visitor.hears('incoming_event', (heard) => heard.event.systemMessageType === 'rating.chat_rated');
  await soon('no rating', visitor.sdk.cancelRate({ chatId: visitor.chat, properties: ['score'] }));
  await visitor.done();
});

test('a file is uploaded, sent and fetched', async () => {
  const visitor = await talk();
  const content = 'Margherita 7\n';
  const progress = [];
  const upload = visitor.sdk.uploadFile({
    file: new File([content], 'menu.txt', { type: 'text/plain' }),
    onProgress: (part) => progress.push(part),
  });
  const { url } = await soon('the upload', upload.promise);
  const sent = await soon(
    'the file',
    visitor.sdk.sendEvent({ chatId: visitor.chat, event: { type: 'file', url } }),
  );
  assert.deepEqual([sent.type, sent.name, sent.contentType], ['file', 'menu.txt', 'text/plain']);
  const got = await fetch(sent.url);
  assert.equal(await got.text(), content);
  assert.ok(progress.length > 0);
  const program = visitor.sdk.uploadFile({ file: new File(['MZ\0\0'], 'setup.exe') });
  await fails(program.promise, 'VALIDATION');
  await visitor.done();
});

test('what was seen is marked', async () => {
  const visitor = await talk();
  await visitor.join();
  await visitor.answer({ text: 'read me' });
  const { event } = await visitor.hears('incoming_event', (heard) => heard.event.text === 'read me');
  await soon('marked', visitor.sdk.markEventsAsSeen({ chatId: visitor.chat, seenUpTo: event.createdAt }));
  const marked = await visitor.hears('events_marked_as_seen', (heard) => heard.userId === visitor.id);
  assert.equal(marked.seenUpTo, event.createdAt);
  const chat = await soon('the chat', visitor.sdk.getChat({ chatId: visitor.chat }));
  assert.equal(chat.eventsSeenUpToMap[visitor.id], event.createdAt);
  await visitor.done();
});

test('a sneak peek reaches the agent and is not kept', async () => {
  const visitor = await talk();
  await visitor.join();
  const watching = await online(bob);
  visitor.sdk.setSneakPeek({ chatId: visitor.chat, sneakPeekText: 'I was wonder' });
  const { sneak_peek: peek } = await watching.hears('incoming_sneak_peek', (heard) => heard.chat_id === visitor.chat);
  assert.deepEqual([peek.text, peek.author_id], ['I was wonder', visitor.id]);
  watching.close();
  const { thread } = await soon('the chat', visitor.sdk.getChat({ chatId: visitor.chat }));
  assert.ok(!JSON.stringify(thread.events).includes('I was wonder'));
  await visitor.done();
});

test('the customer tells who they are', async () => {
  const visitor = await visit({ customerDataProvider: () => ({ name: 'Alice', sessionFields: { from: 'provider' } }) });
  let me = await soon('me', visitor.sdk.getCustomer());
  assert.deepEqual([me.name, me.sessionFields], ['Alice', { from: 'provider' }]);
  await soon('updated', visitor.sdk.updateCustomer({ name: 'Alice B.', email: 'alice@example.com' }));
  await visitor.hears('customer_updated', (heard) => heard.name === 'Alice B.');
  await soon('fields', visitor.sdk.setCustomerSessionFields({ sessionFields: { a: '1', b: '2' } }));
  me = await soon('me', visitor.sdk.getCustomer());
  assert.deepEqual([me.name, me.email], ['Alice B.', 'alice@example.com']);
  assert.deepEqual([me.sessionFields.a, me.sessionFields.b], ['1', '2']);
  const many = Object.fromEntries([...Array(101).keys()].map((number) => [`key${number}`, 'x']));
  await fails(visitor.sdk.setCustomerSessionFields({ sessionFields: many }), 'CUSTOMER_SESSION_FIELDS_LIMIT_REACHED');
});

test('groups, forms and who would answer are told', async () => {
  const visitor = await visit();
  const statuses = await soon('statuses', visitor.sdk.listGroupStatuses());
  assert.ok(['online', 'offline', 'online_for_queue'].includes(statuses[0]));
  const form = await soon('a form', visitor.sdk.getForm({ groupId: 0, type: 'prechat' }));
  assert.equal(typeof form.enabled, 'boolean');
  const predicted = await soon('an agent', visitor.sdk.getPredictedAgent());
  assert.equal(predicted.agent.name, 'Bob');
  await fails(visitor.sdk.getForm({ groupId: 987654, type: 'prechat' }), 'GROUP_NOT_FOUND');
  await fails(visitor.sdk.getChat({ chatId: 'AAAAAAAAAA' }), 'NOT_FOUND');
  await fails(visitor.sdk.acceptGreeting({ greetingId: 987654, uniqueId: 'Q10X0W041P' }), 'GREETING_NOT_FOUND');
  await fails(visitor.sdk.getUrlInfo({ url: 'http://169.254.169.254/latest' }), 'VALIDATION');
});

test('a lost connection comes back, and the chat goes on', async () => {
  const visitor = await talk();
  await visitor.join();
  const before = visitor.heard.filter(([name]) => name === 'connected').length;
  for (const socket of sockets) socket.terminate();
  await visitor.hears('disconnected');
  await visitor.answer({ text: 'while away' });
  await eventually(
    'connected again',
    () => visitor.heard.filter(([name]) => name === 'connected').length > before,
  );
  const { thread } = await soon('the chat', visitor.sdk.getChat({ chatId: visitor.chat }));
  assert.ok(thread.events.some((event) => event.text === 'while away'));
  const text = unique('live again');
  await visitor.answer({ text });
  await visitor.hears('incoming_event', (heard) => heard.event.text === text);
  await visitor.done();
});

test('a token that is no longer good is changed for a fresh one', async () => {
  const visitor = await visit();
  visitor.spoil();
  const before = visitor.heard.filter(([name]) => name === 'connected').length;
  for (const socket of sockets) socket.terminate();
  await eventually(
    'connected again',
    () => visitor.heard.filter(([name]) => name === 'connected').length > before,
  );
  assert.ok(visitor.fresh > 0);
});

test('a banned customer is disconnected for good', async () => {
  const visitor = await talk();
  await bob.call('ban_customer', { id: visitor.id, ban: { days: 1 } });
  const { reason } = await visitor.hears('disconnected');
  assert.equal(reason, 'customer_banned');
  await visitor.done();
});

test('a transfer and new members are heard', async () => {
  const visitor = await talk();
  await visitor.join();
  const carol = await agent('carol@example.com');
  const user = { user_id: carol.id, user_type: 'agent', visibility: 'all' };
  await bob.call('add_user_to_chat', { chat_id: visitor.chat, ...user });
  const { user: added } = await visitor.hears('user_added_to_chat', (heard) => heard.user.name === 'Carol');
  await bob.call('remove_user_from_chat', { chat_id: visitor.chat, user_id: carol.id, user_type: 'agent' });
  await visitor.hears('user_removed_from_chat', (heard) => heard.userId === added.id);
  const target = { type: 'agent', ids: [carol.id] };
  await bob.call('transfer_chat', { id: visitor.chat, target, ignore_agents_availability: true });
  const moved = await visitor.hears('chat_transferred');
  assert.equal(moved.reason, 'manual');
  assert.ok(!JSON.stringify(visitor.heard).includes('@example.com'));
  await visitor.done();
});

test('many messages at once come back each to its own call', async () => {
  const visitor = await talk();
  // The API allows ten calls without an answer.
  for (let round = 0; round < 5; round += 1) {
    const texts = [...Array(8).keys()].map((number) => `${round}.${number}`);
    const events = await soon(
      'all of them',
      Promise.all(
        texts.map((text) => visitor.sdk.sendEvent({ chatId: visitor.chat, event: { type: 'message', text } })),
      ),
    );
    assert.deepEqual(events.map((event) => event.text), texts);
    assert.equal(new Set(events.map((event) => event.id)).size, texts.length);
  }
  await visitor.done();
});

/** A greeting for one page. Gives its address. */
async function greetOn() {
  const url = `https://shop.example.com/${unique('page')}`;
  await ask('POST', '/v3.6/configuration/action/create_greeting', bob.authorization, {
    type: 'normal',
    active: true,
    name: unique('greeting'),
    group: 0,
    rich_message: { template_id: 'cards', elements: [{ title: 'Hungry?', subtitle: 'We deliver', image: { url } }] },
    rules: [{ condition: 'and', type: 'url_current', operator: 'equals', value: url }],
  });
  return url;
}

test('a greeting is shown, taken up, and waved away', async () => {
  const visitor = await visit();
  const url = await greetOn();
  visitor.sdk.updateCustomerPage({ url, title: 'Pizza' });
  const shown = await visitor.hears('incoming_greeting');
  assert.equal(shown.displayedFirstTime, true);
  assert.equal(shown.event.elements[0].title, 'Hungry?');
  assert.ok(!JSON.stringify(shown).includes('@example.com'));
  const { id, uniqueId } = shown;
  await soon('taken up', visitor.sdk.acceptGreeting({ greetingId: id, uniqueId }));
  assert.equal((await visitor.hears('greeting_accepted')).uniqueId, uniqueId);
  const other = await visit();
  other.sdk.updateCustomerPage({ url, title: 'Pizza' });
  const waved = await other.hears('incoming_greeting');
  await soon('waved away', other.sdk.cancelGreeting({ uniqueId: waved.uniqueId }));
  assert.equal((await other.hears('greeting_canceled')).uniqueId, waved.uniqueId);
});

test('a greeting for the first page comes with the login', async () => {
  const url = await greetOn();
  const visitor = await visit({ page: { url, title: 'Pizza' } });
  const shown = visitor.connected.greeting ?? (await visitor.hears('incoming_greeting'));
  assert.equal(shown.event.elements[0].title, 'Hungry?');
});

test('what is edited or said to many is heard', async () => {
  const visitor = await talk();
  await visitor.join();
  const sent = await visitor.answer({ text: 'Welcom' });
  const edit = { chat_id: visitor.chat, thread_id: visitor.thread, event_id: sent, event: { type: 'message', text: 'Welcome' } };
  await bob.call('edit_event', edit);
  const edited = await visitor.hears('event_updated', (heard) => heard.event.id === sent);
  assert.equal(edited.event.text, 'Welcome');
  await bob.call('multicast', { recipients: { customers: { ids: [visitor.id] } }, content: { offer: 2 } });
  assert.deepEqual((await visitor.hears('incoming_multicast')).content, { offer: 2 });
  await visitor.done();
});

test('a queue moves, and availability with it', async () => {
  const ann = await agent(`${unique('ann')}@example.com`);
  await ask('PUT', `/api/v1/agents/${ann.id}`, `Bearer ${process.env.TIDINGS_TOKEN}`, { name: 'Ann', chats_max: 1 });
  const { id: group } = await ask('POST', '/v3.6/configuration/action/create_group', bob.authorization, {
    name: unique('team'),
    agent_priorities: { [ann.id]: 'normal' },
  });
  const working = await online(ann);
  const chats = [];
  const waiting = [];
  for (let number = 0; number < 3; number += 1) {
    const visitor = await visit({ groupId: group });
    const { chat } = await soon('a chat', visitor.sdk.startChat({ chat: { access: { groupIds: [group] } } }));
    chats.push(chat.id);
    waiting.push(visitor);
  }
  const { thread } = await soon('the chat', waiting[2].sdk.getChat({ chatId: chats[2] }));
  assert.equal(thread.queue.position, 2);
  await bob.call('deactivate_chat', { id: chats[0], ignore_requester_presence: true });
  const moved = await waiting[2].hears('queue_position_updated', (heard) => heard.queue.position === 1);
  assert.equal(moved.chatId, chats[2]);
  working.close();
  for (const id of chats) await bob.call('deactivate_chat', { id, ignore_requester_presence: true }).catch(() => {});
});

test('when the last agent goes, the visitor knows', async () => {
  const visitor = await visit();
  await bob.call('set_routing_status', { status: 'not_accepting_chats' });
  await visitor.hears('availability_updated', (heard) => heard.availability === 'offline');
  await bob.call('set_routing_status', { status: 'accepting_chats' });
  await visitor.hears('availability_updated', (heard) => heard.availability === 'online');
});

test('a page is looked at', async () => {
  const visitor = await visit();
  const server = http.createServer((_, answer) => {
    answer.setHeader('Content-Type', 'text/html');
    answer.end('<title>Pizza</title><meta property="og:description" content="Round">');
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  const url = `http://127.0.0.1:${server.address().port}/`;
  const page = await soon('the page', visitor.sdk.getUrlInfo({ url }));
  assert.deepEqual([page.title, page.description, page.url], ['Pizza', 'Round', url]);
  server.close();
});

test('it is left and come back to by its own will', async () => {
  const visitor = await visit({ autoConnect: true });
  const connections = () => visitor.heard.filter(([name]) => name === 'connected').length;
  const before = connections();
  visitor.sdk.disconnect();
  await fails(visitor.sdk.listChats(), 'NO_CONNECTION');
  visitor.sdk.connect();
  await eventually('connected again', () => connections() > before);
  let heard = 0;
  const count = () => {
    heard += 1;
  };
  visitor.sdk.once('customer_updated', count);
  visitor.sdk.on('customer_updated', count);
  for (const name of ['Alice', 'Alice B.']) {
    await soon('updated', visitor.sdk.updateCustomer({ name }));
    await visitor.hears('customer_updated', (update) => update.name === name);
  }
  assert.equal(heard, 3);
  visitor.sdk.off('customer_updated', count);
  await soon('updated', visitor.sdk.updateCustomer({ name: 'Alice C.' }));
  await visitor.hears('customer_updated', (update) => update.name === 'Alice C.');
  assert.equal(heard, 3);
});

test('every method was called, and every event heard', () => {
  assert.deepEqual(uncalled(), []);
  const unheard = EVENTS.filter((name) => !heardOfAll.has(name));
  assert.deepEqual(unheard, []);
});
