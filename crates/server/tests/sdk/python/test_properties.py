"""Properties of chats, threads, events, groups and the licence; registered ones; and tags of threads."""

import pytest

from world import CLIENT_ID, ok, refused, unique

WHOLE = {'bool_property': True, 'int_property': 42, 'string_property': 'word',
         'tokenized_string_property': 'some words'}


class Place:
    """Where properties are kept: how they are changed and read there."""

    def __init__(self, talk, kind, web):
        self.talk, self.kind, self.web = talk, kind, web
        self.event = talk.say('marked')
        self.where = {
            'chat': {'id': talk.id},
            'thread': {'chat_id': talk.id, 'thread_id': talk.thread},
            'event': {'chat_id': talk.id, 'thread_id': talk.thread, 'event_id': self.event},
        }[kind]

    def update(self, properties, **where):
        return getattr(self.web, f'update_{self.kind}_properties')(**{**self.where, **where}, properties=properties)

    def delete(self, properties, **where):
        return getattr(self.web, f'delete_{self.kind}_properties')(**{**self.where, **where}, properties=properties)

    def read(self, web=None):
        chat = ok((web or self.web).get_chat(chat_id=self.talk.id))
        if self.kind == 'chat':
            return chat.get('properties', {})
        if self.kind == 'thread':
            return chat['thread'].get('properties', {})
        return next(each for each in chat['thread']['events'] if each['id'] == self.event).get('properties', {})


@pytest.fixture(params=['chat', 'thread', 'event'])
def kind(request):
    return request.param


@pytest.mark.parametrize('who', ['agent', 'customer'])
def test_properties_are_merged_and_deleted(talk, kind, who):
    place = Place(talk, kind, talk.web if who == 'agent' else talk.customer_web)
    assert ok(place.update({'test': WHOLE})) == {}
    assert place.read()['test'] == WHOLE
    ok(place.update({'test': {'int_property': 43}}))
    assert place.read(talk.web)['test'] == {**WHOLE, 'int_property': 43}
    assert ok(place.delete({'test': ['bool_property', 'string_property']})) == {}
    assert place.read(talk.customer_web)['test'] == {'int_property': 43, 'tokenized_string_property': 'some words'}


@pytest.mark.parametrize('wrong', [
    {'test': {'int_property': 'many'}},
    {'test': {'int_property': 2 ** 31}},
    {'test': {'bool_property': 1}},
    {'test': {'string_property': 5}},
    {'test': {'unheard_of': 1}},
    {'nowhere': {'string_property': 'x'}},
    {'test': 5},
    'test',
], ids=str)
def test_wrong_properties_are_refused(talk, kind, wrong):
    place = Place(talk, kind, talk.web)
    refused(place.update(wrong), 'validation')
    assert 'test' not in place.read()


def test_nothing_is_marked_that_is_not_there(talk, kind):
    place = Place(talk, kind, talk.web)
    wrong = {'chat': {'id': 'AAAAAAAAAA'}, 'thread': {'thread_id': 'AAAAAAAAAA'},
             'event': {'event_id': f'{talk.thread}_999'}}[kind]
    refused(place.update({'test': WHOLE}, **wrong), 'not_found')
    refused(place.delete({'test': ['int_property']}, **wrong), 'not_found')
    refused(place.update(None), 'validation')


def test_a_customer_rates_and_an_agent_does_not(talk):
    refused(talk.web.update_thread_properties(chat_id=talk.id, thread_id=talk.thread,
                                              properties={'rating': {'score': 1}}), 'authorization', 'validation')
    def rate(**rating):
        return talk.customer_web.update_thread_properties(chat_id=talk.id, thread_id=talk.thread,
                                                          properties={'rating': rating})
    refused(rate(score=5), 'validation')
    ok(rate(score=1))
    ok(rate(comment='Quick and kind'))
    thread = ok(talk.web.get_chat(chat_id=talk.id))['thread']
    assert thread['properties']['rating'] == {'score': 1, 'comment': 'Quick and kind'}
    told = [event['system_message_type'] for event in thread['events'] if event['type'] == 'system_message']
    assert told[-2:] == ['rating.chat_rated', 'rating.chat_commented']
    ok(talk.customer_web.delete_thread_properties(chat_id=talk.id, thread_id=talk.thread,
                                                  properties={'rating': ['score']}))
    last = talk.events()[-1]
    assert last['system_message_type'] == 'rating.chat_rating_canceled'


