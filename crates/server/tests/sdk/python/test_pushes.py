"""Pushes over RTM: who hears of what, with the `request_id` of the call that caused it for the caller alone."""

import time

import pytest

from world import Talk, did, eventually, ok, unique

MARK = {'type': 'message', 'text': 'marks the end'}


@pytest.fixture
def both(talk, bob, customer):
    """The chat with a connection of each side."""
    talk.agent_rtm = bob.rtm(talk.version)
    talk.customer_rtm = customer.rtm(talk.version)
    return talk


def sides(talk):
    return talk.agent_rtm, talk.customer_rtm


def asked(answer, frame):
    """Whether this push was caused by that call."""
    return frame.get('request_id') == answer.request_id


def test_an_event_is_pushed_to_both_and_the_sender_knows_it(both, bob, customer):
    for sender, other, author in [(both.agent_rtm, both.customer_rtm, bob),
                                  (both.customer_rtm, both.agent_rtm, customer)]:
        text = unique('hello')
        answer = sender.send_event(chat_id=both.id, event={'type': 'message', 'text': text, 'custom_id': text})
        event_id = did(answer)['event_id']
        own = sender.event(both.id, lambda event: event.get('text') == text)
        theirs = other.event(both.id, lambda event: event.get('text') == text)
        assert asked(answer, own), own
        assert 'request_id' not in theirs, theirs
        for frame in own, theirs:
            assert frame['type'] == 'push'
            assert frame['version'] == both.version
            assert frame['payload']['thread_id'] == both.thread
            event = frame['payload']['event']
            assert (event['id'], event['custom_id'], event['type']) == (event_id, text, 'message')
            assert 'created_at' in event
        if author is customer:
            assert theirs['payload']['event']['author_id'] == customer.id
        else:
            assert '@' not in theirs['payload']['event']['author_id']


def test_the_start_of_a_chat_is_pushed_with_the_whole_chat(bob, customer, world, version):
    agent, visitor = bob.rtm(version), customer.rtm(version)
    answer = visitor.start_chat(continuous=True, chat={'thread': {'events': [{'type': 'message', 'text': 'Hi'}]}})
    started = did(answer)
    mine = lambda payload: payload['chat']['id'] == started['chat_id']
    own, theirs = visitor.push('incoming_chat', mine), agent.push('incoming_chat', mine)
    assert asked(answer, own) and 'request_id' not in theirs
    for frame in own, theirs:
        chat = frame['payload']['chat']
        assert chat['thread']['id'] == started['thread_id']
        assert any(event.get('text') == 'Hi' for event in chat['thread']['events'])
        assert any(user['type'] == 'customer' for user in chat['users'])
    answer = visitor.deactivate_chat(id=started['chat_id'])
    did(answer)
    closed = lambda payload: payload['chat_id'] == started['chat_id']
    own, theirs = visitor.push('chat_deactivated', closed), agent.push('chat_deactivated', closed)
    assert asked(answer, own) and own['payload']['thread_id'] == started['thread_id']
    assert theirs['payload']['user_id'] == customer.id
    answer = visitor.resume_chat(chat={'id': started['chat_id']}, continuous=True)
    thread = did(answer)['thread_id']
    again = lambda payload: payload['chat']['id'] == started['chat_id'] and payload['chat']['thread']['id'] == thread
    assert asked(answer, visitor.push('incoming_chat', again))
    agent.push('incoming_chat', again)
    did(visitor.deactivate_chat(id=started['chat_id']))


def test_the_agents_start_is_pushed_to_the_customer(bob, customer, version):
    agent, visitor = bob.rtm(version), customer.rtm(version)
    answer = agent.start_chat(chat={'users': [{'id': customer.id, 'type': 'customer'}]})
    chat = did(answer)['chat_id']
    mine = lambda payload: payload['chat']['id'] == chat
    assert asked(answer, agent.push('incoming_chat', mine))
    users = visitor.push('incoming_chat', mine)['payload']['chat']['users']
    assert all('email' not in user or user['type'] == 'customer' for user in users), users
    did(agent.deactivate_chat(id=chat))
    visitor.push('chat_deactivated', lambda payload: payload['chat_id'] == chat)


