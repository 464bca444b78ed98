"""The archive: filters, the search with highlights, totals; and pages of every list."""

import pytest

from world import Talk, eventually, ok, refused, summaries, unique


@pytest.fixture(scope='module')
def word():
    """A word that is in no other chat."""
    return unique('quattro').replace('-', '')


@pytest.fixture(scope='module')
def history(_world, bob, word):
    """Three closed chats that the word was written in."""
    talks = []
    for number in range(3):
        talk = Talk(bob, _world.customer(bob))
        talk.say(f'{word} number {number}')
        if number == 0:
            tag = unique('tagged')
            ok(bob.configuration().create_tag(name=tag, group_ids=[0]))
            ok(talk.web.tag_thread(chat_id=talk.id, thread_id=talk.thread, tag=tag))
            talk.tag = tag
            ok(talk.web.update_thread_properties(chat_id=talk.id, thread_id=talk.thread,
                                                 properties={'test': {'string_property': word}}))
        if number == 1:
            talk.write('I wrote too')
        talk.close()
        talks.append(talk)
    eventually('the search knows them', lambda: ok(bob.web().list_archives(
        filters={'query': word}))['found_chats'] == 3)
    return talks


def threads(page):
    return [chat['thread']['id'] for chat in page['chats']]


def found(bob, version, word, **filters):
    return threads(ok(bob.web(version).list_archives(filters={'query': word, **filters}, limit=100)))


def test_a_row_is_one_thread_of_a_chat(history, bob, version, word):
    page = ok(bob.web(version).list_archives(filters={'query': word}))
    assert page['found_chats'] == 3
    assert threads(page) == [talk.thread for talk in reversed(history)]
    oldest = ok(bob.web(version).list_archives(filters={'query': word}, sort_order='asc'))
    assert threads(oldest) == [talk.thread for talk in history]
    [first, *_] = page['chats']
    assert first['id'] == history[-1].id
    assert {user['type'] for user in first['users']} == {'agent', 'customer'}
    assert any(word in event.get('text', '') for event in first['thread']['events'])
    assert first['thread']['active'] is False


def test_matches_are_highlighted_when_asked_to(history, bob, version, word):
    web = bob.web(version)
    def texts(**options):
        page = ok(web.list_archives(filters={'query': word}, **options))
        return [event['text'] for chat in page['chats'] for event in chat['thread']['events']
                if event['type'] == 'message' and word in event['text']]
    assert not any('<em>' in text for text in texts())
    assert all(f'<em>{word}</em>' in text for text in texts(highlights={}))
    assert all(f'[{word}]' in text for text in texts(highlights={'pre_tag': '[', 'post_tag': ']'}))


def test_filters_narrow_what_is_found(history, bob, version, word):
    all_of_them = [talk.thread for talk in reversed(history)]
    assert found(bob, version, word, tags={'values': [history[0].tag]}) == [history[0].thread]
    assert found(bob, version, word, tags={'exclude_values': [history[0].tag]}) == all_of_them[:2]
    assert found(bob, version, word, tags={'exists': True}) == [history[0].thread]
    assert found(bob, version, word, properties={'test': {'string_property': {'values': [word]}}}) == [
        history[0].thread]
    assert found(bob, version, word, properties={'test': {'string_property': {'exists': False}}}) == all_of_them[:2]
    assert found(bob, version, word, agents={'values': [bob.id]}) == all_of_them
    assert found(bob, version, word, agents={'exclude_values': [bob.id]}) == []
    assert found(bob, version, word, group_ids=[0]) == all_of_them
    assert found(bob, version, word, chat_ids=[history[1].id]) == [history[1].thread]
    assert found(bob, version, word, customer_id=history[1].customer.id) == [history[1].thread]
    assert found(bob, version, word, event_types={'values': ['message']}) == all_of_them
    assert found(bob, version, word, event_types={'values': ['file']}) == []
    assert found(bob, version, word, to='2020-01-01T00:00:00.000000+00:00') == []
    assert found(bob, version, word, **{'from': '2020-01-01T00:00:00.000000+00:00'}) == all_of_them
    assert found(bob, version, word, agent_response={'exists': True}) == all_of_them


