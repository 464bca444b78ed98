"""Customers: their data as both sides see them, pages, forms, greetings, bans, goals, the widget's configuration."""

import pytest

from receiver import Receiver
from world import Talk, denied, did, eventually, ok, refused, summaries, unique

NOBODY = '00000000-0000-4000-8000-000000000000'


def test_a_customer_is_seen_by_an_agent(talk, customer):
    ok(talk.customer_web.update_customer(name='Alice', email='alice@example.com',
                                         avatar='https://example.com/alice.png',
                                         session_fields=[{'order': '17'}, {'size': 'large'}]))
    seen = ok(talk.web.get_customer(id=customer.id))
    assert (seen['id'], seen['type']) == (customer.id, 'customer')
    assert (seen['name'], seen['email']) == ('Alice', 'alice@example.com')
    assert seen['avatar'] == 'https://example.com/alice.png'
    assert seen['session_fields'] == [{'order': '17'}, {'size': 'large'}]
    assert seen['chat_ids'] == [talk.id]
    assert seen['created_at']
    assert seen['statistics']['chats_count'] == 1
    refused(talk.web.get_customer(id=NOBODY), 'not_found')
    refused(talk.web.get_customer(id='not an id'), 'validation', 'not_found')
    refused(talk.web.get_customer(), 'validation')


def test_an_agent_changes_a_customer_and_the_chat_says_so(talk, customer):
    assert ok(talk.web.update_customer(id=customer.id, name='Alice', email='alice@example.com')) == {}
    own = ok(talk.customer_web.get_customer())
    assert (own['id'], own['name'], own['email']) == (customer.id, 'Alice', 'alice@example.com')
    told = talk.events()[-1]
    assert told['system_message_type'] == 'customer_updated'
    assert told['text_vars']['customer_name'] == 'Alice'
    refused(talk.web.update_customer(id=NOBODY, name='Nobody'), 'not_found')
    refused(talk.web.update_customer(id=customer.id), 'validation')
    refused(talk.web.update_customer(id=customer.id, email=17), 'validation')


def test_a_customer_changes_the_own_data(customer, bob, version):
    web = customer.web(version)
    refused(web.update_customer(), 'validation')
    ok(web.update_customer(payload={'name': 'Alice', 'phone_number': '+15550100'}))
    assert ok(bob.web(version).get_customer(id=customer.id))['phone_number'] == '+15550100'
    ok(web.set_customer_session_fields(session_fields=[{'a': '1'}, {'b': '2'}]))
    assert ok(web.get_customer())['session_fields'] == [{'a': '1'}, {'b': '2'}]
    refused(web.set_customer_session_fields(session_fields={'a': '1'}), 'validation')
    many = [{f'key{number}': 'x'} for number in range(101)]
    error = web.set_customer_session_fields(session_fields=many).json()['error']
    assert error['type'] in ('customer_session_fields_limit_reached', 'limit_reached', 'validation')


def test_addresses_and_other_channels_are_kept(talk, customer):
    address = {'address': '1 Main Street', 'city': 'Springfield', 'country': 'US', 'state': 'IL',
               'postal_code': '62701'}
    omnichannel = {'twilio': {'phone_number': '+15550100'}}
    ok(talk.web.update_customer(payload={'id': customer.id, 'address': address, 'omnichannel': omnichannel}))
    seen = ok(talk.web.get_customer(id=customer.id))
    assert seen['address'] == address
    assert '+15550100' in str(seen['omnichannel'])


def test_customers_were_made_and_listed_until_3_5(bob):
    web = bob.web('3.5')
    made = ok(web.create_customer(name='Alice', email=f'{unique("alice")}@example.com',
                                  session_fields=[{'a': '1'}]))['customer_id']
    seen = ok(web.get_customer(id=made))
    assert (seen['name'], seen['session_fields']) == ('Alice', [{'a': '1'}])
    page = ok(web.list_customers(limit=100))
    assert made in [each['id'] for each in page['customers']]
    assert page['total_customers'] >= 1
    named = ok(web.list_customers(filters={'email': {'values': [seen['email']]}}))
    assert [each['id'] for each in named['customers']] == [made]


