"""Files: uploaded, sent, downloaded, too large, and not allowed."""

import struct
import zlib

import httpx
import pytest

from world import ok, refused


def png(width, height):
    """A picture."""
    def chunk(kind, data):
        return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))
    header = struct.pack('>IIBBBBB', width, height, 8, 2, 0, 0, 0)
    rows = b''.join(b'\0' + b'\xff\x80\x00' * width for _ in range(height))
    return b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', header) + chunk(b'IDAT', zlib.compress(rows)) + chunk(b'IEND', b'')


def upload(web, name, content, kind):
    return web.upload_file(file={'file': (name, content, kind)})


@pytest.mark.parametrize('who', ['agent', 'customer'])
def test_a_picture_is_uploaded_and_sent_with_its_size(talk, who):
    web = talk.web if who == 'agent' else talk.customer_web
    picture = png(640, 480)
    url = ok(upload(web, 'pizza.png', picture, 'image/png'))['url']
    event = {'type': 'file', 'url': url, 'alternative_text': 'A pizza'}
    sent = ok(web.send_event(chat_id=talk.id, event=event))['event_id']
    for reader in talk.web, talk.customer_web:
        seen = talk.find(sent, reader)
        assert (seen['type'], seen['name'], seen['content_type']) == ('file', 'pizza.png', 'image/png')
        assert (seen['width'], seen['height'], seen['size']) == (640, 480, len(picture))
        assert seen['alternative_text'] == 'A pizza'
        assert seen['thumbnail_url'] and seen['thumbnail2x_url']
        got = httpx.get(seen['url'], trust_env=False)
        assert got.status_code == 200 and got.content == picture
        small = httpx.get(seen['thumbnail_url'], trust_env=False)
        assert small.status_code == 200 and small.content


def test_a_document_has_a_name_and_a_type(talk):
    url = ok(upload(talk.web, 'menu.txt', b'Margherita 7\n', 'text/plain'))['url']
    sent = ok(talk.web.send_event(chat_id=talk.id, event={'type': 'file', 'url': url}))['event_id']
    seen = talk.find(sent)
    assert (seen['name'], seen['content_type'], seen['size']) == ('menu.txt', 'text/plain', 13)
    assert 'width' not in seen and 'thumbnail_url' not in seen


def test_a_file_has_a_limit(talk):
    megabyte = 1024 * 1024
    ok(upload(talk.web, 'large.bin', b'\0' * (10_000_000 - 1), 'application/octet-stream'))
    refused(upload(talk.web, 'larger.bin', b'\0' * (10 * megabyte + 1), 'application/octet-stream'),
            'entity_too_large')
    refused(upload(talk.customer_web, 'larger.bin', b'\0' * (10 * megabyte + 1), 'application/octet-stream'),
            'entity_too_large')


@pytest.mark.parametrize('name, content', [
    ('setup.exe', b'MZ' + b'\0' * 200),
    ('harmless.png', b'MZ' + b'\0' * 200),
    ('tool', b'\x7fELF' + b'\0' * 200),
    ('run.bat', b'@echo off\r\n'),
], ids=['exe', 'exe in disguise', 'elf', 'bat'])
def test_programs_are_refused(talk, name, content):
    refused(upload(talk.web, name, content, 'application/octet-stream'), 'validation')
    refused(upload(talk.customer_web, name, content, 'application/octet-stream'), 'validation')


def test_an_upload_needs_a_file(talk):
    refused(talk.web.upload_file(file={'other': ('a.txt', b'a', 'text/plain')}), 'validation')
    refused(talk.web.upload_file(file=None), 'validation')


def test_a_foreign_address_is_no_upload(talk):
    event = {'type': 'file', 'url': 'https://cdn.example.com/api/file/pizza.png'}
    refused(talk.web.send_event(chat_id=talk.id, event=event), 'validation')
