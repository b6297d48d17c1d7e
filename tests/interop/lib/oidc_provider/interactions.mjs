// Logins at the provider: without a form if the control port has said who logs in, else with one that a script or a person
// fills in. `acr` and `amr` are what the test wants to have happened.

const FORM = `<!DOCTYPE html><title>Provider of tests</title><form method="post">
<label>Account <input name="account"></label><label>Level <input name="acr"></label><label>Methods <input name="amr"></label>
<button>Log in</button></form>`

async function readForm(request) {
  const parts = []
  for await (const part of request) parts.push(part)
  const { amr, ...form } = Object.fromEntries(new URLSearchParams(Buffer.concat(parts).toString()))
  return { ...form, amr: amr?.split(' ').filter(Boolean) }
}

// `ts` is the time of the login, in seconds.
function buildResult({ account, acr, amr, ts, error }) {
  if (error) return { error, error_description: 'the test wants it' }
  return { login: { accountId: account, acr: acr || undefined, amr: amr?.length ? amr : undefined, ts } }
}

export async function answerInteraction(state, ctx, next) {
  if (!ctx.path.startsWith('/interaction/')) return next()
  const { provider } = state
  const { prompt, params } = await provider.interactionDetails(ctx.req, ctx.res)
  if (ctx.method === 'GET' && state.login === null) {
    ctx.type = 'html'
    ctx.set('x-prompt', JSON.stringify({ prompt: prompt.name, reasons: prompt.reasons, acr_values: params.acr_values }))
    ctx.body = FORM
    return undefined
  }
  const login = ctx.method === 'GET' ? state.login : await readForm(ctx.req)
  const target = await provider.interactionResult(ctx.req, ctx.res, buildResult(login), { mergeWithLastSubmission: false })
  ctx.redirect(target)
  ctx.status = 303
  return undefined
}
