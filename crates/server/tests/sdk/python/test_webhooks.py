"""Webhooks: registered, listed, delivered, read by the client's own parser, filtered, switched off."""

import uuid

import pytest

from receiver import Receiver, parsed
from world import CLIENT_ID, Talk, ok, refused, unique


@pytest.fixture
def receiver():
    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.fixture
def hooks(bob, receiver, version):
    """Registers webhooks of an application that no other test has, and takes them back."""
    return Hooks(bob.configuration(version), receiver)


class Hooks:
    def __init__(self, configuration, receiver):
        self.configuration, self.receiver = configuration, receiver
        self.client = uuid.uuid4().hex
        ok(configuration.enable_license_webhooks(owner_client_id=self.client))

    def try_register(self, **more):
        return self.configuration.register_webhook(**{
            'url': self.receiver.url, 'secret_key': 'secret', 'owner_client_id': self.client, 'type': 'license',
            **more})

    def register(self, action, **more):
        return ok(self.try_register(action=action, **more))['id']

    def list(self):
        return ok(self.configuration.list_webhooks(owner_client_id=self.client))


def test_webhooks_are_listed_without_their_secret(hooks):
    hook = hooks.register('incoming_event', description='for a test', filters={'author_type': 'customer'},
                          additional_data=['chat_properties'])
    [listed] = hooks.list()
    assert listed['id'] == hook
    assert (listed['action'], listed['url'], listed['type']) == ('incoming_event', hooks.receiver.url, 'license')
    assert (listed['description'], listed['owner_client_id']) == ('for a test', hooks.client)
    assert listed['filters'] == {'author_type': 'customer'}
    assert listed['additional_data'] == ['chat_properties']
    assert 'secret_key' not in listed
    assert ok(hooks.configuration.unregister_webhook(id=hook, owner_client_id=hooks.client)) == {}
    assert hooks.list() == []
    refused(hooks.configuration.unregister_webhook(id=hook, owner_client_id=hooks.client), 'not_found')


@pytest.mark.parametrize('wrong', [
    {'action': 'world_peace'}, {'action': 'incoming_event', 'url': 'no address'},
    {'action': 'incoming_event', 'url': 'https://example.com/' + 'x' * 500}, {'action': 'incoming_event', 'url': None},
    {'action': 'incoming_event', 'type': 'rumour'}, {'action': 'incoming_event', 'secret_key': None},
    {'action': 'incoming_event', 'filters': {'author_type': 'ghost'}},
    {'action': 'incoming_event', 'additional_data': ['weather']},
], ids=lambda wrong: str(wrong)[:60])
def test_wrong_webhooks_are_refused(hooks, wrong):
    refused(hooks.try_register(**wrong), 'validation')


def test_the_names_of_webhooks_are_told(bob, version):
    names = {each['action']: each for each in ok(bob.configuration(version).list_webhook_names(version=version))}
    assert {'incoming_chat', 'incoming_event', 'chat_deactivated', 'agent_created', 'tag_deleted'} <= set(names)
    assert 'author_type' in names['incoming_event']['filters']
    assert 'chat_properties' in names['incoming_event']['additional_data']
    assert ('event_deleted' in names) == (version > '3.5')
    assert 'customer_session_fields_updated' in names
    assert ok(bob.configuration(version).list_webhook_names()) == list(names.values())
    refused(bob.configuration(version).list_webhook_names(version='9.9'), 'validation')


