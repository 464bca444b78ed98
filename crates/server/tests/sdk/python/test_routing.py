"""Who gets a chat: statuses, groups, priorities, the queue. Each test has a group of its own."""

import pytest

from world import did, eventually, ok, refused, unique


@pytest.fixture
def team(world, bob, version):
    return Team(world, bob, version)


class Team:
    """A group of agents who are here for one test only."""

    def __init__(self, world, bob, version):
        self.world, self.bob, self.version = world, bob, version
        self.web = bob.web(version)
        self.configuration = bob.configuration(version)
        self.agents, self.connections = {}, {}

    def hire(self, name, limit=1):
        agent = self.world.agent(f'{unique(name)}@example.com', chats_max=limit)
        rtm = agent.rtm(self.version)
        did(rtm.set_routing_status(status='accepting_chats'))
        self.agents[name], self.connections[name] = agent, rtm
        return agent

    def group(self, **priorities):
        by_id = {self.agents[name].id: priority for name, priority in priorities.items()}
        self.id = ok(self.configuration.create_group(name=unique('team'), agent_priorities=by_id))['id']
        return self.id

    def start(self):
        """A new customer starts a chat with the group. Returns its id."""
        customer = self.world.customer(self.bob)
        return ok(customer.web(self.version).start_chat(chat={'access': {'group_ids': [self.id]}}))['chat_id']

    def try_start(self):
        customer = self.world.customer(self.bob)
        return customer.web(self.version).start_chat(chat={'access': {'group_ids': [self.id]}})

    def thread(self, chat):
        return ok(self.web.get_chat(chat_id=chat))['thread']

    def answers(self, chat):
        """The names of the agents in a chat, and waits until there is one."""
        names = {agent.id: name for name, agent in self.agents.items()}
        return eventually('somebody answers', lambda: {
            names[user] for user in self.thread(chat)['user_ids'] if user in names})

    def close(self, chat):
        ok(self.web.deactivate_chat(id=chat, ignore_requester_presence=True))


def test_statuses_are_listed(bob, carol, version):
    rtm = carol.rtm(version)
    did(rtm.set_routing_status(status='accepting_chats'))
    statuses = {each['agent_id']: each['status'] for each in ok(bob.web(version).list_routing_statuses())}
    assert statuses[bob.id] == statuses[carol.id] == 'accepting_chats'
    did(rtm.set_routing_status(status='not_accepting_chats'))
    statuses = {each['agent_id']: each['status']
                for each in ok(bob.web(version).list_routing_statuses(filters={'group_ids': [0]}))}
    assert statuses[carol.id] == 'not_accepting_chats'
    refused(bob.web(version).set_routing_status(status='asleep'), 'validation')
    refused(bob.web(version).set_routing_status(status='accepting_chats', agent_id='nobody@example.com'),
            'not_found')
    refused(bob.web(version).set_routing_status(), 'validation')


def test_a_group_without_agents_is_offline(team):
    team.hire('ann')
    team.group(ann='normal')
    did(team.connections['ann'].set_routing_status(status='not_accepting_chats'))
    refused(team.try_start(), 'group_offline', 'groups_offline')
    customer = team.world.customer(team.bob)
    started = ok(customer.web(team.version).start_chat(continuous=True,
                                                       chat={'access': {'group_ids': [team.id]}}))
    team.close(started['chat_id'])
    answer = customer.web(team.version).start_chat(chat={'access': {'group_ids': [987654]}})
    refused(answer, 'group_not_found', 'validation', 'chat_limit_reached', 'limit_reached')


def test_first_come_before_normal_before_last(team):
    for name in 'ann', 'ben', 'cid':
        team.hire(name)
    team.group(ann='last', ben='first', cid='normal')
    chats = [team.start() for _ in range(3)]
    assert [team.answers(chat) for chat in chats] == [{'ben'}, {'cid'}, {'ann'}]
    for chat in chats:
        team.close(chat)


def test_a_supervisor_gets_nothing(team):
    team.hire('ann')
    team.hire('ben', limit=5)
    team.group(ann='normal', ben='supervisor')
    first = team.start()
    second = team.start()
    assert team.answers(first) == {'ann'}
    assert not {team.agents['ben'].id} & set(team.thread(second)['user_ids'])
    team.close(first)
    team.close(second)


def test_who_must_wait_has_a_place_and_moves_up(team):
    team.hire('ann')
    team.group(ann='normal')
    busy = team.start()
    assert team.answers(busy) == {'ann'}
    waiting = [team.world.customer(team.bob) for _ in range(2)]
    watchers = [customer.rtm(team.version) for customer in waiting]
    chats = [did(rtm.start_chat(chat={'access': {'group_ids': [team.id]}}))['chat_id'] for rtm in watchers]
    places = [team.thread(chat)['queue'] for chat in chats]
    assert [place['position'] for place in places] == [1, 2]
    assert all('wait_time' in place and 'queued_at' in place for place in places)
    team.close(busy)
    assert team.answers(chats[0]) == {'ann'}
    watchers[1].push('queue_position_updated', lambda payload: payload['chat_id'] == chats[1]
                     and payload['queue']['position'] == 1)
    assert 'queue' not in team.thread(chats[0])
    watchers[0].push('user_added_to_chat', lambda payload: payload['chat_id'] == chats[0])
    for chat in chats:
        team.close(chat)


def test_the_load_is_shared(team):
    team.hire('ann', limit=3)
    team.hire('ben', limit=3)
    team.group(ann='normal', ben='normal')
    chats = [team.start() for _ in range(4)]
    answered = [team.answers(chat) for chat in chats]
    assert answered.count({'ann'}) == answered.count({'ben'}) == 2, answered
    for chat in chats:
        team.close(chat)


def test_a_chat_of_who_leaves_goes_to_another(team):
    team.hire('ann')
    team.group(ann='normal')
    chat = team.start()
    assert team.answers(chat) == {'ann'}
    team.hire('ben')
    ok(team.configuration.update_group(id=team.id, agent_priorities={
        team.agents['ann'].id: 'normal', team.agents['ben'].id: 'normal'}))
    did(team.connections['ann'].logout())
    eventually('Ben has it', lambda: team.agents['ben'].id in team.thread(chat)['user_ids'])
    told = [event.get('system_message_type') for event in team.thread(chat)['events']]
    assert 'routing.assigned_signed_out' in told, told
    team.close(chat)


def test_away_on_all_connections_is_not_accepting(bob, carol, version):
    first, second = carol.rtm(version), carol.rtm(version)
    did(first.set_routing_status(status='accepting_chats'))
    def status():
        return {each['agent_id']: each['status'] for each in ok(bob.web(version).list_routing_statuses())}[carol.id]
    did(first.set_away_status(away=True))
    assert status() == 'accepting_chats'
    did(second.set_away_status(away=True))
    eventually('Carol is away', lambda: status() == 'not_accepting_chats')
    did(second.set_away_status(away=False))
    eventually('Carol is back', lambda: status() == 'accepting_chats')
