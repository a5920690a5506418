"""The official client of the Model Context Protocol: what it sees, over both transports and in both eras, as JSON.

usage: client.py URL TOKEN PROGRAM
"""
import asyncio
import json
import sys

import httpx2
from mcp import Client
from mcp.client.stdio import StdioServerParameters
from mcp.client.streamable_http import streamable_http_client

URL, TOKEN, PROGRAM = sys.argv[1:]
CODE = """const queryId = await skipper.start_query({ sql: "SELECT 6 * 7 AS n" })
return (await skipper.fetch_results({ queryId, mode: "inject" })).rows"""


def server(how):
    if how == "stdio":
        return StdioServerParameters(command=PROGRAM, args=["mcp"], env={"TOWNLAKE_URL": URL, "TOWNLAKE_TOKEN": TOKEN})
    return streamable_http_client(URL + "/mcp", http_client=httpx2.AsyncClient(headers={"Authorization": f"Bearer {TOKEN}"}, timeout=60))


async def look(how, mode):
    steps = []

    async def progress(_done, _total, message):
        steps.append(message)

    async with Client(server(how), mode=mode) as client:
        answer = await client.call_tool("execute", {"code": CODE}, progress_callback=progress)
        return {
            "how": how,
            "mode": mode,
            "version": client.protocol_version,
            "server": client.server_info.name,
            "tools": [tool.name for tool in (await client.list_tools()).tools],
            "text": answer.content[0].text,
            "error": answer.is_error,
            "steps": steps,
            "resources": len((await client.list_resources()).resources),
            "read": json.loads((await client.read_resource("townlake://dataset/ops/public/zones")).contents[0].text)["reads"],
            "prompts": [prompt.name for prompt in (await client.list_prompts()).prompts],
            "prompt": len((await client.get_prompt("describe_table", {"table": "ops.public.zones"})).messages),
            "wrong": (await client.call_tool("execute", {"code": ""})).is_error,
        }


async def main():
    print(json.dumps([await look(how, mode) for how in ("http", "stdio") for mode in ("auto", "legacy")]))


asyncio.run(main())
