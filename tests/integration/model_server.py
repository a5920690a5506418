"""A model's server for tests: plays scripted steps over the real wire formats, chat completions and messages, and keeps what it was sent.

A step is a dict, or a function that gets the request and gives one (so that it can use what a tool returned):
  text, calls [(name, arguments)], thinking, stop: what the model says
  status, headers, error: a refusal        stall: seconds before anything is sent        pause: seconds between two events
  cut: close after so many events          raw: these bytes as the stream                endless: repeat the last event until the client goes
It invents nothing: tests look at what the product sent, what tools really returned, and what became of errors.
usage (to look at it by hand): model_server.py PORT
"""
import http.server
import itertools
import json
import sys
import threading
import time


class Request:
    def __init__(self, path, headers, body):
        self.path, self.headers, self.body = path, headers, body
        self.anthropic = path.endswith("/messages")

    @property
    def system(self):
        if self.anthropic:
            return "".join(block["text"] for block in self.body.get("system", []))
        return "".join(message["content"] for message in self.body["messages"] if message["role"] == "system")

    @property
    def tools(self):
        tools = self.body.get("tools", [])
        return {tool["name"]: tool["input_schema"] for tool in tools} if self.anthropic else {tool["function"]["name"]: tool["function"]["parameters"] for tool in tools}

    @property
    def question(self):
        """The last text of a user."""
        for message in reversed(self.body["messages"]):
            content = message["content"]
            texts = [content] if isinstance(content, str) else [block["text"] for block in content or [] if block["type"] == "text"]
            if message["role"] == "user" and texts:
                return texts[-1]
        return None

    @property
    def results(self):
        """[(id of the call, text)] of the last message."""
        if self.anthropic:
            return [(block["tool_use_id"], block["content"]) for block in self.body["messages"][-1]["content"] if block["type"] == "tool_result"]
        tail = list(itertools.takewhile(lambda message: message["role"] == "tool", reversed(self.body["messages"])))
        return [(message["tool_call_id"], message["content"]) for message in reversed(tail)]

    def result(self, number=0):
        """What a tool returned, without the marks around it."""
        text = self.results[number][1]
        return json.loads(text.split("\n", 1)[1].split("\n</data-", 1)[0])


def pieces(text, size=7):
    return [text[at:at + size] for at in range(0, len(text), size)]


def calls_of(step, serial):
    for number, (name, arguments) in enumerate(step.get("calls", [])):
        yield number, f"call_{serial}_{number}", name, arguments if isinstance(arguments, str) else json.dumps(arguments)


def chat_answer(step, serial, model):
    calls = [{"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}} for _, call_id, name, arguments in calls_of(step, serial)]
    message = {"role": "assistant", "content": step.get("text"), **({"tool_calls": calls} if calls else {})}
    finish = step.get("stop") or ("tool_calls" if calls else "stop")
    return {"id": f"chatcmpl-{serial}", "object": "chat.completion", "created": 0, "model": model, "usage": usage_of(step),
            "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": finish}]}


def usage_of(step):
    read, written = step.get("tokens", (100, 10))
    return {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written}


