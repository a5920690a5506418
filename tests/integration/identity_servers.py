"""Identity providers of the tests, and a browser's part in signing in."""
import html
import json
import os
import pathlib
import re
import subprocess
import time
import urllib.parse

import requests

from server import free_port

ROOT = pathlib.Path(__file__).resolve().parents[2]
PACKAGES = ROOT / ".deps" / "node"
NODE = ROOT / ".deps" / "nodejs" / "bin" / "node"  # Debian 12 has an older one than the identity provider takes
HERE = pathlib.Path(__file__).resolve().parent / "identity"
START_TIMEOUT_S = 20


class Script:
    """A server in JavaScript that prints "ready"."""

    def __init__(self, name, port, *arguments, **environment):
        self.name, self.arguments, self.environment = name, arguments, environment
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.start()

    def start(self):
        self.process = subprocess.Popen([str(NODE), str(HERE / self.name), str(PACKAGES), str(self.port), *map(str, self.arguments)],
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env={**os.environ, **self.environment})
        deadline = time.monotonic() + START_TIMEOUT_S
        while "ready" not in (self.process.stdout.readline() or ""):
            assert self.process.poll() is None and time.monotonic() < deadline, f"{self.name} did not start"

    def stop(self):
        self.process.kill()
        self.process.wait(10)
        self.process.stdout.close()

    def post(self, path, value=None):
        assert requests.post(self.url + path, data=json.dumps(value), timeout=10).status_code == 200


class Browser:
    """Cookies, redirects one at a time, the provider's form."""

    def __init__(self):
        self.http = requests.Session()
        self.http.trust_env = False

    def get(self, url, **headers):
        return self.http.get(url, headers=headers, allow_redirects=False, timeout=30)

    def follow(self, response, until):
        """Along the redirects to the first address that begins with `until`, which is not asked for."""
        for _ in range(15):
            if response.status_code not in (301, 302, 303, 307, 308):
                return None, response
            url = urllib.parse.urljoin(response.url, response.headers["Location"])
            if url.startswith(until):
                return url, response
            response = self.get(url)
        raise AssertionError("too many redirects")

    def answer_form(self, response, login, password):
        action = html.unescape(re.search(r'action="([^"]*)"', response.text).group(1))
        return self.http.post(urllib.parse.urljoin(response.url, action), data={"login": login, "password": password},
                              allow_redirects=False, timeout=30)

    def callback_of(self, server_url, login, password, start="/auth/login"):
        """Signs in at the provider; the address that the provider sends the browser back to."""
        callback = server_url + "/auth/callback"
        url, response = self.follow(self.get(server_url + start), callback)
        if url:
            return url
        url, response = self.follow(self.answer_form(response, login, password), callback)
        assert url, (response.status_code, response.text[:500])
        return url

    def sign_in(self, server_url, login, password, start="/auth/login"):
        return self.get(self.callback_of(server_url, login, password, start))

    def cookie(self, name="townlake"):
        return self.http.cookies.get(name)
