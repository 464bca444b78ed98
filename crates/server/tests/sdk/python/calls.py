"""What the package offers, and what of it a run has called.

Each public method of each client is wrapped when this is loaded, before any test. The classes of the other versions are
left alone: a run is for one version.
"""

import functools
import inspect

from livechat.agent.rtm import base as agent_rtm
from livechat.agent.web import base as agent_web
from livechat.configuration import base as configuration
from livechat.customer.rtm import base as customer_rtm
from livechat.customer.web import base as customer_web

from world import VERSION

# All clients that Tidings answers; Reports and Billing are not offered.
CLIENTS = {
    name: client
    for module in (agent_web, agent_rtm, customer_web, customer_rtm, configuration)
    for name, client in inspect.getmembers(module, inspect.isclass)
    if name.endswith(f'V{VERSION.replace(".", "")}')
}

_called = set()


def _noted(client, name, method):
    @functools.wraps(method)
    def noted(*args, **named):
        _called.add((client, name))
        return method(*args, **named)
    return noted


def methods(client):
    """The names of a client's public methods."""
    return [name for name, _ in inspect.getmembers(client, inspect.isfunction) if not name.startswith('_')]


def uncalled():
    """The methods that nothing has called so far, as `Client.method`."""
    return sorted(f'{name}.{method}' for name, client in CLIENTS.items() for method in methods(client)
                  if (name, method) not in _called)


assert len(CLIENTS) == 5, CLIENTS
for _name, _client in CLIENTS.items():
    for _method in methods(_client):
        setattr(_client, _method, _noted(_name, _method, getattr(_client, _method)))
