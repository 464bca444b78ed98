"""What a customer never sees: events for agents, agents who watch, and an agent's e-mail address."""

import json

import pytest

from world import Talk, did, ok, refused, summaries


@pytest.fixture
def secret(talk):
    """A chat with a message for all and one for agents."""
    talk.open = talk.say('for all')
    talk.secret = talk.say('for agents', visibility='agents')
    return talk


def test_an_event_for_agents_is_in_no_answer_to_the_customer(secret):
    web = secret.customer_web
    assert secret.find(secret.secret)['visibility'] == 'agents'
    assert secret.find(secret.open, web)
    assert secret.find(secret.secret, web) is None
    [thread] = ok(web.list_threads(chat_id=secret.id))['threads']
    assert secret.secret not in [event['id'] for event in thread['events']]
    listed = ok(web.list_chats())
    [summary] = summaries(listed, secret.version)
    assert summary['last_event_per_type']['message']['event']['id'] == secret.open
    for answer in (listed, thread, ok(web.get_chat(chat_id=secret.id))):
        assert 'for agents' not in json.dumps(answer)


def test_an_event_for_agents_is_in_no_push_to_the_customer(talk, customer, bob):
    agent, visitor = bob.rtm(talk.version), customer.rtm(talk.version)
    for kind in ({'type': 'message', 'text': 'hidden'}, {'type': 'custom', 'content': {'hidden': 1}},
                 {'type': 'system_message', 'system_message_type': 'hidden', 'text': 'hidden'}):
        answer = agent.send_event(chat_id=talk.id, event={**kind, 'visibility': 'agents'})
        event_id = did(answer)['event_id']
        agent.event(talk.id, lambda event: event['id'] == event_id)
    marked = talk.say('hidden things', visibility='agents')
    ok(talk.web.update_event_properties(chat_id=talk.id, thread_id=talk.thread, event_id=marked,
                                        properties={'test': {'string_property': 'hidden'}}))
    talk.say('the end')
    visitor.event(talk.id, lambda event: event.get('text') == 'the end')
    assert 'hidden' not in json.dumps(visitor.frames())


def test_a_customer_cannot_touch_what_is_for_agents(secret):
    web, where = secret.customer_web, {'chat_id': secret.id, 'thread_id': secret.thread, 'event_id': secret.secret}
    refused(web.update_event_properties(**where, properties={'test': {'int_property': 1}}), 'not_found')
    refused(web.delete_event_properties(**where, properties={'test': ['int_property']}), 'not_found')
    refused(web.send_rich_message_postback(**where, postback={'id': 'a', 'toggled': True}), 'not_found')
    if secret.version != '3.5':
        refused(web.delete_event(**where), 'not_found')


def test_an_agents_address_is_never_told(talk, bob, carol, customer):
    visitor = customer.rtm(talk.version)
    talk.say('hello')
    talk.write('hi')
    ok(talk.web.add_user_to_chat(chat_id=talk.id, user_id=carol.id, user_type='agent', visibility='all'))
    ok(carol.web(talk.version).send_event(chat_id=talk.id, event={'type': 'message', 'text': 'me too'}))
    ok(talk.web.send_typing_indicator(chat_id=talk.id, is_typing=True, visibility='all'))
    ok(talk.web.mark_events_as_seen(chat_id=talk.id, seen_up_to=talk.events()[-1]['created_at']))
    ok(talk.web.remove_user_from_chat(chat_id=talk.id, user_id=carol.id, user_type='agent'))
    talk.say('the end')
    visitor.event(talk.id, lambda event: event.get('text') == 'the end')
    web = talk.customer_web
    ok(talk.web.deactivate_chat(id=talk.id))
    visitor.push('chat_deactivated', lambda payload: payload['chat_id'] == talk.id)
    answers = [ok(web.list_chats()), ok(web.get_chat(chat_id=talk.id)), ok(web.list_threads(chat_id=talk.id)),
               visitor.frames()]
    for answer in answers:
        assert '@example.com' not in json.dumps(answer), answer
    agents = [user for user in answers[1]['users'] if user['type'] == 'agent']
    assert agents, 'a customer sees who answers'
    for agent in agents:
        assert len(agent['id']) == 32 and set(agent['id']) <= set('0123456789abcdef'), agent
        assert agent['name'] in ('Bob', 'Carol')
        assert 'email' not in agent
    authors = {event.get('author_id') for event in answers[1]['thread']['events'] if event['type'] == 'message'}
    assert authors <= {agent['id'] for agent in agents} | {customer.id}


def test_a_watching_agent_is_not_seen_and_speaks_to_agents_only(talk, carol, customer):
    visitor = customer.rtm(talk.version)
    ok(talk.web.add_user_to_chat(chat_id=talk.id, user_id=carol.id, user_type='agent', visibility='agents'))
    watching = carol.web(talk.version)
    message = {'type': 'message', 'text': 'psst'}
    refused(watching.send_event(chat_id=talk.id, event={**message, 'visibility': 'all'}), 'validation',
            'authorization')
    sent = ok(watching.send_event(chat_id=talk.id, event={**message, 'visibility': 'agents'}))
    assert talk.find(sent['event_id'])['author_id'] == carol.id
    seen = {user['id']: user for user in ok(talk.web.get_chat(chat_id=talk.id))['users']}
    assert seen[carol.id]['visibility'] == 'agents'
    names = {user.get('name') for user in ok(talk.customer_web.get_chat(chat_id=talk.id))['users']}
    assert 'Carol' not in names
    talk.say('the end')
    visitor.event(talk.id, lambda event: event.get('text') == 'the end')
    heard = json.dumps(visitor.frames())
    assert 'Carol' not in heard and 'psst' not in heard


def test_the_customers_own_words_name_the_customer(talk, customer):
    written = talk.write('mine')
    assert talk.find(written, talk.customer_web)['author_id'] == customer.id
    users = ok(talk.customer_web.get_chat(chat_id=talk.id))['users']
    assert customer.id in {user['id'] for user in users}


def test_recipients_is_the_older_name_of_visibility(chat):
    event = {'type': 'message', 'text': 'old words', 'recipients': 'all'}
    sent = ok(chat.customer_web.send_event(chat_id=chat.id, event=event))
    assert chat.find(sent['event_id'])['visibility'] == 'all'


def test_agents_only_things_are_not_in_a_search_of_what_the_customer_sees(bob, customer, version):
    talk = Talk(bob, customer, version)
    talk.say('zebra', visibility='agents')
    talk.close()
    assert 'zebra' not in json.dumps(ok(talk.customer_web.list_threads(chat_id=talk.id)))
    assert 'zebra' in json.dumps(ok(talk.web.list_threads(chat_id=talk.id)))
