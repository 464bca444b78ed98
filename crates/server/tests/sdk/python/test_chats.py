"""The life of a chat over the Agent Web API: start, list, get, close, resume, follow, transfer, members."""

import re

import pytest

from world import Talk, eventually, last_thread, ok, refused, summaries, unique

ID = re.compile(r'^[A-Z0-9]{10}$')
TIME = re.compile(r'^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$')
NOBODY = '00000000-0000-4000-8000-000000000000'


def ids(users):
    return {user['id'] for user in users}


def test_a_started_chat_has_a_thread_and_both_users(talk, bob, customer):
    assert ID.match(talk.id) and ID.match(talk.thread), talk.started
    chat = ok(talk.web.get_chat(chat_id=talk.id))
    assert chat['id'] == talk.id
    assert chat['thread']['id'] == talk.thread
    assert chat['thread']['active'] is True
    assert TIME.match(chat['thread']['created_at']), chat['thread']
    assert set(chat['thread']['user_ids']) == {bob.id, customer.id}
    assert ids(chat['users']) == {bob.id, customer.id}
    agent = next(user for user in chat['users'] if user['id'] == bob.id)
    assert (agent['type'], agent['email'], agent['name']) == ('agent', bob.id, 'Bob')
    assert agent['visibility'] == 'all'


def test_first_events_are_in_the_thread_and_their_ids_in_the_answer(bob, customer, version):
    first = [{'type': 'message', 'text': 'one'}, {'type': 'message', 'text': 'two', 'custom_id': 'second'}]
    talk = Talk(bob, customer, version, {'thread': {'events': first}})
    assert len(talk.started['event_ids']) == 2
    events = [event for event in talk.events() if event['type'] == 'message']
    assert [event['text'] for event in events] == ['one', 'two']
    assert [event['id'] for event in events] == talk.started['event_ids']
    assert {event['author_id'] for event in events} == {bob.id}
    assert {event['visibility'] for event in events} == {'all'}
    assert events[1]['custom_id'] == 'second'
    talk.close()


def test_first_events_of_others_need_the_author_in_the_chat(bob, carol, customer, version):
    event = {'type': 'message', 'text': 'not mine', 'author_id': carol.id}
    users = [{'id': customer.id, 'type': 'customer'}]
    web = bob.web(version)
    refused(web.start_chat(chat={'users': users, 'thread': {'events': [event]}}), 'validation', 'authorization')


def test_properties_of_a_new_chat_are_kept(bob, customer, version):
    properties = {'test': {'string_property': 'chat'}}
    thread = {'properties': {'test': {'int_property': 7}}}
    talk = Talk(bob, customer, version, {'properties': properties, 'thread': thread})
    chat = ok(talk.web.get_chat(chat_id=talk.id))
    assert chat['properties']['test'] == {'string_property': 'chat'}
    assert chat['thread']['properties']['test'] == {'int_property': 7}
    talk.close()


def test_a_chat_may_start_closed(bob, customer, version):
    talk = Talk(bob, customer, version, active=False)
    assert ok(talk.web.get_chat(chat_id=talk.id))['thread']['active'] is False
    refused(talk.web.send_event(chat_id=talk.id, event={'type': 'message', 'text': 'no'}), 'chat_inactive')


def test_a_customer_has_one_chat(talk, bob, customer):
    users = [{'id': customer.id, 'type': 'customer'}]
    refused(talk.web.start_chat(chat={'users': users}), 'chat_limit_reached', 'limit_reached')
    refused(talk.customer_web.start_chat(continuous=True), 'chat_limit_reached', 'limit_reached')


def test_unknown_users_start_no_chat(bob, version):
    web = bob.web(version)
    refused(web.start_chat(chat={'users': [{'id': NOBODY, 'type': 'customer'}]}), 'not_found')
    refused(web.start_chat(chat={'users': [{'id': 'nobody@example.com', 'type': 'agent'}]}), 'not_found')
    refused(web.start_chat(chat={'users': 'all'}), 'validation')


