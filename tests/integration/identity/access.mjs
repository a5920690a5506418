// What Cloudflare Access does in front of a server: a hosted service that no test can start, so this speaks its part.
//   usage: access.mjs NODE_FOLDER PORT UPSTREAM AUDIENCE
//   GET /cdn-cgi/access/certs: two keys.  POST /_rotate: a new one comes, the older goes.  POST /_down and /_up: certs answer 503 or not.
//   GET /_mint?claims={..}: an assertion with those claims.  All else goes to UPSTREAM with the assertion of X-Test-Email.
import { createServer, request as send } from 'node:http'
import { randomUUID } from 'node:crypto'
import { pathToFileURL } from 'node:url'

const [, , folder, port, upstream, audience] = process.argv
const { generateKeyPair, exportJWK, SignJWT } = await import(pathToFileURL(`${folder}/node_modules/jose/dist/webapi/index.js`))
const issuer = `http://127.0.0.1:${port}`

async function makeKey () {
  const { publicKey, privateKey } = await generateKeyPair('RS256', { extractable: true })
  const kid = randomUUID().replaceAll('-', '')
  return { kid, privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg: 'RS256', use: 'sig' } }
}
let keys = [await makeKey(), await makeKey()]
let down = false
let asked = 0

function mint (email, more = {}) {
  const now = Math.floor(Date.now() / 1000)
  const claims = { aud: [audience], email, iat: now, nbf: now, exp: now + 900, iss: issuer, type: 'app', sub: randomUUID(), country: 'DE', ...more }
  for (const name of Object.keys(claims)) if (claims[name] === null) delete claims[name]
  return new SignJWT(claims).setProtectedHeader({ alg: 'RS256', kid: keys[0].kid }).sign(keys[0].privateKey)
}

createServer(async (request, response) => {
  const url = new URL(request.url, issuer)
  const answer = (value, status = 200) => {
    response.writeHead(status, { 'content-type': 'application/json' })
    response.end(JSON.stringify(value))
  }
  if (url.pathname === '/cdn-cgi/access/certs') {
    asked++
    return down ? answer({}, 503) : answer({ keys: keys.map(k => k.jwk) })
  }
  if (url.pathname === '/_count') return answer(asked)
  if (url.pathname === '/_down' || url.pathname === '/_up') { down = url.pathname === '/_down'; return answer('ok') }
  if (url.pathname === '/_rotate') { keys = [await makeKey(), keys[0]]; return answer('ok') }
  if (url.pathname === '/_mint') return answer(await mint('ana@example.com', JSON.parse(url.searchParams.get('claims') ?? '{}')))
  const headers = { ...request.headers }
  delete headers['cf-access-jwt-assertion'] // a client cannot bring its own
  if (headers['x-test-email']) headers['cf-access-jwt-assertion'] = await mint(headers['x-test-email'])
  const onward = send(new URL(request.url, upstream), { method: request.method, headers }, from => {
    response.writeHead(from.statusCode, from.headers)
    from.pipe(response)
  })
  onward.on('error', error => answer(String(error), 502))
  request.pipe(onward)
}).listen(+port, '127.0.0.1', () => console.log('ready'))
