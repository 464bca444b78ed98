"""Every public method of every client, with arguments that are right, over the Web and over RTM.

What a method does is told by the other tests; here each one is understood and answered, with the fields that it names.
"""

import pytest

from calls import CLIENTS, methods, uncalled
from receiver import Receiver
from world import VERSION, Talk, did, ok, unique

TEST = {'test': {'int_property': 7}}
TEST_NAMES = {'test': ['int_property']}
HELLO = {'type': 'message', 'text': 'Hello'}
CARD = {'template_id': 'cards', 'elements': [{
    'title': 'Hungry?', 'subtitle': 'We deliver', 'image': {'url': 'https://example.com/pizza.png'}}]}
LISTED = 'chats_info' if VERSION == '3.7' else 'chats_summary'


class Scene:
    """What the arguments are made of: each is made when it is first asked for, and anew for each call."""

    def __init__(self, world, bob, carol, version):
        self.world, self.bob, self.carol, self.version = world, bob, carol, version
        self.customer = world.customer(bob)
        self.web = bob.web(version)
        self.configuration = bob.configuration(version)
        self._talk = self._pages = None

    @property
    def talk(self):
        self._talk = self._talk or Talk(self.bob, self.customer, self.version)
        return self._talk

    @property
    def chat(self):
        return self.talk.id

    @property
    def place(self):
        """A thread, as most parameters name it."""
        return {'chat_id': self.talk.id, 'thread_id': self.talk.thread}

    @property
    def event(self):
        """An event."""
        return {**self.place, 'event_id': self.talk.say('Hello')}

    @property
    def own_event(self):
        """An event of the customer."""
        return {**self.place, 'event_id': self.talk.write('Hello')}

    @property
    def closed(self):
        """A chat that has ended."""
        ok(self.web.deactivate_chat(id=self.chat))
        return self.chat

    @property
    def colleagues(self):
        """A chat of somebody else."""
        self._talk = Talk(self.carol, self.customer, self.version)
        return self._talk.id

    @property
    def seen_up_to(self):
        return self.talk.find(self.talk.say('Hello'))['created_at']

    @property
    def postback(self):
        buttons = [{'type': 'message', 'text': 'Yes', 'value': 'yes', 'postback_id': 'yes', 'user_ids': []}]
        sent = ok(self.web.send_event(chat_id=self.chat, event={
            'type': 'rich_message', 'template_id': 'cards', 'elements': [{'title': 'Well?', 'buttons': buttons}]}))
        return {**self.place, 'event_id': sent['event_id'], 'postback': {'id': 'yes', 'toggled': True}}

    def greeted(self):
        """A greeting that the customer was shown, as `accept_greeting` names it."""
        url = f'https://example.com/{unique("greeted")}'
        made = ok(self.bob.configuration('3.6').create_greeting(
            type='normal', active=True, name=unique('greeting'), group=0, rich_message=CARD,
            rules=[{'condition': 'and', 'type': 'url_current', 'operator': 'equals', 'value': url}]))
        visitor = self.customer.rtm(self.version, customer_page={'url': url, 'title': 'A page'})
        shown = visitor.push('incoming_greeting')['payload']
        assert shown['id'] == made['id']
        return {'greeting_id': shown['id'], 'unique_id': shown['unique_id']}

    def page(self):
        """The address of a page."""
        self._pages = Receiver()
        return self._pages.url

    def with_email(self):
        ok(self.customer.web(self.version).update_customer(email='alice@example.com'))
        return {'callback_uri': 'https://example.com/verified'}

    def all_of_a_customer(self):
        since_3_6 = {'name_is_default': False, 'phone_number': '+15550100'} if self.version > '3.5' else {}
        return {'name': 'Alice', 'email': 'alice@example.com', 'avatar': 'https://example.com/a.png',
                'session_fields': [{'a': '1'}], **since_3_6}

    @property
    def tag(self):
        name = unique('tag')
        ok(self.configuration.create_tag(name=name, group_ids=[0]))
        return name

    def close(self):
        if self._talk:
            self._talk.close()
        if self._pages:
            self._pages.close()


