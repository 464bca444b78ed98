"""A place on this computer that webhooks are sent to, and that answers with a page."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from livechat.webhooks.parser import parse_webhook

from world import eventually

# The six fields that the client's parser knows; it breaks on any other.
FIELDS = {'webhook_id', 'secret_key', 'action', 'organization_id', 'payload', 'additional_data'}


class Receiver:
    """Keeps the bodies that were posted to it; may refuse the first of them."""

    def __init__(self):
        self.bodies, self.headers = [], []
        self.refuse = 0
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers['Content-Length'])))
                if receiver.refuse > 0:
                    receiver.refuse -= 1
                    self.send_response(503)
                else:
                    receiver.headers.append(dict(self.headers))
                    receiver.bodies.append(body)
                    self.send_response(200)
                self.send_header('Content-Length', '0')
                self.end_headers()

            def do_GET(self):
                page = b'<title>Pizza</title>'
                self.send_response(200)
                self.send_header('Content-Type', 'text/html')
                self.send_header('Content-Length', str(len(page)))
                self.end_headers()
                self.wfile.write(page)

            def log_message(self, *_):
                """Nothing: pytest shows what failed."""

        self.server = ThreadingHTTPServer(('127.0.0.1', 0), Handler)
        self.url = f'http://127.0.0.1:{self.server.server_address[1]}/hook'
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def got(self, action, holds=lambda payload: True):
        """Waits for a delivery. Returns its body."""
        return eventually(f'the webhook {action}', lambda: next(
            (body for body in list(self.bodies) if body['action'] == action and holds(body['payload'])), None))

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def parsed(body, version):
    """The delivery as the client's own parser reads it. What tells who changed the configuration is new in 3.6,
    and the parser has no field for it."""
    assert FIELDS <= set(body) <= FIELDS | {'requester'}, sorted(body)
    if 'requester' in body:
        assert body['action'].split('_')[0] in ('agent', 'auto', 'bot', 'group', 'tag'), body
    return parse_webhook({key: body[key] for key in FIELDS}, version=version)
