// An OpenID Connect provider for tests: oidc-provider, with interactions that a script drives, and a second port on which a
// test says who logs in, what is wrong with the next tokens, and when keys are rotated.
//
//   node main.mjs '{"port": 1, "controlPort": 2, "keysFile": "keys.json", "clients": [...]}'
//
// Prints one line when both ports listen.

import http from 'node:http'

import { answerControlRequest } from './control.mjs'
import { openKeys } from './keys.mjs'
import { buildProvider } from './provider.mjs'

const settings = JSON.parse(process.argv[2])

// Everything that a test can change.
const state = {
  settings,
  issuer: `http://127.0.0.1:${settings.port}`,
  keys: openKeys(settings.keysFile),
  // Who logs in without a form: {account, acr, amr, ts}; null: the form of an interaction asks.
  login: null,
  // See breakage.mjs.
  breakage: {},
  // A status, or "hang", for every request.
  outage: null,
  requests: [],
  hanging: new Set(),
}
state.rebuild = () => {
  state.provider = buildProvider(state)
  state.answer = state.provider.callback()
}
state.rebuild()

function answerRequest(request, response) {
  if (state.outage === 'hang') {
    state.hanging.add(response)
    return
  }
  if (state.outage !== null) {
    response.writeHead(state.outage, { 'content-type': 'text/plain' }).end('out of order')
    return
  }
  state.answer(request, response)
}

const listen = (handler, port) =>
  new Promise((resolve, reject) => http.createServer(handler).once('error', reject).listen(port, '127.0.0.1', resolve))
await listen(answerRequest, settings.port)
await listen((request, response) => answerControlRequest(state, request, response), settings.controlPort)
console.log('listening')