def test_what_happens_in_a_chat_is_delivered_and_parsed(hooks, world, bob, carol, customer, version):
    got, client = hooks.receiver.got, hooks.receiver
    actions = ['incoming_chat', 'incoming_event', 'chat_deactivated', 'user_added_to_chat', 'user_removed_from_chat',
               'chat_properties_updated', 'chat_properties_deleted', 'thread_properties_updated',
               'thread_properties_deleted', 'event_properties_updated', 'event_properties_deleted', 'thread_tagged',
               'thread_untagged', 'events_marked_as_seen', 'incoming_rich_message_postback',
               'customer_session_fields_updated', 'chat_transferred']
    ids = {action: hooks.register(action) for action in actions}
    tag = unique('hooked')
    ok(bob.configuration().create_tag(name=tag, group_ids=[0]))

    talk = Talk(bob, customer, version)
    mine = lambda payload: payload['chat_id'] == talk.id
    body = got('incoming_chat', lambda payload: payload['chat']['id'] == talk.id)
    assert body['webhook_id'] == ids['incoming_chat']
    assert body['secret_key'] == 'secret'
    assert body['organization_id'] == world.organization_id
    assert parsed(body, version).payload.chat['thread']['id'] == talk.thread

    said = talk.say('delivered')
    webhook = parsed(got('incoming_event', lambda payload: payload['event']['id'] == said), version)
    assert webhook.payload.event['text'] == 'delivered'
    assert (webhook.payload.chat_id, webhook.payload.thread_id) == (talk.id, talk.thread)

    where, properties = {'chat_id': talk.id, 'thread_id': talk.thread}, {'test': {'int_property': 1}}
    names = {'test': ['int_property']}
    ok(talk.web.update_chat_properties(id=talk.id, properties=properties))
    assert parsed(got('chat_properties_updated', mine), version).payload.properties == properties
    ok(talk.web.delete_chat_properties(id=talk.id, properties=names))
    assert parsed(got('chat_properties_deleted', mine), version).payload.properties == names
    ok(talk.web.update_thread_properties(**where, properties=properties))
    assert parsed(got('thread_properties_updated', mine), version).payload.properties == properties
    ok(talk.web.delete_thread_properties(**where, properties=names))
    assert parsed(got('thread_properties_deleted', mine), version).payload.properties == names
    ok(talk.web.update_event_properties(**where, event_id=said, properties=properties))
    assert parsed(got('event_properties_updated', mine), version).payload.event_id == said
    ok(talk.web.delete_event_properties(**where, event_id=said, properties=names))
    assert parsed(got('event_properties_deleted', mine), version).payload.properties == names
    ok(talk.web.tag_thread(**where, tag=tag))
    assert parsed(got('thread_tagged', mine), version).payload.tag == tag
    ok(talk.web.untag_thread(**where, tag=tag))
    assert parsed(got('thread_untagged', mine), version).payload.tag == tag

    seen = talk.find(said)['created_at']
    ok(talk.customer_web.mark_events_as_seen(chat_id=talk.id, seen_up_to=seen))
    assert parsed(got('events_marked_as_seen', mine), version).payload.user_id == customer.id
    buttons = [{'type': 'message', 'text': 'Yes', 'value': 'yes', 'postback_id': 'yes'}]
    card = ok(talk.web.send_event(chat_id=talk.id, event={
        'type': 'rich_message', 'template_id': 'cards', 'elements': [{'buttons': buttons}]}))['event_id']
    ok(talk.customer_web.send_rich_message_postback(**where, event_id=card,
                                                    postback={'id': 'yes', 'toggled': True}))
    assert parsed(got('incoming_rich_message_postback', mine), version).payload.postback['id'] == 'yes'
    ok(talk.customer_web.set_customer_session_fields(session_fields=[{'order': '17'}]))
    webhook = parsed(got('customer_session_fields_updated', lambda payload: payload['id'] == customer.id), version)
    assert webhook.payload.session_fields == [{'order': '17'}]
    assert webhook.payload.active_chat['chat_id'] == talk.id

    ok(talk.web.add_user_to_chat(chat_id=talk.id, user_id=carol.id, user_type='agent', visibility='all'))
    webhook = parsed(got('user_added_to_chat', lambda payload: mine(payload) and payload['user']['id'] == carol.id),
                     version)
    assert webhook.payload.requester_id == bob.id
    ok(talk.web.remove_user_from_chat(chat_id=talk.id, user_id=carol.id, user_type='agent'))
    assert parsed(got('user_removed_from_chat', mine), version).payload.user_id == carol.id
    ok(talk.web.transfer_chat(id=talk.id, target={'type': 'agent', 'ids': [carol.id]},
                              ignore_agents_availability=True))
    assert parsed(got('chat_transferred', mine), version).payload.transferred_to['agent_ids'] == [carol.id]
    ok(talk.web.deactivate_chat(id=talk.id, ignore_requester_presence=True))
    assert parsed(got('chat_deactivated', mine), version).payload.thread_id == talk.thread
    for body in client.bodies:
        parsed(body, version)
    ok(bob.configuration().delete_tag(name=tag))


