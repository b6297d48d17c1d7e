// Signs any claims, right or wrong.

import crypto from 'node:crypto'

const encode = (value) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')

// Claims or header fields that are null are left out.
function merge(object, changes) {
  return Object.fromEntries(Object.entries({ ...object, ...changes }).filter(([, value]) => value !== null))
}

function signWith(keys, how, input, alg) {
  if (how === 'nothing') return ''
  // A public key as the secret of an HMAC.
  if (how === 'public-key-as-secret') {
    const pem = crypto.createPublicKey({ key: keys.published[0], format: 'jwk' }).export({ type: 'spki', format: 'pem' })
    return crypto.createHmac('sha256', pem).update(input).digest('base64url')
  }
  const jwk = { current: keys.published[0], withdrawn: keys.withdrawn[0], foreign: keys.foreign }[how]
  const hash = { RS256: 'sha256', RS384: 'sha384', RS512: 'sha512' }[alg] ?? 'sha256'
  return crypto.sign(hash, Buffer.from(input), crypto.createPrivateKey({ key: jwk, format: 'jwk' })).toString('base64url')
}

// `sign` is current, withdrawn, foreign, public-key-as-secret or nothing.
export function signToken(keys, { claims, header = {}, sign = 'current' }) {
  const fullHeader = merge({ alg: 'RS256', typ: 'JWT', kid: keys.published[0].kid }, header)
  const input = `${encode(fullHeader)}.${encode(merge(claims, {}))}`
  return `${input}.${signWith(keys, sign, input, fullHeader.alg)}`
}

export function decodeClaims(token) {
  return JSON.parse(Buffer.from(token.split('.')[1], 'base64url').toString())
}

export const mergeClaims = merge
