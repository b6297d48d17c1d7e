// Reads tokens, and seconds by which the clock of the keys goes on; see test_token_examples.py.

import { createInterface } from 'node:readline'

import { KeysUnavailable, PublicKeys, TokenVerifier } from './undulator_tokens.ts'

const [issuer, audience, url] = process.argv.slice(2) as [string, string, string]
let late = 0
const verifier = new TokenVerifier(issuer, audience, new PublicKeys(url, () => performance.now() / 1000 + late))
for await (const line of createInterface({ input: process.stdin })) {
  if (line.startsWith('+')) {
    late += Number(line)
    continue
  }
  try {
    console.log('valid', (await verifier.verify(line)).sub)
  } catch (error) {
    console.log(error instanceof KeysUnavailable ? 'unavailable' : `refused ${(error as Error).message}`)
  }
}
