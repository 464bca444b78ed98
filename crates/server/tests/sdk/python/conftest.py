"""What the tests share: one server, Bob and Carol who answer, and a new customer and chat for each test."""

import sys

import pytest
from loguru import logger

from world import STABLE, VERSION, Talk, World, did

# The client writes every frame to standard error; pytest shows what failed by itself.
logger.remove()
logger.add(sys.stderr, level='ERROR')


@pytest.fixture(scope='session')
def _world():
    return World()


@pytest.fixture
def world(_world):
    yield _world
    _world.close()


@pytest.fixture(scope='session')
def bob(_world):
    """Owns the workspace, sees all, and is here the whole time."""
    bob = _world.agent('bob@example.com', role='owner', chats_max=20)
    rtm = bob.rtm()
    did(rtm.set_routing_status(status='accepting_chats'))
    _world.connections.remove(rtm)
    yield bob
    rtm.close_connection()


@pytest.fixture(scope='session')
def carol(_world, bob):
    """A normal agent."""
    return _world.agent('carol@example.com')


@pytest.fixture(params=[VERSION])
def version(request):
    return request.param


# What looks at the calls of a whole run.
LAST = 'test_every_method_was_called'


def pytest_collection_modifyitems(config, items):
    """Leaves out what is of another version: a run is for one. What names its version by itself is in one run.

    What looks at the calls of all tests comes last, and only where all run."""
    is_whole = config.args == config.getini('testpaths') and not config.option.keyword
    def wanted(item):
        since = item.get_closest_marker('since')
        if since and VERSION < since.args[0]:
            return False
        if item.originalname == LAST and not is_whole:
            return False
        return 'version' in item.fixturenames or VERSION == STABLE
    config.hook.pytest_deselected(items=[item for item in items if not wanted(item)])
    items[:] = sorted(filter(wanted, items), key=lambda item: item.originalname == LAST)


@pytest.fixture
def customer(world, bob):
    return world.customer(bob)


@pytest.fixture
def talk(bob, customer, version):
    """Bob's chat with a new customer, in each version."""
    talk = Talk(bob, customer, version)
    yield talk
    talk.close()


@pytest.fixture
def chat(bob, customer):
    """Bob's chat with a new customer, in the stable version."""
    talk = Talk(bob, customer)
    yield talk
    talk.close()
