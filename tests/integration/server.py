"""A `townlake serve` of a configuration that the test writes."""
import os
import pathlib
import re
import signal
import socket
import subprocess
import time

import requests

from townlake import Lake

START_TIMEOUT_S = 60


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """Starts when made; `yaml` is the configuration without listen and state."""

    def __init__(self, program, folder, yaml, port=None, environment=None):
        self.program, self.folder, self.port = program, pathlib.Path(folder), port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.config, self.log = self.folder / "townlake.yaml", self.folder / "server.log"
        self.environment = {**os.environ, **(environment or {})}
        self.start(yaml)

    def start(self, yaml):
        head = f"listen: {{port: {self.port}}}\nstate: {{directory: \"{self.folder}/state\"}}\nlake: {{enabled: false}}\n"
        self.config.write_text(head + yaml)
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([self.program, "serve", "--config", str(self.config)], stdout=log, stderr=log, env=self.environment)
        deadline = time.monotonic() + START_TIMEOUT_S
        while True:
            if self.process.poll() is not None:
                raise RuntimeError(f"the server ended with {self.process.returncode}:\n{self.log.read_text()}")
            try:
                if requests.get(self.url + "/readyz", timeout=5).status_code == 200:
                    return
            except requests.ConnectionError:
                pass
            if time.monotonic() > deadline:
                self.process.kill()
                raise RuntimeError(f"the server was not ready in time:\n{self.log.read_text()}")
            time.sleep(0.05)

    def lake(self, token=None, user=None):
        return Lake(self.url, token, user)

    def me(self, **headers):
        return requests.get(self.url + "/api/v1/me", headers=headers, timeout=30)

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(60)
        text = self.log.read_text(errors="replace")
        assert not re.search("AddressSanitizer|runtime error|LeakSanitizer", text), text
        assert status == 0, text

    def restart(self, yaml):
        self.stop()
        self.start(yaml)