def test_a_chat_is_listed_with_its_last_events(talk, bob):
    said = talk.say('to be listed')
    page = ok(talk.web.list_chats(limit=100))
    assert page['found_chats'] >= 1
    summary = next(each for each in summaries(page, talk.version) if each['id'] == talk.id)
    assert bob.id in ids(summary['users'])
    thread = last_thread(summary, talk.version)
    assert (thread['id'], thread['active']) == (talk.thread, True)
    by_type = (thread if talk.version == '3.7' else summary)['last_event_per_type']
    assert by_type['message']['thread_id'] == talk.thread
    assert by_type['message']['event']['id'] == said
    assert isinstance(summary['is_followed'], bool)


def test_lists_tell_active_chats_from_closed_ones(talk):
    closed = {'include_active': False} if talk.version == '3.5' else {'active': False}
    def listed(filters):
        return ids(summaries(ok(talk.web.list_chats(filters=filters, limit=100)), talk.version))
    assert talk.id in listed({})
    assert talk.id not in listed(closed)
    ok(talk.web.deactivate_chat(id=talk.id))
    assert talk.id in listed(closed)
    if talk.version != '3.5':
        assert talk.id not in listed({'active': True})


def test_threads_are_listed_newest_first(talk):
    ok(talk.web.deactivate_chat(id=talk.id))
    second = ok(talk.web.resume_chat(chat={'id': talk.id}))['thread_id']
    page = ok(talk.web.list_threads(chat_id=talk.id))
    assert [thread['id'] for thread in page['threads']] == [second, talk.thread]
    assert page['found_threads'] == 2
    assert page['threads'][0]['previous_thread_id'] == talk.thread
    assert page['threads'][1]['next_thread_id'] == second
    older = ok(talk.web.list_threads(chat_id=talk.id, sort_order='asc'))['threads']
    assert [thread['id'] for thread in older] == [talk.thread, second]


def test_a_thread_is_asked_by_its_id(talk):
    ok(talk.web.deactivate_chat(id=talk.id))
    second = ok(talk.web.resume_chat(chat={'id': talk.id}))['thread_id']
    assert ok(talk.web.get_chat(chat_id=talk.id))['thread']['id'] == second
    assert ok(talk.web.get_chat(chat_id=talk.id, thread_id=talk.thread))['thread']['id'] == talk.thread
    refused(talk.web.get_chat(chat_id=talk.id, thread_id='AAAAAAAAAA'), 'not_found')


def test_closing_ends_the_thread_and_says_so(talk, bob):
    assert ok(talk.web.deactivate_chat(id=talk.id)) == {}
    thread = ok(talk.web.get_chat(chat_id=talk.id))['thread']
    assert thread['active'] is False
    closing = [event for event in thread['events'] if event['type'] == 'system_message']
    assert closing[-1]['system_message_type'] == 'manual_archived_agent'
    assert closing[-1]['text_vars']['agent'] == 'Bob'
    assert 'Bob' in closing[-1]['text']
    assert 'author_id' not in closing[-1]
    refused(talk.web.deactivate_chat(id=talk.id), 'chat_inactive')
    refused(talk.web.send_event(chat_id=talk.id, event={'type': 'message', 'text': 'late'}), 'chat_inactive')
    refused(talk.customer_web.send_event(chat_id=talk.id, event={'type': 'message', 'text': 'late'}),
            'chat_inactive')


def test_resuming_opens_a_new_thread_once(talk):
    refused(talk.web.resume_chat(chat={'id': talk.id}), 'chat_already_active')
    ok(talk.web.deactivate_chat(id=talk.id))
    first = [{'type': 'message', 'text': 'back again'}]
    resumed = ok(talk.web.resume_chat(chat={'id': talk.id, 'thread': {'events': first}}))
    assert resumed['thread_id'] != talk.thread
    assert len(resumed['event_ids']) == 1
    thread = ok(talk.web.get_chat(chat_id=talk.id))['thread']
    assert (thread['id'], thread['active']) == (resumed['thread_id'], True)
    refused(talk.web.resume_chat(chat={'id': 'AAAAAAAAAA'}), 'not_found')


