"""Buttons of rich messages: who pressed them, over several elements, and again."""

import pytest

from world import ok, refused


@pytest.fixture
def card(talk):
    """A message whose buttons `yes` are in two elements."""
    elements = [
        {'title': 'One', 'buttons': [{'type': 'message', 'text': 'Yes', 'value': 'yes', 'postback_id': 'yes'},
                                     {'type': 'message', 'text': 'No', 'value': 'no', 'postback_id': 'no'}]},
        {'title': 'Two', 'buttons': [{'type': 'message', 'text': 'Sure', 'value': 'yes', 'postback_id': 'yes'}]},
    ]
    event = {'type': 'rich_message', 'template_id': 'cards', 'elements': elements}
    return ok(talk.web.send_event(chat_id=talk.id, event=event))['event_id']


def pressed(talk, card):
    """Who pressed, by the text of the button."""
    elements = talk.find(card)['elements']
    return {button['text']: button.get('user_ids', []) for element in elements for button in element['buttons']}


def press(talk, card, postback, toggled=True, web=None):
    return (web or talk.customer_web).send_rich_message_postback(
        chat_id=talk.id, thread_id=talk.thread, event_id=card, postback={'id': postback, 'toggled': toggled})


def test_one_press_counts_for_all_buttons_with_that_id(talk, card, customer):
    assert ok(press(talk, card, 'yes')) == {}
    assert pressed(talk, card) == {'Yes': [customer.id], 'No': [], 'Sure': [customer.id]}


def test_pressing_again_changes_nothing(talk, card, customer):
    ok(press(talk, card, 'yes'))
    ok(press(talk, card, 'yes'))
    assert pressed(talk, card)['Yes'] == [customer.id]


def test_a_press_is_taken_back(talk, card, customer):
    ok(press(talk, card, 'yes'))
    ok(press(talk, card, 'no'))
    ok(press(talk, card, 'yes', toggled=False))
    ok(press(talk, card, 'yes', toggled=False))
    assert pressed(talk, card) == {'Yes': [], 'No': [customer.id], 'Sure': []}


def test_an_agent_presses_too(talk, card, bob, customer):
    ok(press(talk, card, 'yes'))
    ok(press(talk, card, 'yes', web=talk.web))
    assert sorted(pressed(talk, card)['Sure']) == sorted([bob.id, customer.id])


def test_wrong_presses_are_refused(talk, card):
    message = talk.say('no buttons here')
    refused(press(talk, card, 'maybe'), 'not_found', 'validation')
    refused(press(talk, message, 'yes'), 'not_found', 'validation')
    refused(press(talk, f'{talk.thread}_999', 'yes'), 'not_found')
    refused(talk.customer_web.send_rich_message_postback(chat_id=talk.id, thread_id=talk.thread, event_id=card,
                                                         postback={'id': 'yes'}), 'validation')
    refused(talk.customer_web.send_rich_message_postback(chat_id=talk.id, event_id=card), 'validation')