def test_closing_is_pushed_with_its_system_message(both):
    answer = both.agent_rtm.deactivate_chat(id=both.id)
    did(answer)
    for rtm in sides(both):
        closed = rtm.push('chat_deactivated', lambda payload: payload['chat_id'] == both.id)
        assert closed['payload']['thread_id'] == both.thread
        rtm.event(both.id, lambda event: event.get('system_message_type') == 'manual_archived_agent')


def test_typing_is_pushed_and_not_kept(both, bob):
    answer = both.agent_rtm.send_typing_indicator(chat_id=both.id, is_typing=True, visibility='all')
    assert did(answer) == {}
    heard = both.customer_rtm.push('incoming_typing_indicator')['payload']
    assert (heard['chat_id'], heard['thread_id']) == (both.id, both.thread)
    indicator = heard['typing_indicator']
    assert indicator['is_typing'] is True
    assert abs(indicator['timestamp'] - time.time()) < 60
    assert '@' not in indicator['author_id']
    did(both.agent_rtm.send_typing_indicator(chat_id=both.id, is_typing=False, visibility='agents'))
    both.say('marks the end')
    both.customer_rtm.event(both.id, lambda event: event.get('text') == 'marks the end')
    assert len(both.customer_rtm.pushes('incoming_typing_indicator')) == 1
    assert not [event for event in both.events() if 'typing' in event['type']]


def test_a_sneak_peek_is_for_agents(both, customer):
    assert did(both.customer_rtm.send_sneak_peek(chat_id=both.id, sneak_peek_text='I was wonder')) == {}
    peek = both.agent_rtm.push('incoming_sneak_peek')['payload']
    assert (peek['chat_id'], peek['thread_id']) == (both.id, both.thread)
    assert (peek['sneak_peek']['text'], peek['sneak_peek']['author_id']) == ('I was wonder', customer.id)
    assert abs(peek['sneak_peek']['timestamp'] - time.time()) < 60
    assert not [event for event in both.events() if event.get('text') == 'I was wonder']


def test_what_was_seen_is_pushed_to_both(both, bob, customer):
    said = both.say('read me')
    seen = both.find(said)['created_at']
    assert did(both.customer_rtm.mark_events_as_seen(chat_id=both.id, seen_up_to=seen)) == {}
    marked = lambda payload: payload['chat_id'] == both.id and payload['seen_up_to'] == seen
    heard = both.agent_rtm.push('events_marked_as_seen', marked)['payload']
    assert heard['user_id'] == customer.id
    users = {user['id']: user for user in ok(both.web.get_chat(chat_id=both.id))['users']}
    assert users[customer.id]['events_seen_up_to'] == seen
    written = both.find(both.write('and me'))['created_at']
    did(both.agent_rtm.mark_events_as_seen(chat_id=both.id, seen_up_to=written))
    both.customer_rtm.push('events_marked_as_seen', lambda payload: payload['seen_up_to'] == written)


def test_postbacks_are_pushed_to_both(both, customer):
    buttons = [{'type': 'message', 'text': 'Yes', 'value': 'yes', 'postback_id': 'yes'}]
    event = {'type': 'rich_message', 'template_id': 'quick_replies', 'elements': [{'title': 'Well?',
                                                                                   'buttons': buttons}]}
    card = ok(both.web.send_event(chat_id=both.id, event=event))['event_id']
    answer = both.customer_rtm.send_rich_message_postback(chat_id=both.id, thread_id=both.thread, event_id=card,
                                                          postback={'id': 'yes', 'toggled': True})
    did(answer)
    for rtm in sides(both):
        heard = rtm.push('incoming_rich_message_postback')['payload']
        assert (heard['chat_id'], heard['thread_id'], heard['event_id']) == (both.id, both.thread, card)
        assert heard['user_id'] == customer.id
        assert (heard['postback']['id'], heard['postback']['toggled']) == ('yes', True)
    assert asked(answer, both.customer_rtm.push('incoming_rich_message_postback'))


