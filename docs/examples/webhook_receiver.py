"""Receives webhooks: `WEBHOOK_SECRET=whsec_… python webhook_receiver.py 9000`, behind a server that speaks TLS."""

import base64
import hmac
import json
import os
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def verified(secret, headers, body):
    """Whether the platform has sent these bytes, within the last five minutes."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    sent_at = headers["webhook-timestamp"]
    digest = hmac.digest(key, f"{headers['webhook-id']}.{sent_at}.".encode() + body, "sha256")
    expected = f"v1,{base64.b64encode(digest).decode()}"
    known = any(hmac.compare_digest(expected, one) for one in headers["webhook-signature"].split())
    return known and abs(time.time() - int(sent_at)) < 300


SEEN = set()  # yours lasts longer: an event may come twice


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        if not verified(os.environ["WEBHOOK_SECRET"], self.headers, body):
            self.send_error(401)
            return
        event = json.loads(body)
        if event["id"] not in SEEN:
            print(event["type"], event.get("subject"), flush=True)
        SEEN.add(event["id"])
        self.send_response(204)
        self.end_headers()


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Receiver).serve_forever()
