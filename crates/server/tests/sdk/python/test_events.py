"""Every type of event: sent, read by both sides, repeated, and refused where it is wrong."""

import re

import pytest

from world import ok, refused

TIME = re.compile(r'^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$')

CARD = {
    'title': 'Margherita', 'subtitle': 'Tomato and cheese',
    'image': {'url': 'https://example.com/pizza.png', 'name': 'pizza.png', 'content_type': 'image/png',
              'size': 1000, 'width': 100, 'height': 80, 'alternative_text': 'A pizza'},
    'buttons': [
        {'type': 'message', 'text': 'Order', 'value': 'order', 'postback_id': 'order'},
        {'type': 'url', 'text': 'Look', 'value': 'https://example.com', 'postback_id': 'look', 'target': 'new'},
        {'type': 'phone', 'text': 'Call', 'value': '+15550100', 'postback_id': 'call'},
        {'type': 'webview', 'text': 'Menu', 'value': 'https://example.com/menu', 'postback_id': 'menu',
         'webview_height': 'tall'},
    ],
}

FORM_FIELDS = [
    {'type': 'name', 'id': '1', 'label': 'Name', 'required': True},
    {'type': 'email', 'id': '2', 'label': 'E-mail'},
    {'type': 'question', 'id': '3', 'label': 'Company'},
    {'type': 'textarea', 'id': '4', 'label': 'Message'},
    {'type': 'radio', 'id': '5', 'label': 'Size', 'options': [{'id': '0', 'label': 'S'}, {'id': '1', 'label': 'L'}]},
    {'type': 'select', 'id': '6', 'label': 'Crust', 'options': [{'id': '0', 'label': 'Thin'}]},
    {'type': 'checkbox', 'id': '7', 'label': 'With', 'options': [{'id': '0', 'label': 'Ham'}]},
    {'type': 'group_chooser', 'id': '8', 'label': 'Team', 'options': [{'id': '0', 'group_id': 0, 'label': 'All'}]},
]

ANSWERED_FIELDS = [
    {'type': 'name', 'id': '1', 'label': 'Name', 'answer': 'Alice'},
    {'type': 'email', 'id': '2', 'label': 'E-mail', 'answer': 'alice@example.com'},
    {'type': 'question', 'id': '3', 'label': 'Company', 'answer': 'Example'},
    {'type': 'textarea', 'id': '4', 'label': 'Message', 'answer': 'Hungry'},
    {'type': 'radio', 'id': '5', 'label': 'Size', 'answer': {'id': '1', 'label': 'L'}},
    {'type': 'select', 'id': '6', 'label': 'Crust', 'answer': {'id': '0', 'label': 'Thin'}},
    {'type': 'checkbox', 'id': '7', 'label': 'With', 'answers': [{'id': '0', 'label': 'Ham'}]},
    {'type': 'group_chooser', 'id': '8', 'label': 'Team', 'answer': {'id': '0', 'group_id': 0, 'label': 'All'}},
]

EVENTS = {
    'message': {'text': 'Grüße, 世界 👋'},
    'custom': {'content': {'order': {'id': 17, 'items': [1, 2.5, None, True]}}},
    'form': {'form_id': 'form-1', 'fields': FORM_FIELDS},
    'filled_form': {'form_id': 'form-1', 'fields': ANSWERED_FIELDS},
    'rich_message': {'template_id': 'cards', 'elements': [CARD]},
    'system_message': {'system_message_type': 'weather.changed', 'text': 'It rains in Rome',
                       'text_vars': {'place': 'Rome'}},
}


def subset(wanted, seen):
    """Whether all that was sent came back; what the server adds may be beside it."""
    if isinstance(wanted, dict):
        return isinstance(seen, dict) and all(key in seen and subset(value, seen[key])
                                              for key, value in wanted.items())
    if isinstance(wanted, list):
        return isinstance(seen, list) and len(wanted) == len(seen) and all(map(subset, wanted, seen))
    return wanted == seen


