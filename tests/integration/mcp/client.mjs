// The official client of the Model Context Protocol: what it sees, as JSON.  node client.mjs http|stdio URL TOKEN PROGRAM
import { Client } from "@modelcontextprotocol/sdk/client/index.js"
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js"
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js"

const [how, url, token, program] = process.argv.slice(2)
const transport =
  how === "http"
    ? new StreamableHTTPClientTransport(new URL(url + "/mcp"), { requestInit: { headers: { Authorization: `Bearer ${token}` } } })
    : new StdioClientTransport({ command: program, args: ["mcp"], env: { TOWNLAKE_URL: url, TOWNLAKE_TOKEN: token } })
const client = new Client({ name: "official-js", version: "1.0.0" })
await client.connect(transport)

const steps = []
const code = `const queryId = await skipper.start_query({ sql: "SELECT 6 * 7 AS n" })
return (await skipper.fetch_results({ queryId, mode: "inject" })).rows`
const answer = await client.callTool({ name: "execute", arguments: { code } }, undefined, { onprogress: (step) => steps.push(step.message) })

const stop = new AbortController()
const endless = "for (;;) await skipper.start_query({ sql: 'SELECT 1' }).then(queryId => skipper.fetch_results({ queryId }))"
const slow = client.callTool({ name: "execute", arguments: { code: endless } }, undefined, { signal: stop.signal })
setTimeout(() => stop.abort("enough"), 500)
const cancelled = await slow.then(
  () => "no",
  (error) => String(error),
)

const report = {
  server: client.getServerVersion().name,
  tools: (await client.listTools()).tools.map((tool) => tool.name),
  text: answer.content[0].text,
  error: answer.isError,
  steps,
  cancelled,
  resources: (await client.listResources()).resources.length,
  read: JSON.parse((await client.readResource({ uri: "townlake://dataset/ops/public/zones" })).contents[0].text).reads,
  prompts: (await client.listPrompts()).prompts.map((prompt) => prompt.name),
  prompt: (await client.getPrompt({ name: "describe_table", arguments: { table: "ops.public.zones" } })).messages.length,
  wrong: (await client.callTool({ name: "execute", arguments: { code: "" } })).isError,
}
await client.ping()
await client.close()
console.log(JSON.stringify(report))
