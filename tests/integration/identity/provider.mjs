// A real OpenID Connect provider (oidc-provider) with a sign-in form, for tests.
//   usage: provider.mjs NODE_FOLDER PORT USERS.json REDIRECT_URL
//   POST /_users replaces the people; GET /_count tells how often the keys were asked for.  New keys with each start.
import { readFileSync } from 'node:fs'
import { generateKeyPairSync } from 'node:crypto'
import { createServer } from 'node:http'
import { pathToFileURL } from 'node:url'

const [, , folder, port, file, redirect] = process.argv
const { default: Provider } = await import(pathToFileURL(`${folder}/node_modules/oidc-provider/lib/index.js`))
const issuer = `http://127.0.0.1:${port}`
let users = JSON.parse(readFileSync(file, 'utf8'))
let keysAsked = 0

const start = Date.now().toString(36)
const key = (type, options, alg) => ({
  ...generateKeyPairSync(type, options).privateKey.export({ format: 'jwk' }), use: 'sig', alg, kid: `${alg}-${start}`
})
const client = (id, alg, more) => ({
  client_id: id, client_secret: 'the secret/of+it', redirect_uris: [redirect], id_token_signed_response_alg: alg,
  grant_types: ['authorization_code', 'refresh_token'], post_logout_redirect_uris: [new URL('/', redirect).href], backchannel_logout_uri: new URL('/auth/backchannel-logout', redirect).href,
  backchannel_logout_session_required: true, ...more
})
const provider = new Provider(issuer, {
  clients: [
    client('lake', 'RS256'), client('lake-es', 'ES256'), client('lake-ed', 'EdDSA'), client('other', 'RS256'),
    client('lake-public', 'PS256', { token_endpoint_auth_method: 'none', client_secret: undefined })
  ],
  jwks: {
    keys: [key('rsa', { modulusLength: 2048 }, 'RS256'), key('ec', { namedCurve: 'P-256' }, 'ES256'), key('ed25519', {}, 'EdDSA'),
      key('rsa', { modulusLength: 2048 }, 'PS256')]
  },
  enabledJWA: { idTokenSigningAlgValues: ['RS256', 'ES256', 'PS256', 'EdDSA'] },
  cookies: { keys: ['only for tests'] },
  conformIdTokenClaims: process.env.CLAIMS === 'userinfo', // then the ID token of a code has no claims but sub
  pkce: { required: () => true },
  claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name', 'department'], groups: ['groups'] },
  scopes: ['openid', 'offline_access'],
  features: { devInteractions: { enabled: false }, revocation: { enabled: true }, rpInitiatedLogout: { enabled: true }, backchannelLogout: { enabled: true } },
  fetch: (url, { dispatcher, ...options }) => globalThis.fetch(url, options), // its own refuses addresses of this machine
  interactions: { url: (ctx, interaction) => `/interaction/${interaction.uid}` },
  issueRefreshToken: async (ctx, of) => of.grantTypeAllowed('refresh_token'),
  rotateRefreshToken: true,
  findAccount: (ctx, id) => {
    const user = users.find(u => u.sub === id)
    return user && { accountId: id, claims: () => { const { password, ...claims } = user; return claims } }
  },
  loadExistingGrant: async ctx => {
    const grant = new ctx.oidc.provider.Grant({ clientId: ctx.oidc.client.clientId, accountId: ctx.oidc.session.accountId })
    grant.addOIDCScope('openid email profile groups offline_access')
    await grant.save()
    return grant
  }
})

const body = async request => { let text = ''; for await (const part of request) text += part; return text }
const form = uid => `<!doctype html><title>Sign in</title><form method="post" action="/interaction/${uid}">
<input name="login"><input name="password" type="password"><button>Sign in</button></form>`

async function interaction (request, response, uid) {
  if (request.method === 'GET') {
    await provider.interactionDetails(request, response)
    response.setHeader('content-type', 'text/html; charset=utf-8')
    return response.end(form(uid))
  }
  const fields = new URLSearchParams(await body(request))
  const user = users.find(u => u.email === fields.get('login') && u.password === fields.get('password'))
  if (user) return provider.interactionFinished(request, response, { login: { accountId: user.sub } }, { mergeWithLastSubmission: false })
  if (fields.get('login') === 'nobody') {
    return provider.interactionFinished(request, response, { error: 'access_denied', error_description: '<b>no</b>' }, { mergeWithLastSubmission: false })
  }
  response.statusCode = 401
  response.end(form(uid))
}

createServer(async (request, response) => {
  const uid = /^\/interaction\/([\w-]+)$/.exec(request.url)?.[1]
  try {
    if (request.url === '/jwks') keysAsked++
    if (request.url === '/me' && process.env.USERINFO === 'other') {
      response.setHeader('content-type', 'application/json')
      return response.end(JSON.stringify({ sub: 'u2', email: 'ben@example.com', groups: ['admin'] }))
    }
    if (request.url === '/me' && process.env.USERINFO === 'down') return request.socket.destroy()
    if (uid) return await interaction(request, response, uid)
    if (request.url === '/_count') return response.end(String(keysAsked))
    if (request.url === '/_users') {
      users = JSON.parse(await body(request))
      return response.end('ok')
    }
    provider.callback()(request, response)
  } catch (error) {
    response.statusCode = 500
    response.end(String(error))
  }
}).listen(+port, '127.0.0.1', () => console.log('ready'))
