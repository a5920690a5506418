// The conformance suite shows no token: this adds one on the way.  node proxy.mjs URL TOKEN; prints its port.
import http from "node:http"

const [url, token] = process.argv.slice(2)
const to = new URL(url)
const server = http.createServer((request, response) => {
  const headers = { ...request.headers, authorization: `Bearer ${token}` }
  const forward = http.request({ host: to.hostname, port: to.port, path: request.url, method: request.method, headers }, (answer) => {
    response.writeHead(answer.statusCode, answer.headers)
    answer.pipe(response)
  })
  forward.on("error", () => response.destroy())
  request.pipe(forward)
})
server.listen(0, "127.0.0.1", () => console.log(server.address().port))
