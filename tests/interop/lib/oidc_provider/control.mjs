// The second port: a test changes the provider's state with JSON, and reads what the provider was asked.

import { rotateKeys } from './keys.mjs'
import { signToken } from './signing.mjs'

async function readJson(request) {
  const parts = []
  for await (const part of request) parts.push(part)
  return parts.length ? JSON.parse(Buffer.concat(parts).toString()) : null
}

const actions = {
  'PUT /login': (state, login) => { state.login = login },
  'PUT /breakage': (state, breakage) => { state.breakage = breakage },
  'PUT /outage': (state, outage) => {
    state.outage = outage
    for (const response of state.hanging) response.destroy()
    state.hanging.clear()
  },
  'POST /rotation': (state, { withdraw }) => {
    rotateKeys(state.settings.keysFile, state.keys, withdraw)
    state.rebuild()
    return { kid: state.keys.published[0].kid }
  },
  'POST /token': (state, wanted) => ({ token: signToken(state.keys, wanted) }),
  'GET /requests': (state) => state.requests,
  'DELETE /requests': (state) => { state.requests.length = 0 },
}

export async function answerControlRequest(state, request, response) {
  try {
    const action = actions[`${request.method} ${request.url}`]
    if (!action) throw new Error(`nothing is called ${request.method} ${request.url}`)
    const answer = await action(state, await readJson(request))
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer ?? null))
  } catch (error) {
    response.writeHead(500, { 'content-type': 'text/plain' }).end(`${error.stack}\n`)
  }
}
