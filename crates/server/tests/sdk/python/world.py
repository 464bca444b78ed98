"""The installation under test, and LiveChat's published Python client pointed at it.

The client is used as it is published. It writes `https://` and `wss://` in front of every host; a server on
this computer has no certificate, so the scheme is changed on the client that was made, and nothing else is.
(`verify=False` spares each client the reading of all certificates of the world.)
"""

import base64
import itertools
import os
import time
import uuid

import httpx
from livechat.agent.rtm.base import AgentRTM
from livechat.agent.web.base import AgentWeb
from livechat.configuration.base import ConfigurationApi
from livechat.customer.rtm.base import CustomerRTM
from livechat.customer.web.base import CustomerWeb

# The version of LiveChat's API that this run is for. Each has a run of its own, with a server of its own.
STABLE = '3.6'
VERSION = os.environ.get('LIVECHAT_VERSION', STABLE)
assert VERSION in ('3.5', '3.6', '3.7'), VERSION

# How long anything may take that a test waits for, also where other tests leave little of the machine.
PATIENCE = 60.0

# How often is looked.
LOOK_INTERVAL = 0.01

# Our own id of an application: the namespace of its properties, the owner of its bots and webhooks.
CLIENT_ID = 'b7eff798f8df4364d06f8eb7c8f9f0aa'

# The HTTP code of each error type.
CODES = {
    'validation': 400,
    'requester_suspended': 400,
    'unsupported_version': 400,
    'authentication': 401,
    'authorization': 403,
    'missing_access': 403,
    'customer_banned': 403,
    'not_found': 404,
    'group_not_found': 404,
    'greeting_not_found': 404,
    'license_not_found': 404,
    'already_exists': 409,
    'entity_too_large': 413,
    'chat_inactive': 422,
    'chat_already_active': 422,
    'chat_limit_reached': 422,
    'limit_reached': 422,
    'agent_offline': 422,
    'group_offline': 422,
    'groups_offline': 422,
    'group_unavailable': 422,
    'too_many_requests': 429,
}

_numbers = itertools.count(1)


def unique(word):
    """A name that no other test has."""
    return f'{word}-{uuid.uuid4().hex[:8]}-{next(_numbers)}'


def ok(answer):
    """What a call over the Web answered, which must have succeeded."""
    assert answer.status_code == 200, f'{answer.request.url}: {answer.status_code} {answer.text}'
    return answer.json()


def refused(answer, *types):
    """The error of a call over the Web, which must be of one of these types, with the code of its type."""
    body = answer.json()
    assert answer.status_code != 200, f'{answer.request.url} was not refused: {body}'
    error = body['error']
    assert error['type'] in types, f'{answer.request.url}: {answer.status_code} {body}'
    assert isinstance(error['message'], str) and error['message'], body
    assert answer.status_code == CODES[error['type']], f'{answer.status_code} {body}'
    return error


def did(answer):
    """What a call over RTM answered, which must have succeeded."""
    assert answer is not None, 'no answer came'
    assert answer.type == 'response'
    assert answer.success is True, answer.rtm_response
    return answer.payload


def denied(answer, *types):
    """The error of a call over RTM, which must be of one of these types."""
    assert answer is not None, 'no answer came'
    assert answer.success is False, answer.rtm_response
    error = answer.payload['error']
    assert error['type'] in types, answer.rtm_response
    assert isinstance(error['message'], str) and error['message'], error
    return error


def eventually(what, look):
    """Waits until `look` gives something."""
    began = time.monotonic()
    while True:
        seen = look()
        if seen:
            return seen
        assert time.monotonic() - began < PATIENCE, f'in vain: {what}'
        time.sleep(LOOK_INTERVAL)


def summaries(payload, version):
    """The chats of `list_chats` and `login`: 3.7 renamed the list."""
    return payload['chats_info' if version == '3.7' else 'chats_summary']


def last_thread(summary, version):
    """The last thread's part of a chat's summary, as agents see it: 3.7 renamed it."""
    return summary['last_thread_info' if version == '3.7' else 'last_thread_summary']


class Rtm:
    """A connection of the client, with ways to wait for pushes."""

    def __init__(self, client):
        client.ws.url = client.ws.url.replace('wss://', 'ws://')
        # Its own limits are for a machine that has nothing else to do.
        client.open_connection(response_timeout=PATIENCE, ws_conn_timeout=PATIENCE, ping_interval=20, ping_timeout=15)
        self.client = client

    def __getattr__(self, name):
        return getattr(self.client, name)

    def frames(self):
        """All frames so far, the oldest first."""
        with self.client.ws._messages_lock:
            return list(reversed(self.client.ws.messages))

    def pushes(self, action):
        return [frame for frame in self.frames() if frame['type'] == 'push' and frame['action'] == action]

    def push(self, action, holds=lambda payload: True):
        """Waits for a push whose payload is as wanted. Returns the whole frame."""
        def look():
            return next((frame for frame in self.pushes(action) if holds(frame['payload'])), None)
        try:
            return eventually(action, look)
        except AssertionError as error:
            raise AssertionError(f'no such push: {action}; there were {self.frames()}') from error

    def event(self, chat, holds=lambda event: True):
        """Waits for an event of a chat. Returns the whole frame."""
        return self.push('incoming_event',
                         lambda payload: payload['chat_id'] == chat and holds(payload['event']))

    def events(self, chat):
        """The events of a chat that were pushed so far."""
        return [frame['payload']['event'] for frame in self.pushes('incoming_event')
                if frame['payload']['chat_id'] == chat]

    def call(self, action, payload=None, **beside):
        """A call that the client has no method for."""
        request = {'action': action, **beside}
        if payload is not None:
            request['payload'] = payload
        return self.client.ws.send(request)