def test_a_customer_starts_closes_and_resumes(customer, bob, version):
    web = customer.web(version)
    started = ok(web.start_chat(continuous=True, chat={'thread': {'events': [{'type': 'message', 'text': 'Hi'}]}}))
    assert len(started['event_ids']) == 1
    thread = ok(web.get_chat(chat_id=started['chat_id']))['thread']
    message = next(event for event in thread['events'] if event['type'] == 'message')
    assert (message['author_id'], message['text']) == (customer.id, 'Hi')
    assert ok(web.deactivate_chat(id=started['chat_id'])) == {}
    events = ok(web.get_chat(chat_id=started['chat_id']))['thread']['events']
    assert events[-1]['system_message_type'] == 'manual_archived_customer'
    refused(web.deactivate_chat(id=started['chat_id']), 'chat_inactive')
    resumed = ok(web.resume_chat(chat={'id': started['chat_id']}, continuous=True))
    assert resumed['thread_id'] != started['thread_id']
    refused(web.resume_chat(chat={'id': started['chat_id']}), 'chat_already_active')
    ok(web.deactivate_chat(id=started['chat_id']))


def test_a_customer_writes_to_the_last_thread_of_a_closed_chat_when_asked_to(talk):
    ok(talk.web.deactivate_chat(id=talk.id))
    late = {'type': 'message', 'text': 'one more thing'}
    sent = ok(talk.customer_web.send_event(chat_id=talk.id, event=late, attach_to_last_thread=True))
    assert talk.find(sent['event_id'])['text'] == 'one more thing'
    assert ok(talk.web.get_chat(chat_id=talk.id))['thread']['active'] is False


def test_who_is_not_in_the_chat_must_say_that_it_is_meant(talk, carol, world):
    manager = world.agent('mallory@example.com', role='administrator').web(talk.version)
    message = {'type': 'message', 'text': 'from outside'}
    refused(manager.send_event(chat_id=talk.id, event=message), 'authorization')
    refused(manager.deactivate_chat(id=talk.id), 'authorization')
    refused(manager.transfer_chat(id=talk.id, target={'type': 'agent', 'ids': [carol.id]}), 'authorization')
    refused(manager.add_user_to_chat(chat_id=talk.id, user_id=carol.id, user_type='agent', visibility='all'),
            'authorization')
    refused(manager.remove_user_from_chat(chat_id=talk.id, user_id=talk.agent.id, user_type='agent'),
            'authorization')
    ok(manager.add_user_to_chat(chat_id=talk.id, user_id=carol.id, user_type='agent', visibility='all',
                                ignore_requester_presence=True))
    ok(manager.remove_user_from_chat(chat_id=talk.id, user_id=carol.id, user_type='agent',
                                     ignore_requester_presence=True))
    ok(manager.deactivate_chat(id=talk.id, ignore_requester_presence=True))


def test_an_added_agent_takes_part_and_a_removed_one_does_not(talk, bob, carol):
    others = carol.web(talk.version)
    refused(others.send_event(chat_id=talk.id, event={'type': 'message', 'text': 'no'}), 'authorization')
    ok(talk.web.add_user_to_chat(chat_id=talk.id, user_id=carol.id, user_type='agent', visibility='all'))
    added = talk.events()[-1]
    assert added['system_message_type'] == 'agent_added'
    assert added['text_vars'] == {'initiator': 'Bob', 'agent': 'Carol'}
    sent = ok(others.send_event(chat_id=talk.id, event={'type': 'message', 'text': 'Carol here'}))
    assert talk.find(sent['event_id'])['author_id'] == carol.id
    ok(talk.web.remove_user_from_chat(chat_id=talk.id, user_id=carol.id, user_type='agent'))
    assert talk.events()[-1]['system_message_type'] == 'agent_removed'
    refused(others.send_event(chat_id=talk.id, event={'type': 'message', 'text': 'no'}), 'authorization')