def test_pages_of_a_customer_are_pushed(talk, customer, bob):
    agent, visitor = bob.rtm(talk.version), customer.rtm(talk.version)
    url = f'https://example.com/{unique("page")}'
    did(visitor.update_customer_page(url=url, title='A page'))
    heard = agent.push('customer_page_updated', lambda payload: payload['url'] == url)['payload']
    assert (heard['customer_id'], heard['title']) == (customer.id, 'A page')
    visit = ok(talk.web.get_customer(id=customer.id)).get('visit') or {}
    assert url in str(visit) or talk.version == '3.5'
    denied(visitor.update_customer_page(title='no address'), 'validation')


def test_customers_are_watched_from_3_6(bob, world):
    agent = bob.rtm('3.6')
    watched = did(agent.call('subscribe_customers', {'limit': 10}))
    assert watched['subscription_id'] and isinstance(watched['customers'], list)
    newcomer = world.customer(bob)
    newcomer.rtm()
    agent.push('incoming_customer', lambda payload: payload['id'] == newcomer.id)
    assert did(agent.call('unsubscribe_customers', {'subscription_id': watched['subscription_id']})) == {}
    denied(agent.call('unsubscribe_customers', {'subscription_id': 'made up'}), 'not_found')


def test_a_customer_leaves(talk, bob, customer):
    agent, visitor = bob.rtm(talk.version), customer.rtm(talk.version)
    visitor.close_connection()
    heard = agent.push('customer_left', lambda payload: payload['id'] == customer.id)['payload']
    assert heard['left_at']


def test_a_banned_customer_is_gone(bob, customer, version):
    talk = Talk(bob, customer, version)
    visitor = customer.rtm(version)
    assert ok(talk.web.ban_customer(id=customer.id, ban={'days': 2})) == {}
    assert visitor.push('customer_disconnected')['payload']['reason'] == 'customer_banned'
    told = [event.get('system_message_type') for event in talk.events()]
    assert 'customer_banned' in told
    refused(talk.customer_web.send_event(chat_id=talk.id, event={'type': 'message', 'text': 'still here'}),
            'customer_banned')
    denied(customer.rtm(version, login=False).login(token=customer.bearer), 'customer_banned')
    if version != '3.5':
        configuration = bob.configuration(version)
        ban = next(each for each in ok(configuration.list_customer_bans()) if each.get('customer_id') == customer.id)
        assert ban['agent_id'] == bob.id and ban['expires_at'] > ban['created_at']
        ok(configuration.unban_customer(customer_id=customer.id))
        ok(talk.customer_web.list_chats())
        refused(configuration.unban_customer(), 'validation')
    refused(talk.web.ban_customer(id=NOBODY, ban={'days': 1}), 'not_found')
    refused(talk.web.ban_customer(id=customer.id, ban={'days': 'many'}), 'validation')
    refused(talk.web.ban_customer(id=customer.id), 'validation')
    talk.close()


def test_groups_tell_whether_somebody_is_there(customer, bob, version):
    web = customer.web(version)
    statuses = ok(web.list_group_statuses(all=True))['groups_status']
    assert statuses['0'] in ('online', 'offline', 'online_for_queue')
    assert set(ok(web.list_group_statuses(group_ids=[0, 987654]))['groups_status']) == {'0'}
    refused(web.list_group_statuses(), 'validation')


def test_forms_are_asked_by_type(customer, version):
    web = customer.web(version)
    for kind in 'prechat', 'postchat':
        form = ok(web.get_form(group_id=0, type=kind))
        assert isinstance(form['enabled'], bool)
        if form['enabled']:
            assert form['form']['id'] and isinstance(form['form']['fields'], list)
    refused(web.get_form(group_id=0, type='midchat'), 'validation')
    refused(web.get_form(group_id=987654, type='prechat'), 'group_not_found')
    refused(web.get_form(type='prechat'), 'validation')