@pytest.mark.parametrize('kind', ['chat', 'thread', 'event'])
def test_changed_properties_are_pushed_to_both(both, kind):
    where = {'chat': {'id': both.id}, 'thread': {'chat_id': both.id, 'thread_id': both.thread}}
    if kind == 'event':
        where['event'] = {**where['thread'], 'event_id': both.say('marked')}
    properties = {'test': {'string_property': kind}}
    answer = getattr(both.agent_rtm, f'update_{kind}_properties')(**where[kind], properties=properties)
    assert did(answer) == {}
    for rtm in sides(both):
        heard = rtm.push(f'{kind}_properties_updated')['payload']
        assert heard['chat_id'] == both.id
        assert heard['properties'] == properties
        assert heard.get('event_id') == where[kind].get('event_id')
    assert asked(answer, both.agent_rtm.push(f'{kind}_properties_updated'))
    did(getattr(both.customer_rtm, f'delete_{kind}_properties')(**where[kind],
                                                                properties={'test': ['string_property']}))
    for rtm in sides(both):
        heard = rtm.push(f'{kind}_properties_deleted')['payload']
        assert heard['properties'] == {'test': ['string_property']}


def test_tags_are_pushed_to_agents(both, bob):
    tag = unique('vip')
    ok(bob.configuration().create_tag(name=tag, group_ids=[0]))
    did(both.agent_rtm.tag_thread(chat_id=both.id, thread_id=both.thread, tag=tag))
    heard = both.agent_rtm.push('thread_tagged')['payload']
    assert heard == {'chat_id': both.id, 'thread_id': both.thread, 'tag': tag}
    did(both.agent_rtm.untag_thread(chat_id=both.id, thread_id=both.thread, tag=tag))
    both.agent_rtm.push('thread_untagged')
    both.say('marks the end')
    both.customer_rtm.event(both.id, lambda event: event.get('text') == 'marks the end')
    assert not both.customer_rtm.pushes('thread_tagged') + both.customer_rtm.pushes('thread_untagged')
    ok(bob.configuration().delete_tag(name=tag))


def test_members_who_come_and_go_are_pushed(both, bob, carol):
    did(both.agent_rtm.add_user_to_chat(chat_id=both.id, user_id=carol.id, user_type='agent', visibility='all'))
    heard = both.agent_rtm.push('user_added_to_chat')['payload']
    assert (heard['chat_id'], heard['user']['id'], heard['reason']) == (both.id, carol.id, 'manual')
    assert heard['requester_id'] == bob.id
    theirs = both.customer_rtm.push('user_added_to_chat')['payload']
    assert theirs['user']['name'] == 'Carol'
    assert 'email' not in theirs['user'] and '@' not in theirs['user']['id']
    did(both.agent_rtm.remove_user_from_chat(chat_id=both.id, user_id=carol.id, user_type='agent'))
    heard = both.agent_rtm.push('user_removed_from_chat')['payload']
    assert (heard['user_id'], heard['reason']) == (carol.id, 'manual')
    theirs_gone = both.customer_rtm.push('user_removed_from_chat')['payload']
    assert theirs_gone['user_id'] == theirs['user']['id']


