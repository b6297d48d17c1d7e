// What a test may get wrong in the provider's answers. `breakage` has any of
//   discovery, jwks, token   fields that replace those of the JSON answer; null removes one
//   redirect                 the same for parameters of the redirect to the client
//   id_token                 {claims, header, sign}: claims that replace the right ones, and how they are signed

import { toPublic } from './keys.mjs'
import { decodeClaims, mergeClaims, signToken } from './signing.mjs'

// As Keycloak publishes one: a key for encryption beside those for signatures.
function addEncryptionKey(state, body) {
  const key = { ...toPublic(state.keys.foreign), kid: 'for-encryption', use: 'enc', alg: 'RSA-OAEP' }
  return { keys: [...body.keys, key] }
}

function changeRedirect(location, redirectUris, changes) {
  const url = new URL(location)
  if (!redirectUris.includes(`${url.origin}${url.pathname}`)) return location
  for (const [name, value] of Object.entries(changes)) {
    if (value === null) url.searchParams.delete(name)
    else url.searchParams.set(name, value)
  }
  return url.href
}

export function changeAnswers(state) {
  const redirectUris = state.settings.clients.flatMap((client) => client.redirect_uris ?? [])
  return async (ctx, next) => {
    await next()
    const { breakage } = state
    const route = ctx.oidc?.route
    if (route === 'jwks') ctx.body = addEncryptionKey(state, ctx.body)
    if (breakage[route] && ctx.status === 200) ctx.body = mergeClaims(ctx.body, breakage[route])
    if (route === 'token' && breakage.id_token && ctx.body.id_token) {
      const { claims = {}, header, sign } = breakage.id_token
      ctx.body.id_token = signToken(state.keys, { claims: mergeClaims(decodeClaims(ctx.body.id_token), claims), header, sign })
    }
    const location = ctx.response.get('location')
    if (breakage.redirect && location?.startsWith('http')) ctx.set('location', changeRedirect(location, redirectUris, breakage.redirect))
  }
}
