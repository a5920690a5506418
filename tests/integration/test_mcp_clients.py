"""The Model Context Protocol with software that was not written here: the official clients and the official conformance suite."""
import json
import os
import pathlib
import subprocess

import pytest

from conftest import PROGRAM, ROOT
from test_mcp import ARTICLE, Mcp

HERE = ROOT / "tests/integration/mcp"
DEPS = ROOT / ".deps"
NODE = DEPS / "nodejs/bin/node"
PYTHON = pathlib.Path(os.environ.get("TOWNLAKE_MCP_PYTHON", DEPS / "mcp/bin/python"))
TOKENS_MAX = 1100


@pytest.fixture(scope="module")
def world(closed_demo):
    return closed_demo


@pytest.fixture(scope="module")
def scripts(tmp_path_factory):
    """Where JavaScript finds its packages beside it."""
    folder = tmp_path_factory.mktemp("mcpjs")
    (folder / "node_modules").symlink_to((DEPS / "mcpjs/node_modules").resolve())
    for script in HERE.glob("*.mjs"):
        (folder / script.name).write_text(script.read_text())
    return folder


def run(command, **more):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=120, check=False, **more)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def check(report):
    assert report["server"] == "townlake" and report["tools"] == ["search", "execute"] and report["error"] is False
    assert json.loads(report["text"][report["text"].index("{"):])["result"] == [{"n": 42}]
    assert report["steps"] == ["start_query", "fetch_results"], "progress"
    assert report["resources"] >= 15 and report["read"] is True and report["prompt"] == 1 and report["wrong"] is True
    assert report["prompts"] == ["answer_question", "describe_table", "check_number"]


def test_the_official_python_client_over_both_transports_and_in_both_eras(world):
    reports = json.loads(run([PYTHON, HERE / "client.py", world.url, world.token("admin"), PROGRAM]))
    assert [(report["how"], report["version"]) for report in reports] == [("http", "2026-07-28"), ("http", "2025-11-25"),
                                                                        ("stdio", "2026-07-28"), ("stdio", "2025-11-25")]
    for report in reports:
        check(report)


@pytest.mark.parametrize("how", ["http", "stdio"])
def test_the_official_javascript_client(world, scripts, how):
    report = json.loads(run([NODE, scripts / "client.mjs", how, world.url, world.token("admin"), PROGRAM]))
    check(report)
    assert "enough" in report["cancelled"]


def test_the_official_conformance_suite_passes_but_for_what_is_listed_with_reasons(world, scripts, tmp_path):
    with subprocess.Popen([NODE, scripts / "proxy.mjs", world.url, world.token("admin")], stdout=subprocess.PIPE, text=True) as proxy:
        try:
            url = f"http://127.0.0.1:{int(proxy.stdout.readline())}/mcp"
            suite = scripts / "node_modules/@modelcontextprotocol/conformance/dist/index.js"
            report = run([NODE, suite, "server", "--url", url, "--expected-failures", HERE / "conformance.yml"], cwd=tmp_path)
        finally:
            proxy.terminate()
    for scenario in ("server-initialize", "ping", "tools-list", "resources-list", "prompts-list", "server-sse-multiple-streams", "dns-rebinding-protection"):
        assert f"✓ {scenario}" in report, report[-3000:]


def test_the_definitions_of_code_mode_are_short_for_a_model(world, scripts):
    tools = Mcp(world.url, world.token("admin")).call("tools/list")["result"]["tools"]
    tokens = int(run([NODE, scripts / "tokens.mjs"], input=json.dumps(tools)))
    assert 100 < tokens <= TOKENS_MAX, tokens


# ---- townlake mcp, line by line ----


class Stdio:
    def __init__(self, world, *options, token=None, url=None):
        environment = {**os.environ, "TOWNLAKE_URL": url or world.url, "TOWNLAKE_TOKEN": token or world.token("admin")}
        self.process = subprocess.Popen([PROGRAM, "mcp", *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment)

    def send(self, message):
        self.process.stdin.write((message if isinstance(message, bytes) else json.dumps(message).encode()) + b"\n")
        self.process.stdin.flush()

    def read(self):
        return json.loads(self.process.stdout.readline())

    def call(self, number, method, **params):
        self.send({"jsonrpc": "2.0", "id": number, "method": method, "params": params})
        return self.read()

    def end(self):
        out, err = self.process.communicate(timeout=30)
        assert self.process.returncode == 0 and err == b"", (self.process.returncode, err)
        return out


def test_lines_go_to_the_server_and_come_back(world):
    stdio = Stdio(world)
    assert stdio.call(1, "initialize", protocolVersion="2025-11-25", capabilities={}, clientInfo={"name": "lines"})["result"]["serverInfo"]["name"] == "townlake"
    stdio.send({"jsonrpc": "2.0", "method": "notifications/initialized"})
    text = stdio.call(2, "tools/call", name="execute", arguments={"code": ARTICLE})["result"]["content"][0]["text"]
    assert json.loads(text[text.index("{"):])["result"]["chart"]["mark"] == "bar"
    stdio.send(b"{not json")
    assert stdio.read()["error"]["code"] == -32700
    stdio.send(b"x" * 2_000_000)
    assert stdio.read()["error"]["code"] == -32700
    assert stdio.call("a", "no/such")["error"]["code"] == -32601
    assert stdio.end() == b""


def test_a_slow_request_does_not_hold_up_the_next_one(world):
    stdio = Stdio(world)
    stdio.call(1, "initialize", protocolVersion="2025-11-25", capabilities={}, clientInfo={"name": "lines"})
    slow = "for (let i = 0; i < 40; i++) await skipper.start_query({ sql: 'SELECT 1' }).then(queryId => skipper.fetch_results({ queryId }))"
    stdio.send({"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": "execute", "arguments": {"code": slow}}})
    stdio.send({"jsonrpc": "2.0", "id": 3, "method": "ping"})
    assert [stdio.read()["id"], stdio.read()["id"]] == [3, 2]
    stdio.end()


def test_flat_tools_and_refusals_reach_the_client(world):
    stdio = Stdio(world, "--flat")
    stdio.call(1, "initialize", protocolVersion="2025-11-25", capabilities={}, clientInfo={"name": "lines"})
    assert "start_query" in [tool["name"] for tool in stdio.call(2, "tools/list")["result"]["tools"]]
    stdio.end()
    stdio = Stdio(world, token="wrong")
    assert "token" in stdio.call(1, "ping")["error"]["message"]
    stdio.end()
    stdio = Stdio(world, url="http://127.0.0.1:9")
    assert stdio.call(1, "ping")["error"]["code"] == -32603
    stdio.end()