class Agent:
    """An agent with a token."""

    def __init__(self, world, email, made):
        self.world = world
        self.id = email
        self.token = made['token']
        self.account_id = made['account_id']
        self.bearer = f'Bearer {self.token}'
        pair = f'{self.account_id}:{self.token}'.encode()
        self.basic = f'Basic {base64.b64encode(pair).decode()}'

    def web(self, version='3.6', authorization=None):
        client = AgentWeb.get_client(authorization or self.bearer, version=version, base_url=self.world.host,
                                     verify=False, disable_logging=True)
        return self.world.over_http(client)

    def configuration(self, version='3.6', authorization=None):
        client = ConfigurationApi.get_client(authorization or self.bearer, version=version,
                                             base_url=self.world.host, verify=False, disable_logging=True)
        return self.world.over_http(client)

    def rtm(self, version='3.6', login=True, **options):
        rtm = Rtm(AgentRTM.get_client(version=version, base_url=self.world.host))
        self.world.connections.append(rtm)
        if login:
            rtm.login_answer = did(rtm.login(token=self.bearer, **options))
        return rtm


class Customer:
    """A customer with a token."""

    def __init__(self, world, made):
        self.world = world
        self.id = made['entity_id']
        self.token = made['access_token']
        self.bearer = f'Bearer {self.token}'

    def web(self, version='3.6'):
        client = CustomerWeb.get_client(self.bearer, version=version, base_url=self.world.host,
                                        organization_id=self.world.organization_id, verify=False, disable_logging=True)
        return self.world.over_http(client)

    def rtm(self, version='3.6', login=True, **options):
        rtm = Rtm(CustomerRTM.get_client(version=version, base_url=self.world.host,
                                         organization_id=self.world.organization_id))
        self.world.connections.append(rtm)
        if login:
            rtm.login_answer = did(rtm.login(payload={'token': self.bearer, **options}))
        return rtm


class World:
    """The server, spoken to as an operator and through the client."""

    def __init__(self):
        self.host = os.environ['TIDINGS_HOST']
        self.http = httpx.Client(base_url=f'http://{self.host}', trust_env=False, timeout=PATIENCE)
        self.admin_token = os.environ['TIDINGS_TOKEN']
        workspace = self.admin('GET', '/api/v1/workspace')
        self.organization_id = workspace['organization_id']
        self.license_id = workspace['license_id']
        self.connections = []

    def admin(self, method, path, body=None):
        answer = self.http.request(method, path, json=body,
                                   headers={'Authorization': f'Bearer {self.admin_token}'})
        assert answer.status_code < 300, f'{method} {path}: {answer.status_code} {answer.text}'
        return answer.json()

    def over_http(self, client):
        client.api_url = client.api_url.replace('https://', 'http://')
        return client

    def agent(self, email, role='normal', scopes=None, **more):
        """Makes an agent, unless there is one, and a token for them."""
        self.admin('PUT', f'/api/v1/agents/{email}',
                   {'name': email.split('@')[0].capitalize(), 'role': role, **more})
        body = {'name': unique('tests')}
        if scopes is not None:
            body['scopes'] = scopes
        return Agent(self, email, self.admin('POST', f'/api/v1/agents/{email}/tokens', body))

    def customer_token(self, authorization, **body):
        return self.http.post('/v2/customer/token', headers={'Authorization': authorization}, json={
            'grant_type': 'agent_token', 'response_type': 'token', 'client_id': CLIENT_ID,
            'organization_id': self.organization_id, **body})

    def customer(self, agent, **body):
        """A customer who was never here before."""
        return Customer(self, ok(self.customer_token(agent.bearer, **body)))

    def close(self):
        """Ends the connections of one test."""
        for rtm in self.connections:
            rtm.close_connection()
        self.connections.clear()


class Talk:
    """A chat of a customer with an agent, who started it."""

    def __init__(self, agent, customer, version='3.6', chat=None, **options):
        self.agent, self.customer, self.version = agent, customer, version
        self.web = agent.web(version)
        self.customer_web = customer.web(version)
        users = [{'id': customer.id, 'type': 'customer'}]
        self.started = ok(self.web.start_chat(chat={'users': users, **(chat or {})}, **options))
        self.id = self.started['chat_id']
        self.thread = self.started['thread_id']

    def say(self, text='Hello', **more):
        """A message of the agent. Returns its id."""
        event = {'type': 'message', 'text': text, **more}
        return ok(self.web.send_event(chat_id=self.id, event=event))['event_id']

    def write(self, text='Hello', **more):
        """A message of the customer. Returns its id."""
        event = {'type': 'message', 'text': text, **more}
        return ok(self.customer_web.send_event(chat_id=self.id, event=event))['event_id']

    def events(self, web=None):
        """The events of the thread as the agent sees them, or another."""
        return ok((web or self.web).get_chat(chat_id=self.id, thread_id=self.thread))['thread'].get('events', [])

    def find(self, event_id, web=None):
        """An event as the agent sees it, or another; `None` when it cannot be seen."""
        return next((event for event in self.events(web) if event['id'] == event_id), None)

    def close(self):
        self.web.deactivate_chat(id=self.id, ignore_requester_presence=True)
