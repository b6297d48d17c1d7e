// Verifies access tokens of Undulator, without asking it for each of them. Needs the package jose.

import { errors, importJWK, jwtVerify, type CryptoKey, type JWK, type JWTPayload, type JWTHeaderParameters } from 'jose'

const ALGORITHM = 'EdDSA'
const CLOCK_DIFFERENCE = 30
const LONGEST_TOKEN = 16 * 1024
const SHORTEST_AGE = 60
const LONGEST_AGE = 24 * 3600
const RETRY_AFTER_FAILURE = 5

/** The keys could not be fetched for a day, or never: answer 503, not 401. */
export class KeysUnavailable extends Error {}

/**
 * The keys that sign tokens, by their ids. They are fetched when they are older than the server allows, and when a token names
 * an unknown one, but not more than once a minute. While the server is down, keys of the last day are used.
 */
export class PublicKeys {
  #url: string
  #now: () => number
  #keys = new Map<string, CryptoKey>()
  #usableUntil = -Infinity
  #freshUntil = -Infinity
  #nextFetch = -Infinity
  #fetching: Promise<void> | undefined

  /** `now` is in seconds. */
  constructor(url: string, now = () => performance.now() / 1000) {
    this.#url = url
    this.#now = now
  }

  async find(kid: string): Promise<CryptoKey | undefined> {
    if (!this.#keys.has(kid)) await this.#fetchIfDue()
    // Nobody waits for a server that may be down.
    else if (this.#now() >= Math.min(this.#usableUntil, this.#freshUntil)) void this.#fetchIfDue()
    if (this.#now() >= this.#usableUntil) throw new KeysUnavailable(`no keys from ${this.#url}`)
    return this.#keys.get(kid)
  }

  /** Callers at the same time wait for one request. */
  #fetchIfDue(): Promise<void> {
    if (!this.#fetching && this.#now() < this.#nextFetch) return Promise.resolve()
    this.#fetching ??= this.#fetch().finally(() => (this.#fetching = undefined))
    return this.#fetching
  }

  async #fetch(): Promise<void> {
    const now = this.#now()
    try {
      const answer = await fetch(this.#url, { signal: AbortSignal.timeout(5000), redirect: 'error' })
      if (!answer.ok) throw new Error(`status ${answer.status}`)
      this.#keys = await parseKeys((await answer.json()) as { keys: JWK[] })
      const age = Number(/max-age=(\d+)/.exec(answer.headers.get('cache-control') ?? '')?.[1] ?? 0)
      this.#freshUntil = now + Math.min(Math.max(age, SHORTEST_AGE), LONGEST_AGE)
      this.#usableUntil = now + LONGEST_AGE
      this.#nextFetch = now + SHORTEST_AGE
    } catch {
      this.#nextFetch = now + RETRY_AFTER_FAILURE
    }
  }
}

/** Those for signatures with the one algorithm that is accepted. */
async function parseKeys(set: { keys: JWK[] }): Promise<Map<string, CryptoKey>> {
  const found = new Map<string, CryptoKey>()
  for (const key of set.keys) {
    if (key.kty !== 'OKP' || (key.use ?? 'sig') !== 'sig' || (key.alg ?? ALGORITHM) !== ALGORITHM || !key.kid) continue
    found.set(key.kid, (await importJWK(key, ALGORITHM)) as CryptoKey)
  }
  return found
}

export class TokenVerifier {
  #options
  #findKey

  constructor(issuer: string, audience: string, keys: PublicKeys) {
    const requiredClaims = ['iss', 'aud', 'sub', 'exp', 'iat']
    this.#options = { issuer, audience, algorithms: [ALGORITHM], typ: 'at+jwt', clockTolerance: CLOCK_DIFFERENCE, requiredClaims }
    this.#findKey = async (header: JWTHeaderParameters): Promise<CryptoKey> => {
      const key = header.kid === undefined ? undefined : await keys.find(header.kid)
      if (!key) throw new errors.JWTInvalid('signed with an unknown key')
      return key
    }
  }

  /** The claims: `sub` is the user name. Throws an error of jose, then answer 401; or KeysUnavailable. */
  async verify(token: string): Promise<JWTPayload> {
    if (token.length > LONGEST_TOKEN) throw new errors.JWTInvalid('too long')
    return (await jwtVerify(token, this.#findKey, this.#options)).payload
  }
}