@pytest.fixture
def scene(world, bob, carol, version):
    scene = Scene(world, bob, carol, version)
    yield scene
    scene.close()


def tagged(scene):
    arguments = {**scene.place, 'tag': scene.tag}
    ok(scene.web.tag_thread(**arguments))
    return arguments


def followed(scene):
    chat = scene.colleagues
    ok(scene.web.follow_chat(id=chat))
    return {'id': chat}


def with_carol(scene):
    member = {'chat_id': scene.chat, 'user_id': scene.carol.id, 'user_type': 'agent'}
    ok(scene.web.add_user_to_chat(**member, visibility='all'))
    return member


# For each method of the Agent API its arguments, and what its answer must have.
AGENT = {
    'add_user_to_chat': (lambda on: {'chat_id': on.chat, 'user_id': on.carol.id, 'user_type': 'agent',
                                     'visibility': 'agents', 'ignore_requester_presence': True}, []),
    'ban_customer': (lambda on: {'id': on.customer.id, 'ban': {'days': 1}}, []),
    'create_customer': (lambda on: {'name': 'Alice', 'email': 'alice@example.com', 'session_fields': [{'a': '1'}],
                                    'avatar': 'https://example.com/a.png'}, ['customer_id']),
    'deactivate_chat': (lambda on: {'id': on.chat, 'ignore_requester_presence': False}, []),
    'delete_chat_properties': (lambda on: {'id': on.chat, 'properties': TEST_NAMES}, []),
    'delete_event_properties': (lambda on: {**on.event, 'properties': TEST_NAMES}, []),
    'delete_thread_properties': (lambda on: {**on.place, 'properties': TEST_NAMES}, []),
    'follow_chat': (lambda on: {'id': on.colleagues}, []),
    'get_chat': (lambda on: on.place, ['id', 'users', 'thread', 'access', 'is_followed']),
    'get_customer': (lambda on: {'id': on.customer.id}, ['id', 'type', 'created_at', 'statistics']),
    'get_license_info': (lambda on: {}, ['id', 'organization_id']),
    'get_thread_transcript': (lambda on: on.place, ['transcript']),
    'list_agents_for_transfer': (lambda on: {'chat_id': on.chat}, None),
    'list_archives': (lambda on: {'filters': {'chat_ids': [on.closed]}, 'sort_order': 'asc', 'limit': 1,
                                  'highlights': {'pre_tag': '<b>', 'post_tag': '</b>'}}, ['chats', 'found_chats']),
    'list_chats': (lambda on: {'filters': {'group_ids': [0], 'include_chats_without_threads': False}, 'limit': 1,
                               'sort_order': 'asc'}, [LISTED, 'found_chats']),
    'list_customers': (lambda on: {'limit': 1, 'sort_order': 'asc', 'sort_by': 'created_at', 'filters': {
        'chats_count': {'gte': 0}}}, ['customers', 'total_customers']),
    'list_routing_statuses': (lambda on: {'filters': {'group_ids': [0]}}, None),
    'list_threads': (lambda on: {'chat_id': on.chat, 'sort_order': 'asc', 'limit': 1, 'filters': {
        'from': '2020-01-01T00:00:00.000000+00:00'}}, ['threads', 'found_threads']),
    'mark_events_as_seen': (lambda on: {'seen_up_to': on.seen_up_to, 'chat_id': on.chat}, []),
    'multicast': (lambda on: {'recipients': {'agents': {'all': True}}, 'content': {'a': 1}, 'type': 'note'}, []),
    'remove_user_from_chat': (with_carol, []),
    'request_thread_summary': (lambda on: on.place, []),
    'resume_chat': (lambda on: {'chat': {'id': on.closed}, 'active': True, 'continuous': False}, ['thread_id']),
    'send_event': (lambda on: {'chat_id': on.chat, 'event': HELLO, 'attach_to_last_thread': False}, ['event_id']),
    'send_event_preview': (lambda on: {'chat_id': on.chat, 'event': HELLO}, []),
    'send_rich_message_postback': (lambda on: on.postback, []),
    'send_thinking_indicator': (lambda on: {'chat_id': on.chat, 'title': 'Thinking', 'description': 'hard',
                                            'visibility': 'all', 'custom_id': 'c'}, []),
    'send_typing_indicator': (lambda on: {'chat_id': on.chat, 'visibility': 'all', 'is_typing': True}, []),
    'set_routing_status': (lambda on: {'status': 'accepting_chats', 'agent_id': on.bob.id}, []),
    'start_chat': (lambda on: {'chat': {'users': [{'id': on.customer.id, 'type': 'customer'}], 'properties': TEST,
                                        'access': {'group_ids': [0]}, 'thread': {'events': [HELLO]}},
                               'active': False, 'continuous': True}, ['chat_id', 'thread_id', 'event_ids']),
    'tag_thread': (lambda on: {**on.place, 'tag': on.tag}, []),
    'transfer_chat': (lambda on: {'id': on.chat, 'target': {'type': 'agent', 'ids': [on.carol.id]},
                                  'ignore_agents_availability': True, 'ignore_requester_presence': True}, []),
    'unfollow_chat': (followed, []),
    'untag_thread': (tagged, []),
    'update_chat_properties': (lambda on: {'id': on.chat, 'properties': TEST}, []),
    'update_customer': (lambda on: {'id': on.customer.id, 'name': 'Alice', 'email': 'alice@example.com',
                                    'avatar': 'https://example.com/a.png', 'session_fields': [{'a': '1'}]}, []),
    'update_event_properties': (lambda on: {**on.event, 'properties': TEST}, []),
    'update_thread_properties': (lambda on: {**on.place, 'properties': TEST}, []),
    'upload_file': (lambda on: {'file': {'file': ('a.txt', b'a', 'text/plain')}}, ['url']),
    # Of open connections only.
    'change_push_notifications': (lambda on: {'firebase_token': unique('token'), 'platform': 'ios',
                                              'enabled': True}, []),
    'login': (lambda on: {'token': on.bob.bearer, 'timezone': 'Europe/Rome', 'reconnect': False, 'away': False,
                          'application': {'name': 'tests', 'version': '1'}, 'customer_monitoring_level': 'online',
                          'push_notifications': {'firebase_token': unique('token'), 'platform': 'ios'},
                          'pushes': {VERSION: ['incoming_event']}}, ['license', 'my_profile', LISTED]),
    'set_away_status': (lambda on: {'away': False}, []),
    'update_session': (lambda on: {'token': on.bob.bearer}, []),
}

