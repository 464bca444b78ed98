"""The Configuration API: agents, groups, bots and their tokens, tags, access, greetings, batches, and the rest."""

import pytest

from world import CLIENT_ID, Agent, Talk, ok, refused, unique


@pytest.fixture
def configuration(bob, version):
    return bob.configuration(version)


@pytest.fixture
def new_agent(configuration):
    agent = f'{unique("new")}@example.com'
    assert ok(configuration.create_agent(id=agent, name='Newcomer', role='normal', job_title='Waiter',
                                         max_chats_count=3, groups=[{'id': 0, 'priority': 'normal'}])) == {'id': agent}
    yield agent
    configuration.delete_agent(id=agent)


def test_an_agent_is_made_read_changed_and_deleted(configuration, new_agent):
    fields = ['job_title', 'max_chats_count', 'groups']
    agent = ok(configuration.get_agent(id=new_agent, fields=fields))
    assert (agent['id'], agent['name'], agent['role']) == (new_agent, 'Newcomer', 'normal')
    assert (agent['job_title'], agent['max_chats_count']) == ('Waiter', 3)
    assert agent['account_id']
    assert {'id': 0, 'priority': 'normal'} in agent['groups']
    assert 'job_title' not in ok(configuration.get_agent(id=new_agent))
    assert new_agent in [each['id'] for each in ok(configuration.list_agents(filters={'group_ids': [0]}))]
    assert ok(configuration.update_agent(id=new_agent, job_title='Cook', role='administrator')) == {}
    agent = ok(configuration.get_agent(id=new_agent, fields=fields))
    assert (agent['job_title'], agent['role'], agent['name']) == ('Cook', 'administrator', 'Newcomer')
    assert ok(configuration.delete_agent(id=new_agent)) == {}
    refused(configuration.get_agent(id=new_agent), 'not_found')
    assert new_agent not in [each['id'] for each in ok(configuration.list_agents())]


def test_wrong_agents_are_refused(configuration, new_agent):
    refused(configuration.create_agent(id=new_agent, name='Again'), 'already_exists')
    refused(configuration.create_agent(id='no address', name='X'), 'validation')
    refused(configuration.create_agent(name='No id'), 'validation')
    refused(configuration.create_agent(id='x@example.com'), 'validation')
    refused(configuration.create_agent(id='x@example.com', name='X', role='emperor'), 'validation')
    refused(configuration.create_agent(id='x@example.com', name='X', groups=[{'id': 0, 'priority': 'best'}]),
            'validation')
    refused(configuration.update_agent(id='nobody@example.com', name='X'), 'not_found')
    refused(configuration.delete_agent(id='nobody@example.com'), 'not_found')
    refused(configuration.update_agent(id=new_agent, max_chats_count=-1), 'validation')


def test_an_agent_is_suspended_and_may_ask_to_come_back(world, configuration, new_agent, version):
    suspended = Agent(world, new_agent, world.admin('POST', f'/api/v1/agents/{new_agent}/tokens', {'name': 'tests'}))
    ok(suspended.web(version).list_chats())
    assert ok(configuration.suspend_agent(id=new_agent)) == {}
    assert new_agent in [each['id'] for each in ok(configuration.list_agents(filters={'suspended': True}))]
    refused(suspended.web(version).list_chats(), 'requester_suspended')
    ok(suspended.configuration(version).request_agent_unsuspension())
    assert ok(configuration.unsuspend_agent(id=new_agent)) == {}
    assert new_agent in [each['id'] for each in ok(configuration.list_agents(filters={'suspended': False}))]
    ok(suspended.web(version).list_chats())


def test_an_agent_awaits_approval(configuration):
    agent = f'{unique("waiting")}@example.com'
    ok(configuration.create_agent(id=agent, name='Waiting', awaiting_approval=True))
    assert ok(configuration.get_agent(id=agent, fields=['awaiting_approval']))['awaiting_approval'] is True
    assert ok(configuration.approve_agent(id=agent)) == {}
    assert ok(configuration.get_agent(id=agent, fields=['awaiting_approval']))['awaiting_approval'] is False
    ok(configuration.delete_agent(id=agent))


