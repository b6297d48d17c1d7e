// The settings of oidc-provider, and the interactions. Consent is given without asking.

import Provider from 'oidc-provider'

import { changeAnswers } from './breakage.mjs'
import { answerInteraction } from './interactions.mjs'

const MINUTE = 60
const HOUR = 60 * MINUTE
const CLAIMS = { profile: ['name', 'preferred_username'], email: ['email', 'email_verified'], groups: ['groups'] }

function findAccount(state, id) {
  const account = state.settings.accounts?.[id] ?? {}
  const claims = { sub: id, preferred_username: id, name: `${id} Example`, email: `${id}@example.org`, email_verified: true, groups: [] }
  return { accountId: id, claims: async () => ({ ...claims, ...account }) }
}

async function grantEverything(ctx) {
  const { client, session, provider, params } = ctx.oidc
  const grant = new provider.Grant({ clientId: client.clientId, accountId: session.accountId })
  grant.addOIDCScope(params.scope)
  await grant.save()
  return grant
}

const showForm = (ctx, form) => {
  ctx.body = `<!DOCTYPE html><title>Provider of tests</title>${form}<button form="${form.match(/id="([^"]+)"/)[1]}" name="logout" value="yes">Go on</button>`
}

const features = {
  backchannelLogout: { enabled: true },
  claimsParameter: { enabled: true },
  devInteractions: { enabled: false },
  deviceFlow: {
    enabled: true,
    userCodeInputSource: async (ctx, form) => showForm(ctx, form),
    userCodeConfirmSource: async (ctx, form) => showForm(ctx, form),
    successSource: async (ctx) => { ctx.body = 'the device is logged in' },
  },
  introspection: { enabled: true },
  revocation: { enabled: true },
  rpInitiatedLogout: {
    enabled: true,
    logoutSource: async (ctx, form) => showForm(ctx, form),
    postLogoutSuccessSource: async (ctx) => { ctx.body = 'logged out' },
  },
}

export function buildProvider(state) {
  const provider = new Provider(state.issuer, {
    features,
    acrValues: ['password', 'mfa'],
    // With the scope openid: always in the id token, as most providers send them.
    claims: { openid: ['sub', 'acr', 'amr', 'auth_time', 'sid'], ...CLAIMS },
    scopes: ['openid', 'offline_access'],
    clients: state.settings.clients.map((client) => ({ require_auth_time: true, ...client })),
    conformIdTokenClaims: false,
    cookies: { keys: ['only for tests'] },
    // Its own way of fetching refuses addresses of this machine.
    fetch: (url, { dispatcher, ...options }) => globalThis.fetch(url, options),
    findAccount: (ctx, id) => findAccount(state, id),
    interactions: { url: (ctx, interaction) => `/interaction/${interaction.uid}` },
    issueRefreshToken: async () => true,
    jwks: { keys: state.keys.published },
    loadExistingGrant: grantEverything,
    pkce: { required: () => true },
    rotateRefreshToken: true,
    ttl: { AccessToken: HOUR, AuthorizationCode: MINUTE, DeviceCode: 10 * MINUTE, Grant: 24 * HOUR, IdToken: HOUR, Interaction: HOUR, RefreshToken: 24 * HOUR, Session: 24 * HOUR },
  })
  provider.use(async (ctx, next) => {
    const entry = { method: ctx.method, path: ctx.path, query: { ...ctx.query } }
    state.requests.push(entry)
    await next()
    entry.status = ctx.status
    if (ctx.oidc?.body) entry.form = { ...ctx.oidc.body }
  })
  provider.use(changeAnswers(state))
  provider.use((ctx, next) => answerInteraction(state, ctx, next))
  provider.on('server_error', (ctx, error) => console.error(ctx.path, error))
  provider.on('backchannel.error', (ctx, error) => console.error(ctx.path, error))
  return provider
}