def test_a_transfer_is_pushed_to_the_old_the_new_and_the_customer(both, bob, carol):
    new = carol.rtm(both.version)
    did(both.agent_rtm.transfer_chat(id=both.id, target={'type': 'agent', 'ids': [carol.id]},
                                     ignore_agents_availability=True))
    for rtm in sides(both):
        heard = rtm.push('chat_transferred')['payload']
        assert (heard['chat_id'], heard['reason']) == (both.id, 'manual')
    assert both.agent_rtm.push('chat_transferred')['payload']['transferred_to']['agent_ids'] == [carol.id]
    assert 'example.com' not in str(both.customer_rtm.frames()).replace(str(both.customer_rtm.login_answer), '')
    arrived = new.push('incoming_chat', lambda payload: payload['chat']['id'] == both.id)['payload']
    assert arrived['transferred_from']['agent_ids'] == [bob.id]


def test_a_follower_hears_until_unfollowing(talk, carol):
    other = carol.rtm(talk.version)
    answer = other.follow_chat(id=talk.id)
    did(answer)
    followed = other.push('incoming_chat', lambda payload: payload['chat']['id'] == talk.id)
    assert asked(answer, followed)
    talk.say('for followers')
    other.event(talk.id, lambda event: event.get('text') == 'for followers')
    did(other.unfollow_chat(id=talk.id))
    assert other.push('chat_unfollowed')['payload'] == {'chat_id': talk.id}


@pytest.mark.since('3.6')
def test_thinking_and_previews_are_pushed_to_the_customer(both):
    did(both.agent_rtm.send_thinking_indicator(chat_id=both.id, title='Looking', description='in the books',
                                               visibility='all', custom_id='t1'))
    heard = both.customer_rtm.push('incoming_thinking_indicator')['payload']
    assert (heard['chat_id'], heard['title'], heard['custom_id']) == (both.id, 'Looking', 't1')
    did(both.agent_rtm.send_event_preview(chat_id=both.id,
                                          event={'type': 'message', 'text': 'Well, ', 'custom_id': 'p1'}))
    preview = both.customer_rtm.push('incoming_event_preview')['payload']['event']
    assert (preview['type'], preview['text'], preview['custom_id']) == ('message', 'Well, ', 'p1')
    assert 'id' not in preview
    assert not [event for event in both.events() if event.get('text') == 'Well, ']


@pytest.mark.since('3.6')
def test_a_deleted_event_is_pushed(both):
    written = both.write('oops')
    did(both.customer_rtm.delete_event(chat_id=both.id, thread_id=both.thread, event_id=written))
    for rtm in sides(both):
        heard = rtm.push('event_deleted')['payload']
        assert heard == {'chat_id': both.id, 'thread_id': both.thread, 'event_id': written}


def test_a_customers_new_data_are_pushed(both, customer):
    did(both.customer_rtm.update_customer(name='Alice', email='alice@example.com',
                                          session_fields=[{'order': '17'}]))
    heard = both.agent_rtm.push('customer_updated', lambda payload: payload['id'] == customer.id)['payload']
    assert (heard['name'], heard['email']) == ('Alice', 'alice@example.com')
    own = both.customer_rtm.push('customer_updated')['payload']
    assert own['name'] == 'Alice'
    did(both.agent_rtm.update_customer(id=customer.id, name='Alice B.'))
    both.customer_rtm.push('customer_updated', lambda payload: payload.get('name') == 'Alice B.')
    told = both.agent_rtm.event(both.id,
                                   lambda event: event.get('system_message_type') == 'customer_updated')
    assert told['payload']['event']['text_vars']['customer_name'] == 'Alice B.'


def test_routing_statuses_are_pushed(bob, carol, version):
    watcher, rtm = bob.rtm(version), carol.rtm(version)
    did(rtm.set_routing_status(status='not_accepting_chats'))
    watcher.push('routing_status_set', lambda payload: payload == {'agent_id': carol.id,
                                                                   'status': 'not_accepting_chats'})