@pytest.mark.parametrize('kind', EVENTS)
def test_what_an_agent_sends_is_read_by_both(talk, bob, kind):
    event = {'type': kind, 'custom_id': 'mine', 'visibility': 'all', **EVENTS[kind]}
    sent = ok(talk.web.send_event(chat_id=talk.id, event=event))
    assert re.match(rf'^{talk.thread}_\d+$', sent['event_id']), sent
    seen = talk.find(sent['event_id'])
    assert subset(event, seen), seen
    assert TIME.match(seen['created_at']), seen
    assert seen.get('author_id') == (None if kind == 'system_message' else bob.id)
    theirs = talk.find(sent['event_id'], talk.customer_web)
    wanted = {key: value for key, value in event.items() if key != 'visibility'}
    assert subset(wanted, theirs), theirs
    assert 'visibility' not in theirs


@pytest.mark.parametrize('kind', ['message', 'custom', 'filled_form', 'rich_message', 'system_message'])
def test_what_a_customer_sends_is_read_by_both(talk, customer, kind):
    event = {'type': kind, 'custom_id': 'mine', **EVENTS[kind]}
    # A system message that somebody sends is for agents, unless it says otherwise.
    sent = ok(talk.customer_web.send_event(chat_id=talk.id, event={**event, 'recipients': 'all'}))
    for seen in talk.find(sent['event_id']), talk.find(sent['event_id'], talk.customer_web):
        assert subset(event, seen), seen
        assert seen.get('author_id') == (None if kind == 'system_message' else customer.id)


@pytest.mark.parametrize('template', ['cards', 'quick_replies', 'sticker'])
def test_rich_messages_have_templates(talk, template):
    element = {'image': {'url': 'https://example.com/sticker.png'}} if template == 'sticker' else CARD
    event = {'type': 'rich_message', 'template_id': template, 'elements': [element]}
    sent = ok(talk.web.send_event(chat_id=talk.id, event=event))
    assert subset(event, talk.find(sent['event_id']))


@pytest.mark.since('3.6')
def test_agents_send_shopping_cards_and_customers_do_not(talk):
    element = {'title': 'Shirt', 'ecommerce': {'view_type': 'tags', 'product_id': 'p1',
               'options': [{'option_id': 'o1', 'label': 'Red', 'price': '10', 'available': True}]}}
    event = {'type': 'rich_message', 'template_id': 'ecommerce', 'elements': [element]}
    sent = ok(talk.web.send_event(chat_id=talk.id, event=event))
    assert talk.find(sent['event_id'])['template_id'] == 'ecommerce'
    refused(talk.customer_web.send_event(chat_id=talk.id, event=event), 'validation', 'authorization')


def test_events_carry_properties(talk):
    sent = talk.say(properties={'test': {'bool_property': True}})
    assert talk.find(sent)['properties']['test'] == {'bool_property': True}
    event = {'type': 'message', 'text': 'x', 'properties': {'test': {'bool_property': 'yes'}}}
    refused(talk.web.send_event(chat_id=talk.id, event=event), 'validation')


def test_a_repeated_custom_id_is_the_same_event(talk):
    first = talk.say('once', custom_id='repeated')
    assert talk.say('once', custom_id='repeated') == first
    theirs = talk.write('twice?', custom_id='repeated')
    assert theirs != first, 'another author has custom ids of their own'
    assert talk.write('twice?', custom_id='repeated') == theirs
    texts = [event['text'] for event in talk.events() if event['type'] == 'message']
    assert texts == ['once', 'twice?']


def test_events_are_numbered_in_order(talk):
    said = [talk.say(str(number)) for number in range(5)]
    numbers = [int(event_id.rsplit('_', 1)[1]) for event_id in said]
    assert numbers == sorted(set(numbers))
    texts = [event['text'] for event in talk.events() if event['type'] == 'message']
    assert texts == ['0', '1', '2', '3', '4']
    times = [event['created_at'] for event in talk.events()]
    assert times == sorted(times)