def test_joining_and_leaving_say_so(talk, carol):
    others = carol.web(talk.version)
    ok(others.add_user_to_chat(chat_id=talk.id, user_id=carol.id, user_type='agent', visibility='all',
                               ignore_requester_presence=True))
    joined = talk.events()[-1]
    assert (joined['system_message_type'], joined['text_vars']) == ('agent_joined', {'agent': 'Carol'})
    ok(others.remove_user_from_chat(chat_id=talk.id, user_id=carol.id, user_type='agent'))
    left = talk.events()[-1]
    assert (left['system_message_type'], left['text_vars']) == ('agent_left', {'agent': 'Carol'})


def test_wrong_users_are_not_added(talk, bob, carol, world):
    def add(**more):
        return talk.web.add_user_to_chat(**{'chat_id': talk.id, 'user_type': 'agent', 'visibility': 'all', **more})
    refused(add(user_id='nobody@example.com'), 'not_found', 'validation')
    refused(add(user_id=carol.id, user_type='robot'), 'validation')
    refused(add(user_id=carol.id, visibility='nobody'), 'validation')
    refused(add(), 'validation')
    refused(add(user_id=carol.id, chat_id='AAAAAAAAAA'), 'not_found')
    second = world.customer(bob)
    refused(add(user_id=second.id, user_type='customer'), 'validation', 'limit_reached')
    refused(talk.web.remove_user_from_chat(chat_id=talk.id, user_id=talk.customer.id, user_type='customer'),
            'validation', 'authorization')
    ok(talk.web.deactivate_chat(id=talk.id))
    refused(add(user_id=carol.id), 'chat_inactive')


def test_following_is_for_who_is_not_a_member(talk, carol):
    others = carol.web(talk.version)
    assert ok(others.get_chat(chat_id=talk.id))['is_followed'] is False
    assert ok(others.follow_chat(id=talk.id)) == {}
    assert ok(others.get_chat(chat_id=talk.id))['is_followed'] is True
    assert ok(others.unfollow_chat(id=talk.id)) == {}
    assert ok(others.get_chat(chat_id=talk.id))['is_followed'] is False
    refused(others.follow_chat(id='AAAAAAAAAA'), 'not_found')
    refused(others.unfollow_chat(id='AAAAAAAAAA'), 'not_found')


def test_a_transfer_replaces_the_agent(talk, bob, carol):
    target = {'type': 'agent', 'ids': [carol.id]}
    ok(talk.web.transfer_chat(id=talk.id, target=target, ignore_agents_availability=True))
    chat = ok(talk.web.get_chat(chat_id=talk.id))
    assert carol.id in chat['thread']['user_ids']
    present = {user['id']: user['present'] for user in chat['users']}
    assert present[carol.id] is True
    assert present.get(bob.id, False) is False
    told = [event for event in chat['thread']['events'] if event['type'] == 'system_message']
    moved = next(event for event in told if event['system_message_type'] == 'chat_transferred')
    assert moved['text_vars']['initiator'] == 'Bob'
    assert 'Carol' in moved['text_vars']['targets']
    refused(talk.web.send_event(chat_id=talk.id, event={'type': 'message', 'text': 'no'}), 'authorization')
    sent = ok(carol.web(talk.version).send_event(chat_id=talk.id, event={'type': 'message', 'text': 'mine now'}))
    assert talk.find(sent['event_id'])['author_id'] == carol.id