def test_threads_are_asked_by_id_alone(history, bob, version):
    web = bob.web(version)
    wanted = [history[0].thread, history[2].thread]
    page = ok(web.list_archives(filters={'thread_ids': wanted}))
    assert sorted(threads(page)) == sorted(wanted)
    refused(web.list_archives(filters={'thread_ids': wanted, 'query': 'x'}), 'validation')
    refused(web.list_archives(filters={'thread_ids': [f'AAAAAAAA{number:02}' for number in range(21)]}),
            'validation')


@pytest.mark.parametrize('wrong', [
    {'limit': 0}, {'limit': 101}, {'sort_order': 'sideways'}, {'filters': {'tags': {'values': 'x'}}},
    {'filters': {'tags': {'exists': True, 'values': ['x']}}}, {'filters': {'from': 'yesterday'}},
    {'filters': {'agent_types': {'all_values': ['martian']}}}, {'page_id': 'made up'},
], ids=str)
def test_wrong_questions_are_refused(bob, version, wrong):
    refused(bob.web(version).list_archives(**wrong), 'validation')


def test_pages_hold_all_and_nothing_twice(history, bob, version, word):
    web = bob.web(version)
    first = ok(web.list_archives(filters={'query': word}, limit=2))
    assert first['found_chats'] == 3
    assert 'previous_page_id' not in first
    second = ok(web.list_archives(page_id=first['next_page_id']))
    assert 'next_page_id' not in second
    assert threads(first) + threads(second) == [talk.thread for talk in reversed(history)]
    back = ok(web.list_archives(page_id=second['previous_page_id']))
    assert threads(back) == threads(first)
    refused(web.list_archives(page_id=first['next_page_id'], limit=2), 'validation')
    refused(web.list_archives(page_id=first['next_page_id'], filters={}), 'validation')
    refused(web.list_archives(page_id=first['next_page_id'], sort_order='asc'), 'validation')


def test_pages_of_chats_and_threads(history, talk, version):
    web = talk.web
    page = ok(web.list_chats(limit=2))
    seen = [each['id'] for each in summaries(page, version)]
    while 'next_page_id' in page and len(seen) < 6:
        page = ok(web.list_chats(page_id=page['next_page_id']))
        seen += [each['id'] for each in summaries(page, version)]
    assert len(seen) == len(set(seen)) >= 4
    refused(web.list_chats(page_id='made up'), 'validation')
    refused(web.list_chats(limit=101), 'validation')
    refused(talk.customer_web.list_chats(limit=26), 'validation')

    opened = [talk.thread]
    for _ in range(3):
        ok(web.deactivate_chat(id=talk.id))
        opened.append(ok(web.resume_chat(chat={'id': talk.id}))['thread_id'])
    for reader in web, talk.customer_web:
        first = ok(reader.list_threads(chat_id=talk.id, sort_order='desc'))
        assert [thread['id'] for thread in first['threads']] == opened[:0:-1]
        second = ok(reader.list_threads(chat_id=talk.id, page_id=first['next_page_id']))
        assert [thread['id'] for thread in second['threads']] == opened[:1]
        assert 'next_page_id' not in second
        refused(reader.list_threads(chat_id=talk.id, page_id=first['next_page_id'], limit=3), 'validation')
        refused(reader.list_threads(chat_id=talk.id, limit=101), 'validation')
        refused(reader.list_threads(chat_id=talk.id, limit=1, min_events_count=5), 'validation')
        enough = ok(reader.list_threads(chat_id=talk.id, min_events_count=1))
        assert len(enough['threads']) >= 1


def test_a_customer_has_no_archive_but_the_own_threads(history, word):
    web = history[1].customer_web
    [thread] = ok(web.list_threads(chat_id=history[1].id))['threads']
    assert [event['text'] for event in thread['events'] if event['type'] == 'message'] == [f'{word} number 1',
                                                                                          'I wrote too']
