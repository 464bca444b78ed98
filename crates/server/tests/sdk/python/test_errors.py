"""What is refused: tokens, scopes, versions, unknown calls, bodies that cannot be read; each with type and code."""

import json

import httpx
import pytest

from world import CLIENT_ID, ok, refused

KINDS = ['agent', 'customer', 'configuration']
A_CALL = {'agent': 'list_chats', 'customer': 'list_chats', 'configuration': 'list_agents'}


def post(world, kind, version='3.6', action=None, token=None, organization=True, **options):
    query = {'organization_id': world.organization_id} if kind == 'customer' and organization else {}
    headers = {'Authorization': token} if token else {}
    if 'json' not in options and 'content' not in options:
        options['json'] = {}
    return world.http.post(f'/v{version}/{kind}/action/{action or A_CALL[kind]}', params=query,
                           headers={**headers, **options.pop('headers', {})}, **options)


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


@pytest.fixture
def token(kind, bob, customer):
    return customer.bearer if kind == 'customer' else bob.bearer


def test_a_token_is_needed(world, kind, version):
    refused(post(world, kind, version), 'authentication')
    refused(post(world, kind, version, token='Bearer made-up'), 'authentication')
    refused(post(world, kind, version, token='Basic bm90OmFjdHVhbA=='), 'authentication')
    refused(post(world, kind, version, token='Magic word'), 'authentication')


def test_a_token_of_the_wrong_kind_is_refused_and_says_so(world, bob, customer, kind):
    wrong = bob.bearer if kind == 'customer' else customer.bearer
    error = refused(post(world, kind, token=wrong), 'authentication', 'authorization')
    assert 'token' in error['message'].lower()


def test_the_administrators_token_is_no_agents_token(world):
    refused(post(world, 'agent', token=f'Bearer {world.admin_token}'), 'authentication', 'authorization')


def test_personal_access_tokens_work_as_basic(bob, version):
    ok(bob.web(version, authorization=bob.basic).list_chats())
    ok(bob.configuration(version, authorization=bob.basic).list_agents())


def test_unknown_calls_and_versions_are_refused(world, kind, token):
    answer = post(world, kind, action='make_coffee', token=token)
    assert answer.status_code in (400, 404) and answer.json()['error']['type'] in ('validation', 'not_found')
    for version in '2.9', '3.99', '4.0':
        error = post(world, kind, version, token=token)
        assert error.status_code in (400, 404), error.text
        assert error.json()['error']['type'] == 'unsupported_version', error.text


@pytest.mark.parametrize('body', ['{"limit":', '[]', '"text"', '17', '{"limit": "ten"}', '{"limit": -1}'])
def test_bodies_that_cannot_be_read_are_refused(world, body, bob):
    answer = post(world, 'agent', token=bob.bearer, content=body, headers={'Content-Type': 'application/json'})
    refused(answer, 'validation')


def test_bodies_are_read_whatever_their_type_says(world, kind, token):
    for headers in {'Content-Type': 'text/plain;charset=UTF-8'}, {'Content-Type': ''}:
        ok(post(world, kind, token=token, content='{}', headers=headers))


def test_empty_answers_are_empty_objects(chat):
    answer = chat.web.send_typing_indicator(chat_id=chat.id, is_typing=True)
    assert (answer.status_code, answer.json()) == (200, {})
    assert answer.headers['content-type'].startswith('application/json')


def test_the_token_says_the_organization(world, customer):
    ok(post(world, 'customer', token=customer.bearer, organization=False))


@pytest.mark.parametrize('scopes, allowed, denied', [
    (['chats--all:ro'], 'list_chats', 'start_chat'),
    (['chats--all:rw'], 'start_chat', 'get_customer'),
    (['customers:ro'], 'get_customer', 'list_chats'),
], ids=str)
def test_scopes_are_checked(world, customer, bob, scopes, allowed, denied):
    web = world.agent('scoped@example.com', role='administrator', scopes=scopes).web()
    arguments = {'get_customer': {'id': customer.id}, 'list_chats': {},
                 'start_chat': {'chat': {'users': [{'id': customer.id, 'type': 'customer'}]}}}
    answer = ok(getattr(web, allowed)(**arguments[allowed]))
    error = refused(getattr(web, denied)(**arguments[denied]), 'authorization')
    assert error['message']
    if 'chat_id' in answer:
        ok(bob.web().deactivate_chat(id=answer['chat_id'], ignore_requester_presence=True))


def test_customer_tokens_are_made_for_agents_only(world, bob, customer):
    made = ok(world.customer_token(bob.bearer))
    assert made['token_type'].lower() == 'bearer'
    assert made['organization_id'] == world.organization_id
    assert made['expires_in'] > 0 and made['access_token'] and made['entity_id']
    again = ok(world.customer_token(bob.bearer, entity_id=made['entity_id']))
    assert again['entity_id'] == made['entity_id']
    assert ok(world.customer_token(bob.bearer))['entity_id'] != made['entity_id']
    for authorization in customer.bearer, 'Bearer made-up':
        assert world.customer_token(authorization).status_code in (400, 401, 403)
    assert world.customer_token(bob.bearer, grant_type='wishes').status_code == 400
    assert world.customer_token(bob.bearer, organization_id='elsewhere').status_code in (400, 401, 403, 404)


def test_errors_over_the_web_and_over_rtm_are_the_same(bob, chat):
    over_web = refused(bob.web().get_chat(chat_id='AAAAAAAAAA'), 'not_found')
    over_rtm = bob.rtm().get_chat(chat_id='AAAAAAAAAA').payload['error']
    assert over_web == over_rtm


def test_calls_with_get_are_answered_with_get_only(world):
    query = {'organization_id': world.organization_id}
    assert world.http.get('/v3.6/customer/action/list_license_properties', params=query).status_code == 200
    answer = world.http.get('/v3.6/customer/action/list_chats', params=query)
    assert answer.status_code in (400, 401, 404, 405)


def test_the_version_may_be_in_a_header(world, bob):
    answer = world.http.post('/agent/action/list_chats', json={},
                             headers={'Authorization': bob.bearer, 'X-API-Version': '3.7'})
    assert answer.status_code in (200, 404)
    if answer.status_code == 200:
        assert 'chats_info' in answer.json()