def test_who_would_answer_is_told(customer, bob, version):
    if version == '3.7':
        answer = ok(customer.web(version).request_welcome_message())
        assert 'predicted_agent' in answer
        return
    visitor = customer.rtm(version)
    predicted = did(visitor.get_predicted_agent())
    assert predicted['agent']['name'] in ('Bob', 'Carol')
    assert predicted['agent']['is_bot'] is False
    assert '@' not in predicted['agent']['id']
    assert predicted['queue'] is False


def test_greetings_that_never_were_are_not_found(customer, version):
    web = customer.web(version)
    refused(web.accept_greeting(greeting_id=987654, unique_id='Q10X0W041P'), 'greeting_not_found')
    refused(web.cancel_greeting(unique_id='Q10X0W041P'), 'greeting_not_found')
    refused(web.accept_greeting(), 'validation')


def test_the_widget_is_configured_without_a_token(customer, world, version):
    web = customer.web(version)
    dynamic = ok(web.get_dynamic_configuration(group_id=0, url='https://example.com', test=False))
    assert dynamic['organization_id'] == world.organization_id
    assert isinstance(dynamic['livechat_active'], bool)
    live = dynamic['livechat']
    configuration = ok(web.get_configuration(group_id=0, version=live['config_version']))
    assert isinstance(configuration['buttons'], list)
    assert isinstance(configuration['properties'], dict)
    phrases = ok(web.get_localization(group_id=0, language='en', version=live['localization_version']))
    assert phrases and all(isinstance(text, str) for text in phrases.values())
    organization = {'organization_id': world.organization_id}
    for method, more in [('get_dynamic_configuration', {}), ('list_license_properties', {}),
                         ('list_group_properties', {'id': '0'})]:
        answer = world.http.get(f'/v{version}/customer/action/{method}', params={**organization, **more})
        assert answer.status_code == 200, answer.text


def test_goals_are_taken(customer, version):
    web = customer.web(version)
    assert ok(web.check_goals(session_fields=[{'a': '1'}], group_id=0, page_url='https://example.com/thanks')) == {}
    refused(web.check_goals(), 'validation')


def test_addresses_inside_are_not_looked_at(customer, version):
    web = customer.web(version)
    receiver = Receiver()
    refused(web.get_url_info(url='file:///etc/passwd'), 'validation')
    refused(web.get_url_info(url='http://169.254.169.254/latest'), 'validation')
    refused(web.get_url_info(), 'validation')
    receiver.close()


def test_a_callback_is_asked_for(customer, version):
    ok(customer.web(version).update_customer(email='alice@example.com'))
    assert ok(customer.web(version).request_email_verification(
        callback_uri='https://example.com/verified')) == {}
    refused(customer.web(version).request_email_verification(), 'validation')


def test_a_login_tells_of_the_chats_so_far(talk, customer):
    talk.say('unread')
    answer = customer.rtm(talk.version).login_answer
    assert answer['customer']['id'] == customer.id
    assert answer['has_active_thread'] is True
    [chat] = answer['chats']
    assert (chat['chat_id'], chat['has_unread_events']) == (talk.id, True)
    assert isinstance(answer['customer']['statistics'], dict)
    assert isinstance(answer['__priv_dynamic_config'], dict)


def test_a_login_may_tell_who_the_customer_is(customer, bob, version):
    customer.rtm(version, customer={'name': 'Alice', 'email': 'alice@example.com',
                                    'session_fields': [{'from': 'login'}]},
                 customer_page={'url': 'https://example.com/start', 'title': 'Start'})
    seen = ok(bob.web(version).get_customer(id=customer.id))
    assert (seen['name'], seen['email']) == ('Alice', 'alice@example.com')
    assert seen['session_fields'] == [{'from': 'login'}]


def test_being_there_is_seen(talk, customer):
    def present():
        users = {user['id']: user for user in ok(talk.web.get_chat(chat_id=talk.id))['users']}
        return users[customer.id]['present']
    visitor = customer.rtm(talk.version)
    eventually('the customer is there', lambda: ok(talk.web.get_customer(id=customer.id)).get('online', True))
    assert present() in (True, False)
    visitor.close_connection()