@pytest.mark.parametrize('event', [
    {'type': 'message'},
    {'type': 'message', 'text': 7},
    {'type': 'message', 'text': ''},
    {'type': 'rumour', 'text': 'x'},
    {'text': 'no type'},
    {'type': 'file'},
    {'type': 'file', 'url': 'https://elsewhere.example.com/file.png'},
    {'type': 'filled_form', 'fields': []},
    {'type': 'filled_form', 'form_id': '1', 'fields': [{'type': 'moon', 'id': '1', 'label': 'x', 'answer': 'y'}]},
    {'type': 'rich_message'},
    {'type': 'rich_message', 'template_id': 'mural', 'elements': []},
    {'type': 'rich_message', 'template_id': 'cards', 'elements': [CARD] * 11},
    {'type': 'rich_message', 'template_id': 'cards', 'elements': [{'buttons': [CARD['buttons'][0]] * 14}]},
    {'type': 'system_message', 'text': 'no type'},
    {'type': 'system', 'source': 'messaging', 'subtype': 'summary', 'version': '1', 'details': '{}'},
    {'type': 'message', 'text': 'x', 'visibility': 'some'},
    {'type': 'message', 'text': 'x', 'postback': {'id': 'a'}},
    {'type': 'message', 'text': 'x', 'postback': {'id': 'a', 'thread_id': 'b', 'event_id': 'c', 'type': 'message'}},
], ids=lambda event: '-'.join(str(value)[:24] for value in event.values()))
def test_wrong_events_are_refused(talk, event):
    refused(talk.web.send_event(chat_id=talk.id, event=event), 'validation')


def test_limits_of_rich_messages_can_be_reached(talk):
    button = CARD['buttons'][0]
    elements = [{'title': str(number), 'buttons': [button] * 13} for number in range(10)]
    sent = ok(talk.web.send_event(chat_id=talk.id,
                                  event={'type': 'rich_message', 'template_id': 'cards', 'elements': elements}))
    assert len(talk.find(sent['event_id'])['elements']) == 10


def test_a_postback_names_the_message_that_was_answered(talk):
    event = {'type': 'rich_message', 'template_id': 'cards', 'elements': [CARD]}
    card = ok(talk.web.send_event(chat_id=talk.id, event=event))['event_id']
    postback = {'id': 'order', 'thread_id': talk.thread, 'event_id': card, 'type': 'message', 'value': 'order'}
    answer = talk.write('Order', postback=postback)
    assert subset(postback, talk.find(answer)['postback'])


def test_text_is_limited_in_bytes(talk):
    web = talk.web
    ok(web.send_event(chat_id=talk.id, event={'type': 'message', 'text': 'x' * 16_000}))
    ok(web.send_event(chat_id=talk.id, event={'type': 'message', 'text': '👋' * 4_000}))
    refused(web.send_event(chat_id=talk.id, event={'type': 'message', 'text': 'x' * 16_385}), 'validation')
    refused(web.send_event(chat_id=talk.id, event={'type': 'message', 'text': '👋' * 4_097}), 'validation')
    refused(talk.customer_web.send_event(chat_id=talk.id, event={'type': 'message', 'text': 'é' * 8_193}),
            'validation')


def test_a_sender_has_seen_all_before(talk, bob, customer):
    talk.write('first')
    said = talk.say('then')
    users = {user['id']: user for user in ok(talk.web.get_chat(chat_id=talk.id))['users']}
    assert users[bob.id]['events_seen_up_to'] >= talk.find(said)['created_at']


@pytest.mark.since('3.6')
def test_a_customer_takes_back_an_own_message(talk):
    written = talk.write('oops')
    kept = talk.say('kept')
    web = talk.customer_web
    assert ok(web.delete_event(chat_id=talk.id, thread_id=talk.thread, event_id=written)) == {}
    assert talk.find(written, web) is None
    deleted = talk.find(written)
    assert deleted is None or deleted['deleted'] is True
    refused(web.delete_event(chat_id=talk.id, thread_id=talk.thread, event_id=kept), 'not_found', 'authorization',
            'validation')
    refused(web.delete_event(chat_id=talk.id, thread_id=talk.thread, event_id=f'{talk.thread}_999'), 'not_found')


def test_events_to_unknown_chats_are_refused(bob, customer, version):
    message = {'type': 'message', 'text': 'x'}
    refused(bob.web(version).send_event(chat_id='AAAAAAAAAA', event=message), 'not_found')
    refused(customer.web(version).send_event(chat_id='AAAAAAAAAA', event=message), 'not_found')
    refused(bob.web(version).send_event(event=message), 'validation')
    refused(bob.web(version).send_event(chat_id='AAAAAAAAAA'), 'validation')