def test_a_normal_agent_changes_no_configuration(carol, version):
    configuration = carol.configuration(version)
    refused(configuration.create_agent(id='x@example.com', name='X'), 'authorization')
    refused(configuration.create_group(name='X', agent_priorities={carol.id: 'normal'}), 'authorization')
    refused(configuration.delete_agent(id='bob@example.com'), 'authorization')


def test_groups(configuration, bob, carol):
    name = unique('group')
    group = ok(configuration.create_group(name=name, language_code='en',
                                          agent_priorities={bob.id: 'first', carol.id: 'last'}))['id']
    assert isinstance(group, int) and group > 0
    seen = ok(configuration.get_group(id=group, fields=['agent_priorities', 'routing_status']))
    assert (seen['id'], seen['name'], seen['language_code']) == (group, name, 'en')
    assert seen['agent_priorities'] == {bob.id: 'first', carol.id: 'last'}
    assert seen['routing_status'] in ('accepting_chats', 'not_accepting_chats', 'offline')
    listed = {each['id']: each for each in ok(configuration.list_groups(fields=['agent_priorities']))}
    assert listed[group]['agent_priorities'] == {bob.id: 'first', carol.id: 'last'}
    assert 0 in listed
    assert ok(configuration.update_group(id=group, name=f'{name}!', agent_priorities={bob.id: 'supervisor'})) == {}
    seen = ok(configuration.get_group(id=group, fields=['agent_priorities']))
    assert (seen['name'], seen['agent_priorities']) == (f'{name}!', {bob.id: 'supervisor'})
    assert ok(configuration.delete_group(id=group)) == {}
    refused(configuration.get_group(id=group), 'group_not_found', 'not_found')
    refused(configuration.update_group(id=group, name='x'), 'group_not_found', 'not_found')
    refused(configuration.delete_group(id=group), 'group_not_found', 'not_found')
    refused(configuration.create_group(name='x' * 181, agent_priorities={bob.id: 'first'}), 'validation')
    refused(configuration.create_group(name='x', agent_priorities={bob.id: 'best'}), 'validation')
    refused(configuration.create_group(name='x'), 'validation')


def test_tags(configuration, bob):
    name = unique('tag')
    group = ok(configuration.create_group(name=unique('group'), agent_priorities={bob.id: 'first'}))['id']
    assert ok(configuration.create_tag(name=name, group_ids=[0])) == {}
    refused(configuration.create_tag(name=name, group_ids=[0]), 'already_exists')
    tag = next(each for each in ok(configuration.list_tags()) if each['name'] == name)
    assert (tag['group_ids'], tag['author_id']) == ([0], bob.id)
    assert tag['created_at']
    assert ok(configuration.update_tag(name=name, group_ids=[group])) == {}
    assert name in [each['name'] for each in ok(configuration.list_tags(filters={'group_ids': [group]}))]
    assert ok(configuration.delete_tag(name=name)) == {}
    refused(configuration.delete_tag(name=name), 'not_found')
    refused(configuration.update_tag(name=name, group_ids=[0]), 'not_found')
    refused(configuration.create_tag(), 'validation')
    ok(configuration.delete_group(id=group))