# For each method of the Customer API the same.
CUSTOMER = {
    'accept_greeting': (lambda on: on.greeted(), []),
    'activate_customer_page': (lambda on: {}, []),
    'cancel_greeting': (lambda on: {'unique_id': on.greeted()['unique_id']}, []),
    'check_goals': (lambda on: {'session_fields': [{'a': '1'}], 'group_id': 0, 'page_url': 'https://example.com'}, []),
    'deactivate_chat': (lambda on: {'id': on.chat}, []),
    'deactivate_customer_page': (lambda on: {}, []),
    'delete_chat_properties': (lambda on: {'id': on.chat, 'properties': TEST_NAMES}, []),
    'delete_event': (lambda on: on.own_event, []),
    'delete_event_properties': (lambda on: {**on.own_event, 'properties': TEST_NAMES}, []),
    'delete_thread_properties': (lambda on: {**on.place, 'properties': TEST_NAMES}, []),
    'get_chat': (lambda on: on.place, ['id', 'users', 'thread']),
    'get_configuration': (lambda on: {'group_id': 0, 'version': '1'}, ['buttons', 'properties']),
    'get_customer': (lambda on: {}, ['id', 'type', 'statistics']),
    'get_dynamic_configuration': (lambda on: {'group_id': 0, 'url': 'https://example.com', 'channel_type': 'code',
                                              'test': False}, ['organization_id', 'livechat_active', 'livechat']),
    'get_form': (lambda on: {'group_id': 0, 'type': 'prechat'}, ['enabled']),
    'get_localization': (lambda on: {'group_id': 0, 'language': 'en', 'version': '1'}, None),
    'get_predicted_agent': (lambda on: {}, ['agent', 'queue']),
    'get_url_info': (lambda on: {'url': on.page()}, ['title', 'url']),
    'list_chats': (lambda on: {'limit': 1, 'sort_order': 'asc'}, [LISTED, 'total_chats']),
    'list_group_properties': (lambda on: {'group_id': 0, 'namespace': 'test', 'name': 'int_property'}, None),
    'list_group_statuses': (lambda on: {'all': False, 'group_ids': [0]}, ['groups_status']),
    'list_license_properties': (lambda on: {'namespace': 'test', 'name': 'int_property'}, None),
    'list_threads': (lambda on: {'chat_id': on.chat, 'sort_order': 'asc', 'limit': 1}, ['threads', 'found_threads']),
    'mark_events_as_seen': (lambda on: {'seen_up_to': on.seen_up_to, 'chat_id': on.chat}, []),
    'request_email_verification': (lambda on: on.with_email(), []),
    'request_welcome_message': (lambda on: {}, ['id', 'predicted_agent', 'queue']),
    'resume_chat': (lambda on: {'chat': {'id': on.closed}, 'active': True, 'continuous': True}, ['thread_id']),
    'send_event': (lambda on: {'chat_id': on.chat, 'event': HELLO, 'attach_to_last_thread': True}, ['event_id']),
    'send_rich_message_postback': (lambda on: on.postback, []),
    'send_sneak_peek': (lambda on: {'chat_id': on.chat, 'sneak_peek_text': 'Hel'}, []),
    'set_customer_session_fields': (lambda on: {'session_fields': [{'a': '1'}]}, []),
    'start_chat': (lambda on: {'chat': {'properties': TEST, 'access': {'group_ids': [0]},
                                        'thread': {'events': [HELLO]}},
                               'active': True, 'continuous': True}, ['chat_id', 'thread_id', 'event_ids']),
    'update_chat_properties': (lambda on: {'id': on.chat, 'properties': TEST}, []),
    'update_customer': (lambda on: on.all_of_a_customer(), []),
    'update_customer_page': (lambda on: {'url': 'https://example.com', 'title': 'Home'}, []),
    'update_event_properties': (lambda on: {**on.own_event, 'properties': TEST}, []),
    'update_thread_properties': (lambda on: {**on.place, 'properties': TEST}, []),
    'upload_file': (lambda on: {'file': {'file': ('a.txt', b'a', 'text/plain')}}, ['url']),
}


