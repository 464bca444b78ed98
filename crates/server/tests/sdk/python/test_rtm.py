"""The real-time transport itself: log in, frames, keep-alive, limits, log out; and each call over it as over the Web."""

import json
import time
import uuid

import pytest
from livechat.customer.rtm.base import CustomerRTM
from livechat.customer.web.base import CustomerWeb

from world import CLIENT_ID, Rtm, Talk, denied, did, eventually, ok, refused, summaries, unique


def send(rtm, text):
    rtm.client.ws.sock.send(text)


def answer(rtm, request_id):
    return eventually(f'the answer to {request_id}', lambda: next(
        (frame for frame in rtm.frames() if frame.get('request_id') == request_id and frame['type'] == 'response'),
        None))


@pytest.fixture(params=['agent', 'customer'])
def stranger(request, bob, customer, version):
    """A connection of each kind that did not log in."""
    return (bob if request.param == 'agent' else customer).rtm(version, login=False)


def test_a_login_tells_who_and_where_one_is(talk, bob, world):
    answer = bob.rtm(talk.version).login_answer
    assert answer['license']['organization_id'] == world.organization_id
    assert answer['license']['id'] == world.license_id
    assert answer['my_profile']['id'] == bob.id
    assert (answer['my_profile']['type'], answer['my_profile']['permission']) == ('agent', 'owner')
    assert talk.id in [each['id'] for each in summaries(answer, talk.version)]


def test_nothing_is_done_before_the_login(stranger):
    denied(stranger.call('list_chats', {}), 'authentication', 'authorization')
    denied(stranger.call('login', {'token': 'Bearer made-up'}), 'authentication')
    denied(stranger.call('login', {}), 'validation', 'authentication')


def test_tokens_of_the_other_kind_are_refused(bob, customer, version):
    denied(bob.rtm(version, login=False).login(token=customer.bearer), 'authentication', 'authorization')
    denied(customer.rtm(version, login=False).login(token=bob.bearer), 'authentication', 'authorization')


def test_a_personal_access_token_logs_in(bob, version):
    assert did(bob.rtm(version, login=False).login(token=bob.basic))['my_profile']['id'] == bob.id


def test_a_ping_is_answered_before_and_after_the_login(stranger, bob, version):
    assert did(stranger.call('ping', {})) == {}
    rtm = bob.rtm(version)
    assert did(rtm.call('ping')) == {}
    assert did(rtm.call('ping', {})) == {}


def test_control_pings_keep_a_connection(bob, version):
    rtm = bob.rtm(version)
    rtm.client.ws.sock.ping()
    time.sleep(0.1)
    did(rtm.list_chats())


def test_wrong_frames_are_answered_and_the_connection_stays(bob, version):
    rtm = bob.rtm(version)
    denied(rtm.call('make_coffee', {}), 'validation', 'not_found')
    denied(rtm.call('send_event', 'text'), 'validation')
    denied(rtm.call('send_event'), 'validation')
    send(rtm, 'no json')
    send(rtm, json.dumps({'request_id': 'no-action', 'payload': {}}))
    assert answer(rtm, 'no-action')['payload']['error']['type'] == 'validation'
    did(rtm.list_chats())


def test_answers_echo_the_action_and_the_request(bob, version):
    rtm = bob.rtm(version)
    send(rtm, json.dumps({'version': version, 'request_id': 'any text', 'action': 'list_chats', 'payload': {}}))
    frame = answer(rtm, 'any text')
    assert (frame['action'], frame['success'], frame['type']) == ('list_chats', True, 'response')
    send(rtm, json.dumps({'request_id': '17', 'action': 'get_chat', 'payload': {'chat_id': 'AAAAAAAAAA'}}))
    frame = answer(rtm, '17')
    assert (frame['success'], frame['payload']['error']['type']) == (False, 'not_found')


def test_a_call_may_be_of_a_higher_version(bob, chat):
    rtm = bob.rtm('3.5')
    assert 'chats_summary' in did(rtm.call('list_chats', {}))
    assert 'chats_info' in did(rtm.call('list_chats', {}, version='3.7'))
    newer = bob.rtm('3.7')
    denied(newer.call('list_chats', {}, version='3.5'), 'unsupported_version', 'validation')
    denied(newer.call('list_chats', {}, version='9.9'), 'unsupported_version', 'validation')


@pytest.mark.since('3.6')
def test_a_session_takes_a_new_token(bob, version):
    rtm = bob.rtm(version)
    assert did(rtm.update_session(token=bob.basic)) == {}
    denied(rtm.update_session(token='Bearer made-up'), 'authentication')
    did(rtm.list_chats())


def test_a_logout_ends_the_connection(world, version):
    agent = world.agent('oscar@example.com')
    rtm = agent.rtm(version)
    did(rtm.logout())
    assert rtm.push('agent_disconnected')['payload']['reason'] in ('agent_logged_out_remotely',
                                                                   'agent_disconnected_by_server')
    eventually('the connection ends', lambda: not rtm.client.ws.sock or not rtm.client.ws.sock.connected)