def test_a_bot_speaks_with_its_own_token(world, configuration, customer, bob, version):
    name = unique('bot')
    made = ok(configuration.create_bot(name=name, owner_client_id=CLIENT_ID, max_chats_count=50, job_title='Robot',
                                       default_group_priority='first', groups=[{'id': 0, 'priority': 'first'}]))
    bot = made['id']
    seen = ok(configuration.get_bot(id=bot, fields=['max_chats_count', 'job_title', 'groups']))
    assert (seen['name'], seen['max_chats_count'], seen['job_title']) == (name, 50, 'Robot')
    assert bot in [each['id'] for each in ok(configuration.list_bots(all=True))]
    token = ok(configuration.issue_bot_token(bot_id=bot, bot_secret=made['secret'], client_id=CLIENT_ID,
                                             organization_id=world.organization_id))['token']
    refused(configuration.issue_bot_token(bot_id=bot, bot_secret='guessed', client_id=CLIENT_ID,
                                          organization_id=world.organization_id), 'authentication', 'authorization',
            'validation')
    talk = Talk(bob, customer, version)
    ok(talk.web.add_user_to_chat(chat_id=talk.id, user_id=bot, user_type='agent', visibility='all'))
    web = bob.web(version, authorization=f'Bearer {token}')
    # An agent holds the chat, and a bot never talks over a person; among agents it may say what it likes.
    refused(web.send_event(chat_id=talk.id, event={'type': 'message', 'text': 'beep'}), 'authorization')
    sent = ok(web.send_event(chat_id=talk.id, event={'type': 'message', 'text': 'beep', 'visibility': 'agents'}))
    assert talk.find(sent['event_id'])['author_id'] == bot
    ok(web.set_routing_status(agent_id=bot, status='offline'))
    talk.close()
    again = ok(configuration.reset_bot_secret(id=bot, owner_client_id=CLIENT_ID))
    refused(configuration.issue_bot_token(bot_id=bot, bot_secret=made['secret'], client_id=CLIENT_ID,
                                          organization_id=world.organization_id), 'authentication', 'authorization',
            'validation')
    ok(configuration.issue_bot_token(bot_id=bot, bot_secret=again['secret'], client_id=CLIENT_ID,
                                     organization_id=world.organization_id))
    ok(configuration.update_bot(id=bot, name='Renamed'))
    assert ok(configuration.get_bot(id=bot))['name'] == 'Renamed'
    assert ok(configuration.delete_bot(id=bot)) == {}
    refused(configuration.get_bot(id=bot), 'not_found')
    refused(configuration.create_bot(owner_client_id=CLIENT_ID), 'validation')
    refused(configuration.create_bot(name='x', owner_client_id=CLIENT_ID, max_chats_count=501), 'validation')


def test_templates_of_bots(configuration):
    made = ok(configuration.create_bot_template(name='Template', owner_client_id=CLIENT_ID))
    template = made['id']
    assert template in [each['id'] for each in ok(configuration.list_bot_templates(owner_client_id=CLIENT_ID))]
    ok(configuration.update_bot_template(id=template, owner_client_id=CLIENT_ID, name='Renamed'))
    ok(configuration.reset_bot_template_secret(id=template, owner_client_id=CLIENT_ID))
    ok(configuration.delete_bot_template(id=template, owner_client_id=CLIENT_ID))
    assert template not in [each['id'] for each in ok(configuration.list_bot_templates(owner_client_id=CLIENT_ID))]
    refused(configuration.delete_bot_template(id=template, owner_client_id=CLIENT_ID), 'not_found')


def test_automatic_access(configuration, bob):
    group = ok(configuration.create_group(name=unique('group'), agent_priorities={bob.id: 'first'}))['id']
    rule = {'access': {'groups': [group]}, 'conditions': {'domain': {'values': [{'value': 'example.com'}]}},
            'description': 'ours'}
    made = ok(configuration.add_auto_access(**rule))['id']
    listed = {each['id']: each for each in ok(configuration.list_auto_accesses())}
    assert listed[made]['access'] == rule['access']
    assert listed[made]['description'] == 'ours'
    ok(configuration.update_auto_access(id=made, description='theirs'))
    listed = {each['id']: each for each in ok(configuration.list_auto_accesses())}
    assert listed[made]['description'] == 'theirs'
    assert ok(configuration.delete_auto_access(id=made)) == {}
    assert made not in [each['id'] for each in ok(configuration.list_auto_accesses())]
    refused(configuration.delete_auto_access(id=made), 'not_found')
    refused(configuration.add_auto_access(access={'groups': [group]}), 'validation')
    ok(configuration.delete_group(id=group))