def chat_events(step, serial, body):
    base = {"id": f"chatcmpl-{serial}", "object": "chat.completion.chunk", "created": 0, "model": body["model"]}

    def chunk(delta, finish=None):
        return "data: " + json.dumps({**base, "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}]}) + "\n\n"

    yield chunk({"role": "assistant", "content": ""})
    for piece in pieces(step.get("text") or "", step.get("piece", 7)):
        yield chunk({"content": piece})
    for number, call_id, name, arguments in calls_of(step, serial):
        yield chunk({"tool_calls": [{"index": number, "id": call_id, "type": "function", "function": {"name": name, "arguments": ""}}]})
        for piece in pieces(arguments, step.get("piece", 7)):
            yield chunk({"tool_calls": [{"index": number, "function": {"arguments": piece}}]})
    yield chunk({}, step.get("stop") or ("tool_calls" if step.get("calls") else "stop"))
    if body.get("stream_options", {}).get("include_usage"):
        yield "data: " + json.dumps({**base, "choices": [], "usage": usage_of(step)}) + "\n\n"
    yield "data: [DONE]\n\n"


def blocks_of(step, serial):
    if step.get("thinking"):
        yield {"type": "thinking", "thinking": step["thinking"], "signature": f"signed-{serial}"}
    if step.get("text"):
        yield {"type": "text", "text": step["text"]}
    for _, call_id, name, arguments in calls_of(step, serial):
        yield {"type": "tool_use", "id": call_id, "name": name, "input": json.loads(arguments)}


def message_answer(step, serial, model):
    read, written = step.get("tokens", (100, 10))
    stop = step.get("stop") or ("tool_use" if step.get("calls") else "end_turn")
    return {"id": f"msg_{serial}", "type": "message", "role": "assistant", "model": model, "content": list(blocks_of(step, serial)), "stop_reason": stop,
            "stop_sequence": None, "usage": {"input_tokens": read, "output_tokens": written}}


def message_events(step, serial, body):
    whole = message_answer(step, serial, body["model"])

    def event(kind, **members):
        return f"event: {kind}\ndata: " + json.dumps({"type": kind, **members}) + "\n\n"

    yield event("message_start", message={**whole, "content": [], "stop_reason": None, "usage": {**whole["usage"], "output_tokens": 1}})
    yield event("ping")
    for index, block in enumerate(whole["content"]):
        empty = {"text": {"text": ""}, "thinking": {"thinking": "", "signature": ""}, "tool_use": {"input": {}}}[block["type"]]
        yield event("content_block_start", index=index, content_block={**block, **empty})
        if block["type"] == "text":
            deltas = [{"type": "text_delta", "text": piece} for piece in pieces(block["text"], step.get("piece", 7))]
        elif block["type"] == "thinking":
            deltas = [{"type": "thinking_delta", "thinking": piece} for piece in pieces(block["thinking"])]
            deltas.append({"type": "signature_delta", "signature": block["signature"]})
        else:
            deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in pieces(json.dumps(block["input"]), step.get("piece", 7))]
        for delta in deltas:
            yield event("content_block_delta", index=index, delta=delta)
        yield event("content_block_stop", index=index)
    yield event("message_delta", delta={"stop_reason": whole["stop_reason"], "stop_sequence": None}, usage={"output_tokens": whole["usage"]["output_tokens"]})
    yield event("message_stop")


class ModelServer:
    """Listens on a port of its own; `play` gives the steps, `requests` has what came."""

    def __init__(self, key="sk-test-4711", port=0):
        self.key, self.steps, self.requests, self.faults, self.lock = key, [], [], [], threading.Lock()
        self.left = threading.Event()  # a client has gone before its answer was whole
        owner = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                try:
                    owner.answer(self, Request(self.path, self.headers, json.loads(body)))
                except (BrokenPipeError, ConnectionResetError):
                    self.close_connection = True
                    owner.left.set()

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.http.daemon_threads = True
        self.port = self.http.server_port
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def stop(self):
        self.http.shutdown()
        self.http.server_close()

    def play(self, *steps):
        with self.lock:
            self.steps, self.requests, self.faults = list(steps), [], []
            self.left.clear()

    def take(self, request):
        with self.lock:
            self.requests.append(request)
            if not self.steps:
                return {"status": 500, "error": "the script has no more steps"}, len(self.requests)
            step = self.steps.pop(0)
        try:
            return step(request) if callable(step) else step, len(self.requests)
        except Exception as fault:  # what a step wanted was not there: the test must see it
            self.faults.append(repr(fault))
            return {"status": 500, "error": repr(fault)}, len(self.requests)

    def answer(self, handler, request):
        bearer = (handler.headers.get("Authorization") or "").removeprefix("Bearer ")
        shown = handler.headers.get("x-api-key", bearer) if request.anthropic else bearer
        if shown != self.key:
            refuse(handler, 401, "invalid key", request.anthropic)
            return
        step, serial = self.take(request)
        time.sleep(step.get("stall", 0))
        if "status" in step:
            refuse(handler, step["status"], step.get("error", "scripted"), request.anthropic, step.get("headers", {}))
        elif "raw" not in step and not request.body.get("stream"):
            whole = message_answer if request.anthropic else chat_answer
            send_json(handler, 200, whole(step, serial, request.body["model"]))
        else:
            stream(handler, step, (message_events if request.anthropic else chat_events)(step, serial, request.body))


def send_json(handler, status, value, headers=None):
    body = json.dumps(value).encode()
    handler.send_response(status)
    for name, text in {"Content-Type": "application/json", "Content-Length": str(len(body)), **(headers or {})}.items():
        handler.send_header(name, text)
    handler.end_headers()
    handler.wfile.write(body)


def refuse(handler, status, message, anthropic, headers=None):
    kinds = {401: "authentication_error", 429: "rate_limit_error", 529: "overloaded_error", 400: "invalid_request_error"}
    error = {"type": kinds.get(status, "api_error"), "message": message}
    send_json(handler, status, {"type": "error", "error": error} if anthropic else {"error": {**error, "code": None, "param": None}}, headers)


def stream(handler, step, events):
    handler.send_response(200)
    handler.send_header("Content-Type", "text/event-stream")
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()

    def send(data):
        handler.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        handler.wfile.flush()

    if "raw" in step:
        send(step["raw"])
        events = []
    last = b""
    for number, event in enumerate(events):
        if number == step.get("cut"):
            handler.close_connection = True
            handler.connection.shutdown(2)
            return
        last = event.encode()
        if step.get("endless") and number == 2:
            break
        send(last)
        time.sleep(step.get("pause", 0))
    while step.get("endless"):
        send(last)
    handler.wfile.write(b"0\r\n\r\n")


if __name__ == "__main__":
    server = ModelServer(port=int(sys.argv[1]))
    server.play(*[{"text": "ready"}] * 100)
    print(server.url, flush=True)
    threading.Event().wait()