def test_chats_are_driven_over_rtm_alone(bob, carol, customer, version):
    agent, visitor = bob.rtm(version), customer.rtm(version)
    chat = did(visitor.start_chat(continuous=True))['chat_id']
    thread = did(agent.get_chat(chat_id=chat))['thread']
    if bob.id not in thread['user_ids']:
        did(agent.add_user_to_chat(chat_id=chat, user_id=bob.id, user_type='agent', visibility='all',
                                   ignore_requester_presence=True))
    thread = thread['id']
    said = did(agent.send_event(chat_id=chat, event={'type': 'message', 'text': 'Hello', 'custom_id': 'c'}))
    again = did(agent.send_event(chat_id=chat, event={'type': 'message', 'text': 'Hello', 'custom_id': 'c'}))
    assert said == again
    did(visitor.send_event(chat_id=chat, event={'type': 'message', 'text': 'Hi'}))
    for rtm in agent, visitor:
        texts = [event['text'] for event in did(rtm.get_chat(chat_id=chat))['thread']['events']
                 if event['type'] == 'message']
        assert texts == ['Hello', 'Hi']
        assert did(rtm.list_threads(chat_id=chat))['found_threads'] == 1
        assert chat in [each['id'] for each in summaries(did(rtm.list_chats()), version)]
    assert chat in [each['id'] for each in did(agent.list_archives(filters={'chat_ids': [chat]}))['chats']]
    did(agent.update_chat_properties(id=chat, properties={'test': {'int_property': 1}}))
    did(visitor.update_thread_properties(chat_id=chat, thread_id=thread, properties={'test': {'int_property': 2}}))
    did(agent.update_event_properties(chat_id=chat, thread_id=thread, event_id=said['event_id'],
                                      properties={'test': {'int_property': 3}}))
    seen = did(visitor.get_chat(chat_id=chat))
    assert seen['properties']['test'] == {'int_property': 1}
    assert seen['thread']['properties']['test'] == {'int_property': 2}
    did(agent.delete_chat_properties(id=chat, properties={'test': ['int_property']}))
    did(visitor.delete_thread_properties(chat_id=chat, thread_id=thread, properties={'test': ['int_property']}))
    assert did(agent.get_customer(id=customer.id))['id'] == customer.id
    assert did(visitor.get_customer())['id'] == customer.id
    did(visitor.set_customer_session_fields(session_fields=[{'a': '1'}]))
    did(visitor.list_group_statuses(all=True))
    did(visitor.get_form(group_id=0, type='prechat'))
    did(agent.list_routing_statuses())
    did(agent.list_agents_for_transfer(chat_id=chat))
    did(agent.deactivate_chat(id=chat))
    denied(visitor.send_event(chat_id=chat, event={'type': 'message', 'text': 'late'}), 'chat_inactive')
    denied(agent.deactivate_chat(id=chat), 'chat_inactive')
    did(agent.resume_chat(chat={'id': chat}))
    denied(visitor.resume_chat(chat={'id': chat}), 'chat_already_active')
    did(agent.deactivate_chat(id=chat))


def test_too_many_unanswered_calls_are_refused_or_answered(bob):
    rtm = bob.rtm()
    names = [unique('burst') for _ in range(60)]
    for name in names:
        send(rtm, json.dumps({'request_id': name, 'action': 'list_routing_statuses', 'payload': {}}))
    for name in names:
        frame = answer(rtm, name)
        assert frame['success'] or frame['payload']['error']['type'] == 'pending_requests_limit_reached', frame
    did(rtm.list_chats())


def test_a_reconnected_client_is_told_what_it_missed(bob, customer):
    talk = Talk(bob, customer)
    rtm = customer.rtm()
    first = talk.say('heard')
    rtm.event(talk.id)
    rtm.close_connection()
    missed = talk.say('missed')
    back = customer.rtm()
    events = did(back.get_chat(chat_id=talk.id))['thread']['events']
    assert [event['id'] for event in events if event['type'] == 'message'] == [first, missed]
    talk.say('live again')
    back.event(talk.id, lambda event: event['text'] == 'live again')
    talk.close()


def test_an_agent_speaks_for_a_bot(talk, bob, carol, version):
    configuration = bob.configuration(version)
    bot = ok(configuration.create_bot(name=unique('bot'), owner_client_id=CLIENT_ID))['id']
    ok(talk.web.add_user_to_chat(chat_id=talk.id, user_id=bot, user_type='agent', visibility='all'))
    rtm = bob.rtm(version)
    whisper = {'chat_id': talk.id, 'event': {'type': 'message', 'text': 'beep', 'visibility': 'agents'}}
    sent = did(rtm.send_event(**whisper, author_id=bot))['event_id']
    assert rtm.event(talk.id, lambda event: event['id'] == sent)['payload']['event']['author_id'] == bot
    over_web = ok(talk.web.send_event(**whisper, headers={'X-Author-Id': bot}))['event_id']
    assert talk.find(over_web)['author_id'] == bot
    for nobody in carol.id, 'nobody@example.com', 'a bot':
        denied(rtm.send_event(**whisper, author_id=nobody), 'validation')
        refused(talk.web.send_event(**whisper, headers={'X-Author-Id': nobody}), 'validation')
    ok(configuration.delete_bot(id=bot))


def test_another_organization_is_refused(world, customer, version):
    here, other = {'version': version, 'base_url': world.host}, {'organization_id': str(uuid.uuid4())}
    web = world.over_http(CustomerWeb.get_client(customer.bearer, verify=False, disable_logging=True, **here, **other))
    refused(web.list_chats(), 'license_not_found')
    refused(web.list_license_properties(), 'license_not_found')
    rtm = Rtm(CustomerRTM.get_client(**here, **other))
    world.connections.append(rtm)
    denied(rtm.login(token=customer.bearer), 'license_not_found')