def web_client(client):
    return next(each for name, each in CLIENTS.items() if name.startswith(client))


def told(answer, fields):
    """Whether an answer has what is wanted: these fields, nothing at all, or anything."""
    if fields == []:
        assert answer == {}, answer
    for field in fields or []:
        assert field in answer, answer


def of(table, client):
    """The methods of a client that the table has arguments for."""
    offered = methods(web_client(client))
    return [name for name in sorted(table) if name in offered]


@pytest.mark.parametrize('name', of(AGENT, 'AgentWeb'))
def test_of_the_agent_web(scene, name):
    arguments, fields = AGENT[name]
    told(ok(getattr(scene.web, name)(**arguments(scene))), fields)


@pytest.mark.parametrize('name', of(AGENT, 'AgentRtm'))
def test_of_the_agent_rtm(scene, name):
    arguments, fields = AGENT[name]
    rtm = scene.bob.rtm(scene.version, login=name != 'login')
    told(did(getattr(rtm, name)(**arguments(scene))), fields)


@pytest.mark.parametrize('name', of(CUSTOMER, 'CustomerWeb'))
def test_of_the_customer_web(scene, name):
    arguments, fields = CUSTOMER[name]
    told(ok(getattr(scene.customer.web(scene.version), name)(**arguments(scene))), fields)


@pytest.mark.parametrize('name', of(CUSTOMER, 'CustomerRtm'))
def test_of_the_customer_rtm(scene, name):
    arguments, fields = CUSTOMER[name]
    rtm = scene.customer.rtm(scene.version)
    told(did(getattr(rtm, name)(**arguments(scene))), fields)


def test_every_method_was_called(version):
    """Comes last, when the other tests have made their calls: see `conftest.py`."""
    assert uncalled() == []