def test_a_transfer_to_a_group_changes_who_may_see_the_chat(talk, bob):
    made = ok(bob.configuration(talk.version).create_group(name=unique('sales'), agent_priorities={bob.id: 'normal'}))
    ok(talk.web.transfer_chat(id=talk.id, target={'type': 'group', 'ids': [made['id']]},
                              ignore_agents_availability=True))
    chat = ok(talk.web.get_chat(chat_id=talk.id))
    assert chat['access']['group_ids'] == [made['id']]


def test_a_transfer_that_cannot_be_is_refused(talk, world):
    offline = world.agent('oscar@example.com')
    web = talk.web
    refused(web.transfer_chat(id=talk.id, target={'type': 'agent', 'ids': [offline.id]}), 'agent_offline')
    refused(web.transfer_chat(id=talk.id, target={'type': 'agent', 'ids': ['nobody@example.com']}), 'not_found',
            'validation')
    refused(web.transfer_chat(id=talk.id, target={'type': 'planet', 'ids': [1]}), 'validation')
    refused(web.transfer_chat(id='AAAAAAAAAA', target={'type': 'group', 'ids': [0]}), 'not_found')
    ok(web.deactivate_chat(id=talk.id))
    refused(web.transfer_chat(id=talk.id, target={'type': 'agent', 'ids': [offline.id]},
                              ignore_agents_availability=True), 'chat_inactive')


def test_a_chat_of_other_groups_is_hidden_from_a_normal_agent(bob, carol, world, version):
    configuration = bob.configuration(version)
    made = ok(configuration.create_group(name=unique('secret'), agent_priorities={bob.id: 'normal'}))
    talk = Talk(bob, world.customer(bob), version, {'access': {'group_ids': [made['id']]}})
    # Carol may see only chats of her groups.
    group = ok(configuration.create_group(name=unique('own'), agent_priorities={carol.id: 'normal'}))
    narrow = world.agent(carol.id, scopes=['chats--access:rw'])
    others = narrow.web(version)
    refused(others.get_chat(chat_id=talk.id), 'missing_access', 'not_found')
    refused(others.list_threads(chat_id=talk.id), 'missing_access', 'not_found')
    refused(others.follow_chat(id=talk.id), 'missing_access', 'not_found')
    assert talk.id not in ids(summaries(ok(others.list_chats(limit=100)), version))
    ok(configuration.update_group(id=made['id'], agent_priorities={bob.id: 'normal', carol.id: 'normal'}))
    eventually('Carol sees it', lambda: others.get_chat(chat_id=talk.id).status_code == 200)
    talk.close()
    ok(configuration.delete_group(id=made['id']))
    ok(configuration.delete_group(id=group['id']))


def test_the_least_busy_come_first_for_a_transfer(talk, carol, world):
    carol.rtm(version=talk.version)
    listed = ok(talk.web.list_agents_for_transfer(chat_id=talk.id))
    assert carol.id in {each['agent_id'] for each in listed}
    loads = [each.get('total_active_chats', each.get('active_chats')) for each in listed]
    assert loads == sorted(loads)
    refused(talk.web.list_agents_for_transfer(chat_id='AAAAAAAAAA'), 'not_found')


@pytest.mark.parametrize('method', ['get_chat', 'list_threads', 'list_agents_for_transfer'])
def test_what_needs_a_chat_says_so(bob, version, method):
    refused(getattr(bob.web(version), method)(), 'validation')


def test_a_customer_sees_the_own_chat_only(talk, bob, world):
    other = world.customer(bob).web(talk.version)
    refused(other.get_chat(chat_id=talk.id), 'not_found')
    refused(other.list_threads(chat_id=talk.id), 'not_found')
    refused(other.send_event(chat_id=talk.id, event={'type': 'message', 'text': 'mine?'}), 'not_found')
    page = ok(talk.customer_web.list_chats())
    assert page['total_chats'] == 1
    [summary] = summaries(page, talk.version)
    assert (summary['id'], summary['active'], summary['last_thread_id']) == (talk.id, True, talk.thread)
    assert ok(other.list_chats())['total_chats'] == 0
