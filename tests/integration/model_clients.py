"""The official clients of two providers against our server of models; run in an environment that has them.

usage: model_clients.py URL KEY, prints what they read as JSON
"""
import json
import sys

import anthropic
import openai

URL, KEY = sys.argv[1:]
TOOL = {"name": "start_query", "description": "Start a query.", "schema": {"type": "object", "properties": {"sql": {"type": "string"}}}}


def chat(stream):
    client = openai.OpenAI(base_url=URL + "/v1", api_key=KEY, max_retries=1)
    tools = [{"type": "function", "function": {"name": TOOL["name"], "description": TOOL["description"], "parameters": TOOL["schema"]}}]
    arguments = {"model": "m", "messages": [{"role": "user", "content": "how many?"}], "tools": tools}
    if not stream:
        done = client.chat.completions.create(**arguments)
    else:
        with client.chat.completions.stream(**arguments, stream_options={"include_usage": True}) as events:
            for _ in events:
                pass
            done = events.get_final_completion()
    message = done.choices[0].message
    return {"text": message.content, "calls": [[call.function.name, json.loads(call.function.arguments)] for call in message.tool_calls or []],
            "finish": done.choices[0].finish_reason, "tokens": [done.usage.prompt_tokens, done.usage.completion_tokens]}


def messages(stream):
    client = anthropic.Anthropic(base_url=URL, api_key=KEY, max_retries=1)
    tools = [{"name": TOOL["name"], "description": TOOL["description"], "input_schema": TOOL["schema"]}]
    arguments = {"model": "m", "max_tokens": 100, "messages": [{"role": "user", "content": "how many?"}], "tools": tools}
    if not stream:
        done = client.messages.create(**arguments)
    else:
        with client.messages.stream(**arguments) as events:
            done = events.get_final_message()
    return {"thinking": [[block.thinking, block.signature] for block in done.content if block.type == "thinking"],
            "text": "".join(block.text for block in done.content if block.type == "text"),
            "calls": [[block.name, block.input] for block in done.content if block.type == "tool_use"],
            "finish": done.stop_reason, "tokens": [done.usage.input_tokens, done.usage.output_tokens]}


def failure(ask, kind):
    try:
        ask()
    except kind as fault:
        return type(fault).__name__
    return None


wrong = openai.OpenAI(base_url=URL + "/v1", api_key="wrong", max_retries=0)
out = {"chat": [chat(False), chat(True)], "messages": [messages(False), messages(True)],
       "limited_then_fine": [chat(True)["text"], messages(True)["text"]],
       "wrong_key": failure(lambda: wrong.chat.completions.create(model="m", messages=[{"role": "user", "content": "?"}]), openai.AuthenticationError),
       "overloaded": failure(lambda: anthropic.Anthropic(base_url=URL, api_key=KEY, max_retries=0).messages.create(
           model="m", max_tokens=5, messages=[{"role": "user", "content": "?"}]), anthropic.APIStatusError)}
print(json.dumps(out))
