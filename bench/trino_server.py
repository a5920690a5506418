"""A real Trino 476 for the benches and tests that stand beside it: started on loopback, over the sources of a running demo.

The server's files are those of `make deps-trino` (.deps/trino-server); it needs a JDK of 24 or newer (TOWNLAKE_JAVA_HOME, else searched).
"""
import contextlib
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import time

import requests

ROOT = pathlib.Path(__file__).resolve().parents[1]
HOME = pathlib.Path(os.environ.get("TOWNLAKE_TRINO_HOME", ROOT / ".deps" / "trino-server"))
JVM = """-server
-Xmx3G
-XX:+UseG1GC
-XX:G1HeapRegionSize=32M
-XX:+ExplicitGCInvokesConcurrent
-XX:+ExitOnOutOfMemoryError
-XX:-OmitStackTraceInFastThrow
-XX:ReservedCodeCacheSize=256M
-Djdk.attach.allowAttachSelf=true
-Dfile.encoding=UTF-8
"""


def java_home():
    """A JDK that Trino 476 takes, None when there is none."""
    named = os.environ.get("TOWNLAKE_JAVA_HOME")
    for home in [named] if named else sorted(pathlib.Path("/usr/lib/jvm").glob("*"), reverse=True):
        release = pathlib.Path(home) / "release"
        if release.exists():
            version = next((line.split('"')[1] for line in release.read_text().splitlines() if line.startswith("JAVA_VERSION=")), "0")
            if int(version.split(".")[0]) >= 24:
                return pathlib.Path(home)
    return None


def missing():
    """Why there is no Trino here; None when there is one."""
    if not (HOME / "bin" / "launcher").exists():
        return f"no Trino server in {HOME}: run `make deps-trino`"
    return None if java_home() else "no JDK of 24 or newer: set TOWNLAKE_JAVA_HOME"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Trino:
    def __init__(self, folder, catalogs, access_control=None, ready="SELECT count(*) FROM tpch.tiny.nation", ready_user="bench"):
        self.folder, self.port = pathlib.Path(folder), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.session = requests.Session()
        self.session.trust_env = False
        self.write(catalogs, access_control)
        environment = {**os.environ, "JAVA_HOME": str(java_home())}
        self.log = open(self.folder / "trino.log", "wb")
        self.process = subprocess.Popen([str(HOME / "bin" / "launcher"), "run", f"-jvm-dir={java_home()}", f"--etc-dir={self.folder / 'etc'}"],
                                        stdout=self.log, stderr=self.log, env=environment)
        self.wait_ready(ready, ready_user)

    def write(self, catalogs, access_control):
        etc = self.folder / "etc"
        shutil.rmtree(self.folder, ignore_errors=True)
        (etc / "catalog").mkdir(parents=True)
        (etc / "jvm.config").write_text(JVM)
        (etc / "node.properties").write_text(
            f"node.environment=test\nnode.id=one\nnode.data-dir={self.folder}/data\nnode.bind-ip=127.0.0.1\nnode.internal-address=127.0.0.1\n")
        (etc / "config.properties").write_text(
            f"coordinator=true\nnode-scheduler.include-coordinator=true\nhttp-server.http.port={self.port}\ndiscovery.uri={self.url}\n"
            "query.max-memory-per-node=1500MB\n")
        if access_control:
            (etc / "access-control.properties").write_text(access_control)
        for name, text in {"tpch": "connector.name=tpch\n", **catalogs}.items():
            (etc / "catalog" / f"{name}.properties").write_text(text)

    def wait_ready(self, ready, user):
        deadline = time.monotonic() + 180
        while True:
            with contextlib.suppress(Exception):
                if self.rows(ready, user=user):
                    return
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("Trino did not start: " + (self.folder / "trino.log").read_text(errors="replace")[-3000:])
            time.sleep(0.5)

    def rows(self, sql, user="bench"):
        page = self.session.post(f"{self.url}/v1/statement", data=sql.encode(), headers={"X-Trino-User": user}, timeout=600).json()
        rows = []
        while True:
            rows += page.get("data", [])
            if "error" in page:
                raise RuntimeError(page["error"]["message"])
            if "nextUri" not in page:
                return rows
            page = self.session.get(page["nextUri"], timeout=600).json()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self.log.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
