// The keys that sign tokens. They are kept in a file, so that a restarted provider has the same ones.

import crypto from 'node:crypto'
import fs from 'node:fs'

export function generateKey() {
  const { privateKey } = crypto.generateKeyPairSync('rsa', { modulusLength: 2048 })
  return { ...privateKey.export({ format: 'jwk' }), kid: crypto.randomUUID(), use: 'sig', alg: 'RS256' }
}

export function openKeys(file) {
  if (fs.existsSync(file)) return JSON.parse(fs.readFileSync(file, 'utf8'))
  const published = [generateKey()]
  // Never published: what a forger has.
  const keys = { published, withdrawn: [], foreign: generateKey() }
  saveKeys(file, keys)
  return keys
}

export function saveKeys(file, keys) {
  fs.writeFileSync(file, JSON.stringify(keys), { mode: 0o600 })
}

// A new key signs; the ones before are still published, unless they are withdrawn.
export function rotateKeys(file, keys, withdraw) {
  const before = keys.published
  keys.published = [generateKey(), ...(withdraw ? [] : before)]
  if (withdraw) keys.withdrawn.unshift(...before)
  saveKeys(file, keys)
}

export function toPublic({ kty, n, e, kid, use, alg }) {
  return { kty, n, e, kid, use, alg }
}