@pytest.mark.since('3.6')
def test_greetings(bob, version):
    configuration = bob.configuration(version)
    greeting = {'type': 'normal', 'active': True, 'name': unique('greeting'), 'group': 0,
                'rules': [{'condition': 'and', 'type': 'visit_time_page', 'operator': 'greater_than', 'value': '10'}],
                'rich_message': {'template_id': 'cards', 'elements': [{
                    'title': 'Hungry?', 'subtitle': 'We deliver', 'image': {'url': 'https://example.com/pizza.png'}}]}}
    made = ok(configuration.create_greeting(**greeting))['id']
    seen = ok(configuration.get_greeting(id=made))
    assert (seen['name'], seen['active']) == (greeting['name'], True)
    ok(configuration.update_greeting(id=made, active=False))
    assert ok(configuration.get_greeting(id=made))['active'] is False
    assert made in [each['id'] for each in ok(configuration.list_greetings(groups=[0]))['greetings']]
    ok(configuration.delete_greeting(id=made))
    refused(configuration.get_greeting(id=made), 'not_found', 'greeting_not_found')
    refused(configuration.create_greeting(**{**greeting, 'type': 'loud'}), 'validation')


def test_batches_answer_in_order(configuration):
    agents = [f'{unique("batch")}@example.com' for _ in range(3)]
    made = ok(configuration.batch_create_agents(requests=[
        {'id': agents[0], 'name': 'One'}, {'id': 'no address', 'name': 'Two'}, {'id': agents[2], 'name': 'Three'}]))
    assert made['responses'][0] == {'id': agents[0]}
    assert made['responses'][1]['error']['type'] == 'validation'
    assert made['responses'][2] == {'id': agents[2]}
    ok(configuration.batch_update_agents(requests=[{'id': agents[0], 'job_title': 'Cook'}]))
    assert ok(configuration.get_agent(id=agents[0], fields=['job_title']))['job_title'] == 'Cook'
    ok(configuration.batch_suspend_agents(requests=[{'id': agents[0]}]))
    ok(configuration.batch_unsuspend_agents(requests=[{'id': agents[0]}]))
    gone = ok(configuration.batch_delete_agents(requests=[{'id': agents[0]}, {'id': agents[1]}, {'id': agents[2]}]))
    assert [each.get('error', {}).get('type') for each in gone['responses']] == [None, 'not_found', None]
    bots = ok(configuration.batch_create_bots(requests=[{'name': 'A', 'owner_client_id': CLIENT_ID}]))['responses']
    ok(configuration.batch_update_bots(requests=[{'id': bots[0]['id'], 'name': 'B'}]))
    ok(configuration.batch_delete_bots(requests=[{'id': bots[0]['id']}]))


def test_what_is_known_of_the_installation(configuration, version):
    assert isinstance(ok(configuration.list_channels()), list)
    ok(configuration.check_product_limits_for_plan(plan='team'))
    refused(configuration.check_product_limits_for_plan(plan='free lunch'), 'validation')
    ok(configuration.get_product_source())
    if version != '3.5':
        ok(configuration.update_company_details(company='Example', city='Rome'))


def test_an_approval_in_a_batch(configuration):
    agents = [f'{unique("waiting")}@example.com' for _ in range(2)]
    for agent in agents:
        ok(configuration.create_agent(id=agent, name='Waiting', awaiting_approval=True))
    assert ok(configuration.batch_approve_agents(requests=[{'id': agent} for agent in agents])) == {'responses': [{}, {}]}
    ok(configuration.batch_delete_agents(requests=[{'id': agent} for agent in agents]))


@pytest.mark.since('3.6')
def test_the_company_is_kept(configuration, new_agent, version):
    ok(configuration.update_company_details(company='Example', city='Rome', country='Italy'))
    assert ok(configuration.get_company_details())['city'] == 'Rome'
    assert ok(configuration.reactivate_email(agent_id=new_agent)) == {}


def test_headers_are_the_clients_own(bob, customer, version):
    for client in bob.web(version), bob.configuration(version), customer.web(version):
        client.modify_header({'X-Region': 'dal'})
        assert client.get_headers()['x-region'] == 'dal'
        assert client.session.get(client.api_url).status_code == 404
        client.remove_header('X-Region')
        assert 'x-region' not in client.get_headers()


