"""The scripted model's server is what it says it is: the official clients of both providers read it."""
import json
import os
import pathlib
import subprocess

import pytest

from model_server import ModelServer

ROOT = pathlib.Path(__file__).resolve().parents[2]
PYTHON = pathlib.Path(os.environ.get("TOWNLAKE_MODEL_CLIENTS", ROOT / ".deps" / "models" / "bin" / "python"))


@pytest.fixture
def model():
    server = ModelServer()
    yield server
    server.stop()


def test_the_official_clients_read_the_scripted_model(model):
    said = {"text": "Let me look, naïvely.", "calls": [("start_query", {"sql": "SELECT 'ü'"}), ("start_query", {})], "tokens": (123, 45)}
    thought = {**said, "thinking": "First the grain."}
    limited = {"status": 429, "headers": {"Retry-After": "0"}}
    model.play(said, said, thought, thought, limited, {"text": "a"}, limited, {"text": "b"}, {"status": 529})
    done = subprocess.run([str(PYTHON), str(ROOT / "tests/integration/model_clients.py"), model.url, model.key], capture_output=True, text=True, timeout=180, check=True)
    read = json.loads(done.stdout)
    calls = [["start_query", {"sql": "SELECT 'ü'"}], ["start_query", {}]]
    for answer in read["chat"]:
        assert answer == {"text": said["text"], "calls": calls, "finish": "tool_calls", "tokens": [123, 45]}
    for number, answer in enumerate(read["messages"]):
        assert answer == {"thinking": [["First the grain.", f"signed-{number + 3}"]], "text": said["text"], "calls": calls, "finish": "tool_use", "tokens": [123, 45]}
    assert read["limited_then_fine"] == ["a", "b"]
    assert read["wrong_key"] == "AuthenticationError"
    assert read["overloaded"] in ("OverloadedError", "InternalServerError", "APIStatusError")
    # what the clients send is what our own drivers are tested to send
    assert model.requests[0].tools == model.requests[2].tools == {"start_query": {"type": "object", "properties": {"sql": {"type": "string"}}}}
    assert {request.headers["anthropic-version"] for request in model.requests if request.anthropic} == {"2026-10-21"}