def test_a_multicast_reaches_the_named(bob, carol, version):
    watcher, other = bob.rtm(version), carol.rtm(version)
    content = {'note': unique('lunch')}
    did(watcher.multicast(recipients={'agents': {'ids': [carol.id]}}, content=content, type='note'))
    heard = other.push('incoming_multicast', lambda payload: payload['content'] == content)['payload']
    assert (heard['type'], heard['author_id']) == ('note', bob.id)
    everybody = {'note': unique('all')}
    did(watcher.multicast(recipients={'agents': {'all': True}}, content=everybody))
    for rtm in watcher, other:
        rtm.push('incoming_multicast', lambda payload: payload['content'] == everybody)


def test_configuration_is_pushed_to_agents(bob, version):
    watcher, configuration = bob.rtm(version), bob.configuration(version)
    name = unique('group')
    group = ok(configuration.create_group(name=name, agent_priorities={bob.id: 'normal'}))['id']
    assert watcher.push('group_created', lambda payload: payload['id'] == group)['payload']['name'] == name
    ok(configuration.update_group(id=group, name=f'{name}!'))
    watcher.push('group_updated', lambda payload: payload == {'id': group, 'name': f'{name}!'})
    ok(configuration.delete_group(id=group))
    watcher.push('group_deleted', lambda payload: payload == {'id': group})
    tag = unique('tag')
    ok(configuration.create_tag(name=tag, group_ids=[0]))
    watcher.push('tag_created', lambda payload: payload['name'] == tag)
    ok(configuration.delete_tag(name=tag))
    watcher.push('tag_deleted', lambda payload: payload == {'name': tag})
    agent = f'{unique("new")}@example.com'
    ok(configuration.create_agent(id=agent, name='New'))
    watcher.push('agent_created', lambda payload: payload['id'] == agent)
    ok(configuration.update_agent(id=agent, job_title='Cook'))
    watcher.push('agent_updated', lambda payload: payload['id'] == agent and payload['job_title'] == 'Cook')
    ok(configuration.suspend_agent(id=agent))
    watcher.push('agent_suspended', lambda payload: payload == {'id': agent})
    ok(configuration.unsuspend_agent(id=agent))
    watcher.push('agent_unsuspended', lambda payload: payload == {'id': agent})
    ok(configuration.delete_agent(id=agent))
    watcher.push('agent_deleted', lambda payload: payload == {'id': agent})


def test_only_chosen_pushes_come(bob, customer, version):
    talk = Talk(bob, customer, version)
    chosen = bob.rtm(version, pushes={version: ['chat_deactivated']})
    all_of_them = bob.rtm(version, pushes={version: ['all']})
    talk.say('unheard')
    all_of_them.event(talk.id)
    talk.close()
    chosen.push('chat_deactivated', lambda payload: payload['chat_id'] == talk.id)
    assert {frame['action'] for frame in chosen.frames() if frame['type'] == 'push'} == {'chat_deactivated'}


def test_pushes_come_in_the_version_that_was_chosen(bob, customer):
    old = bob.rtm('3.5', pushes={'3.7': ['all']})
    talk = Talk(bob, customer)
    frame = old.push('incoming_chat', lambda payload: payload['chat']['id'] == talk.id)
    assert frame['version'] == '3.7'
    talk.close()


def test_every_connection_of_an_agent_hears_it(talk, bob):
    first, second = bob.rtm(talk.version), bob.rtm(talk.version)
    answer = first.send_event(chat_id=talk.id, event={'type': 'message', 'text': 'twice heard'})
    did(answer)
    own = first.event(talk.id, lambda event: event.get('text') == 'twice heard')
    other = second.event(talk.id, lambda event: event.get('text') == 'twice heard')
    assert asked(answer, own)
    assert 'request_id' not in other


def test_many_events_come_in_order_and_once(both):
    said = [both.say(str(number)) for number in range(50)]
    for rtm in sides(both):
        def arrived():
            return [event['id'] for event in rtm.events(both.id) if event['type'] == 'message']
        eventually('all events', lambda: len(arrived()) >= len(said))
        assert arrived() == said