def test_who_logs_out_over_the_web_is_gone(world, bob, version):
    if version == '3.5':
        return
    agent = world.agent(f'{unique("dora")}@example.com')
    rtm = agent.rtm(version)
    ok(bob.web(version).logout(agent_id=agent.id))
    assert rtm.push('agent_disconnected')['payload']['reason'] == 'agent_logged_out_remotely'


@pytest.mark.since('3.7')
def test_canned_responses(world, bob, carol, version):
    heard, hers = bob.rtm(version), carol.rtm(version)
    boss, normal = bob.configuration(version), carol.configuration(version)
    group = ok(boss.create_group(name=unique('group'), agent_priorities={bob.id: 'first'}))['id']
    text = unique('We deliver until ten.')
    made = ok(normal.create_canned_response(text=text, tags=['hours', 'when']))['id']
    payload = heard.push('canned_response_created', lambda payload: payload['id'] == made)['payload']
    assert {key: payload[key] for key in ('text', 'tags', 'group_id', 'is_private', 'author_id')} == {
        'text': text, 'tags': ['hours', 'when'], 'group_id': 0, 'is_private': False, 'author_id': carol.id}
    assert payload['created_at'] == payload['updated_at']
    page = ok(boss.list_canned_responses())
    assert payload in page['canned_responses']

    assert ok(normal.update_canned_response(id=made, text='Until eleven.')) == {}
    changed = heard.push('canned_response_updated', lambda payload: payload['id'] == made)['payload']
    assert (changed['text'], changed['tags']) == ('Until eleven.', ['hours', 'when'])
    assert 'created_at' not in changed and changed['updated_at'] > payload['updated_at']

    secret = ok(normal.create_canned_response(text='mine', is_private=True, group_id=0))['id']
    hers.push('canned_response_created', lambda payload: payload['id'] == secret)
    of_team = ok(boss.create_canned_response(text='of a team', group_id=group))['id']

    def ids(configuration, **asked):
        return [each['id'] for each in ok(configuration.list_canned_responses(**asked))['canned_responses']]
    assert secret not in ids(normal) and secret in ids(normal, include_private=True)
    assert secret not in ids(boss, include_private=True)
    assert of_team in ids(boss) and of_team not in ids(normal)
    assert ids(boss, group_ids=[group]) == [of_team]
    first = ok(boss.list_canned_responses(limit=1))
    assert len(first['canned_responses']) == 1 and first['next_page_id']
    rest = ok(boss.list_canned_responses(page_id=first['next_page_id']))
    assert [each['id'] for each in rest['canned_responses']] == ids(boss)[1:2]

    refused(normal.update_canned_response(id=of_team, text='x'), 'not_found')
    refused(boss.delete_canned_response(id=secret), 'not_found')
    refused(normal.create_canned_response(text='x', group_id=group), 'authorization')
    refused(normal.create_canned_response(text='x', group_id=987654), 'group_not_found')
    refused(normal.create_canned_response(), 'validation')
    refused(normal.create_canned_response(text=' '), 'validation')
    refused(normal.create_canned_response(text='x' * 2001), 'validation')
    refused(normal.create_canned_response(text='x', tags=['x' * 51]), 'validation')
    refused(normal.create_canned_response(text='x', tags=['x'] * 21), 'validation')
    refused(boss.list_canned_responses(limit=101), 'validation')
    refused(boss.list_canned_responses(limit=1, page_id=first['next_page_id']), 'validation')
    assert ok(boss.delete_canned_response(id=made)) == {}
    gone = hers.push('canned_response_deleted', lambda payload: payload['id'] == made)
    assert gone['payload'] == {'id': made}
    refused(boss.delete_canned_response(id=made), 'not_found')
    reader = world.agent(carol.id, scopes=['chats--access:rw']).configuration(version)
    refused(reader.list_canned_responses(), 'authorization')
    assert secret not in [push['payload']['id'] for push in heard.pushes('canned_response_created')]