def test_own_properties_are_registered_and_kept_to(talk, bob):
    configuration = bob.configuration(talk.version)
    name = unique('size').replace('-', '_')
    access = {'chat': {'agent': ['read', 'write'], 'customer': ['read']}}
    ok(configuration.register_property(name=name, owner_client_id=CLIENT_ID, type='string', access=access,
                                       domain=['small', 'large'], description='How big'))
    listed = ok(configuration.list_properties(owner_client_id=CLIENT_ID))
    assert listed[name]['type'] == 'string'
    assert listed[name]['domain'] == ['small', 'large']
    assert listed[name]['access']['chat'] == access['chat']
    refused(configuration.register_property(name=name, owner_client_id=CLIENT_ID, type='string', access=access),
            'already_exists')
    ok(talk.web.update_chat_properties(id=talk.id, properties={CLIENT_ID: {name: 'small'}}))
    assert ok(talk.customer_web.get_chat(chat_id=talk.id))['properties'][CLIENT_ID][name] == 'small'
    refused(talk.web.update_chat_properties(id=talk.id, properties={CLIENT_ID: {name: 'huge'}}), 'validation')
    refused(talk.customer_web.update_chat_properties(id=talk.id, properties={CLIENT_ID: {name: 'large'}}),
            'authorization', 'validation')
    refused(talk.web.update_thread_properties(chat_id=talk.id, thread_id=talk.thread,
                                              properties={CLIENT_ID: {name: 'small'}}), 'authorization', 'validation')
    ok(configuration.unregister_property(name=name, owner_client_id=CLIENT_ID))
    assert name not in ok(configuration.list_properties(owner_client_id=CLIENT_ID))
    refused(talk.web.update_chat_properties(id=talk.id, properties={CLIENT_ID: {name: 'small'}}), 'validation')


def test_numbers_keep_to_their_range(talk, bob):
    configuration = bob.configuration(talk.version)
    name = unique('stars').replace('-', '_')
    ok(configuration.register_property(name=name, owner_client_id=CLIENT_ID, type='int',
                                       access={'chat': {'agent': ['read', 'write']}}, range={'from': 1, 'to': 5}))
    ok(talk.web.update_chat_properties(id=talk.id, properties={CLIENT_ID: {name: 5}}))
    refused(talk.web.update_chat_properties(id=talk.id, properties={CLIENT_ID: {name: 6}}), 'validation')
    seen = ok(talk.customer_web.get_chat(chat_id=talk.id)).get('properties', {})
    assert name not in seen.get(CLIENT_ID, {}), 'customers may not read it'


def test_a_published_property_stays(bob, version):
    configuration = bob.configuration(version)
    name = unique('open').replace('-', '_')
    ok(configuration.register_property(name=name, owner_client_id=CLIENT_ID, type='bool',
                                       access={'chat': {'agent': ['read', 'write']}}))
    ok(configuration.publish_property(name=name, owner_client_id=CLIENT_ID, access_type=['read']))
    assert ok(configuration.list_properties(owner_client_id=CLIENT_ID))[name]['public_access'] == ['read']
    refused(configuration.unregister_property(name=name, owner_client_id=CLIENT_ID), 'validation', 'authorization')
    refused(configuration.publish_property(name='never_registered', owner_client_id=CLIENT_ID, access_type=['read']),
            'validation', 'not_found')


def test_the_licence_and_groups_have_properties(bob, customer, version):
    configuration, web = bob.configuration(version), customer.web(version)
    ok(configuration.update_license_properties(properties={'test': {'string_property': version}}))
    listed = ok(configuration.list_license_properties(namespace='test', name_prefix='string'))
    assert listed['test']['string_property'] == version
    assert ok(web.list_license_properties(namespace='test', name='string_property')) == {
        'test': {'string_property': version}}
    ok(configuration.delete_license_properties(properties={'test': ['string_property']}))
    assert 'string_property' not in ok(configuration.list_license_properties(namespace='test')).get('test', {})

    group = ok(configuration.create_group(name=unique('group'), agent_priorities={bob.id: 'normal'}))['id']
    ok(configuration.update_group_properties(group_id=group, properties={'test': {'int_property': 5}}))
    [listed] = ok(configuration.list_groups_properties(group_ids=[group], namespace='test'))
    assert listed['id'] == group
    assert listed['properties']['test'] == {'int_property': 5}
    assert ok(web.list_group_properties(group_id=group, namespace='test')) == {'test': {'int_property': 5}}
    ok(configuration.delete_group_properties(id=group, properties={'test': ['int_property']}))
    refused(web.list_group_properties(group_id=987654), 'group_not_found')
    refused(configuration.update_license_properties(properties={'test': {'int_property': 'x'}}), 'validation')
    ok(configuration.delete_group(id=group))


def test_threads_are_tagged_with_known_tags(talk, bob):
    configuration = bob.configuration(talk.version)
    tag = unique('vip')
    def put(web_method, **more):
        return web_method(**{'chat_id': talk.id, 'thread_id': talk.thread, 'tag': tag, **more})
    refused(put(talk.web.tag_thread), 'validation', 'not_found')
    ok(configuration.create_tag(name=tag, group_ids=[0]))
    assert ok(put(talk.web.tag_thread)) == {}
    ok(put(talk.web.tag_thread))
    assert ok(talk.web.get_chat(chat_id=talk.id))['thread']['tags'] == [tag]
    refused(put(talk.web.tag_thread, tag=tag.upper()), 'validation', 'not_found')
    refused(put(talk.web.tag_thread, thread_id='AAAAAAAAAA'), 'not_found')
    assert 'tags' not in ok(talk.customer_web.get_chat(chat_id=talk.id))['thread']
    assert ok(put(talk.web.untag_thread)) == {}
    assert ok(talk.web.get_chat(chat_id=talk.id))['thread'].get('tags', []) == []
    ok(configuration.delete_tag(name=tag))