def test_changes_of_the_configuration_are_delivered_and_parsed(hooks, bob, version):
    got, configuration = hooks.receiver.got, bob.configuration(version)
    for action in ('agent_created', 'agent_updated', 'agent_suspended', 'agent_unsuspended', 'agent_deleted',
                   'group_created', 'group_updated', 'group_deleted', 'tag_created', 'tag_updated', 'tag_deleted',
                   'bot_created', 'bot_updated', 'bot_deleted'):
        hooks.register(action)
    agent = f'{unique("hooked")}@example.com'
    named = lambda payload: payload['id'] == agent
    ok(configuration.create_agent(id=agent, name='Hooked'))
    assert parsed(got('agent_created', named), version).payload.name == 'Hooked'
    ok(configuration.update_agent(id=agent, job_title='Cook'))
    assert parsed(got('agent_updated', named), version).payload.job_title == 'Cook'
    ok(configuration.suspend_agent(id=agent))
    parsed(got('agent_suspended', named), version)
    ok(configuration.unsuspend_agent(id=agent))
    parsed(got('agent_unsuspended', named), version)
    ok(configuration.delete_agent(id=agent))
    parsed(got('agent_deleted', named), version)

    group = ok(configuration.create_group(name='Hooked', agent_priorities={bob.id: 'normal'}))['id']
    numbered = lambda payload: payload['id'] == group
    assert parsed(got('group_created', numbered), version).payload.agent_priorities == {bob.id: 'normal'}
    ok(configuration.update_group(id=group, name='Renamed'))
    assert parsed(got('group_updated', numbered), version).payload.name == 'Renamed'
    ok(configuration.delete_group(id=group))
    parsed(got('group_deleted', numbered), version)

    tag = unique('hooked')
    tagged = lambda payload: payload['name'] == tag
    ok(configuration.create_tag(name=tag, group_ids=[0]))
    assert parsed(got('tag_created', tagged), version).payload.author_id == bob.id
    team = ok(configuration.create_group(name='Tagged', agent_priorities={bob.id: 'normal'}))['id']
    ok(configuration.update_tag(name=tag, group_ids=[team]))
    parsed(got('tag_updated', tagged), version)
    ok(configuration.delete_tag(name=tag))
    parsed(got('tag_deleted', tagged), version)
    ok(configuration.delete_group(id=team))

    bot = ok(configuration.create_bot(name='Hooked', owner_client_id=CLIENT_ID))['id']
    robot = lambda payload: payload['id'] == bot
    assert parsed(got('bot_created', robot), version).payload.owner_client_id == CLIENT_ID
    ok(configuration.update_bot(id=bot, name='Renamed'))
    assert parsed(got('bot_updated', robot), version).payload.name == 'Renamed'
    ok(configuration.delete_bot(id=bot))
    parsed(got('bot_deleted', robot), version)


def test_additional_data_come_along(hooks, talk, bob, version):
    hooks.register('incoming_event', additional_data=['chat_properties', 'chat_presence_user_ids'])
    ok(talk.web.update_chat_properties(id=talk.id, properties={'test': {'string_property': 'beside'}}))
    said = talk.say('with more')
    body = hooks.receiver.got('incoming_event', lambda payload: payload['event']['id'] == said)
    more = parsed(body, version).additional_data
    assert more['chat_properties']['test'] == {'string_property': 'beside'}
    assert sorted(more['chat_presence_user_ids']) == sorted([bob.id, talk.customer.id])


def test_filters_keep_deliveries_away(hooks, talk, bob, version):
    hooks.register('incoming_event', filters={'author_type': 'customer'})
    hooks.register('chat_properties_updated', filters={'chat_presence': {'user_ids': {'values': ['no@example.com']}}})
    hooks.register('chat_properties_deleted', filters={'chat_presence': {'user_ids': {'values': [bob.id]}}})
    talk.say('not this')
    ok(talk.web.update_chat_properties(id=talk.id, properties={'test': {'int_property': 1}}))
    ok(talk.web.delete_chat_properties(id=talk.id, properties={'test': ['int_property']}))
    written = talk.write('but this')
    mine = lambda payload: payload['chat_id'] == talk.id
    hooks.receiver.got('chat_properties_deleted', mine)
    hooks.receiver.got('incoming_event', lambda payload: payload['event']['id'] == written)
    assert {(body['action'], body['payload'].get('event', {}).get('text')) for body in hooks.receiver.bodies} == {
        ('chat_properties_deleted', None), ('incoming_event', 'but this')}


def test_a_refused_delivery_is_tried_again(hooks, talk):
    hooks.register('incoming_event')
    hooks.receiver.refuse = 1
    said = talk.say('again')
    hooks.receiver.got('incoming_event', lambda payload: payload['event']['id'] == said)


def test_webhooks_are_switched_off_and_on(hooks, talk):
    state = lambda: ok(hooks.configuration.get_license_webhooks_state(owner_client_id=hooks.client))
    hooks.register('incoming_event')
    assert state()['license_webhooks_enabled'] is True
    ok(hooks.configuration.disable_license_webhooks(owner_client_id=hooks.client))
    assert state()['license_webhooks_enabled'] is False
    silent = talk.say('unheard')
    ok(hooks.configuration.enable_license_webhooks(owner_client_id=hooks.client))
    heard = talk.say('heard')
    hooks.receiver.got('incoming_event', lambda payload: payload['event']['id'] == heard)
    assert silent not in [body['payload']['event']['id'] for body in hooks.receiver.bodies]


def test_messages_for_agents_are_delivered_as_such(hooks, talk):
    hooks.register('incoming_event')
    said = talk.say('for agents', visibility='agents')
    body = hooks.receiver.got('incoming_event', lambda payload: payload['event']['id'] == said)
    assert body['payload']['event']['visibility'] == 'agents'
