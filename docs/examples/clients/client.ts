// Log in, search the catalogue, read and write a logbook, attach a file, download data and the logbook.
//
//   node client.ts URL PLUGIN/NAME INVESTIGATION     (the password is in the environment variable PASSWORD)
import {writeFile} from 'node:fs/promises'
import createClient from 'openapi-fetch'
import type {components, paths} from './undulator.d.ts'

type Entry = components['schemas']['logbook_Entry']

const [url = '', account = '', investigationName = ''] = process.argv.slice(2)
const [plugin, username] = account.split('/')
const client = createClient<paths>({baseUrl: url})

/** Returns the result of an operation, or throws an error with the message of the server. */
function required<T>(answer: {data?: T; error?: unknown; response: Response}): NonNullable<T> {
    if (answer.data === undefined || answer.data === null) {
        throw new Error(`${answer.response.status} ${JSON.stringify(answer.error)}`)
    }
    return answer.data
}

const session = required(await client.POST('/session', {body: {plugin, username, password: process.env.PASSWORD}}))
client.use({
    onRequest({request}) {
        request.headers.set('Authorization', `Bearer ${session.sessionId}`)
    },
})
console.log(`logged in as ${session.fullName}`)

// The bodies of /icat and `prepareData` are forms; openapi-fetch encodes a form if this header is set.
const form = {'Content-Type': 'application/x-www-form-urlencoded'}
const query = `SELECT i.id FROM Investigation i WHERE i.name = '${investigationName.replace(/'/g, "''")}'`
const rows = required(await client.POST('/icat/entityManager/search', {body: {query}, headers: form}))
const investigationId = Number(rows[0])

const place = {path: {credential: '-'}, query: {investigationId}}
const text = 'Beam back after the refill'
const written: Entry = required(
    await client.POST('/logbook/{credential}/event', {
        params: place,
        body: {type: 'annotation', category: 'comment', content: [{format: 'plainText', text}]},
    }),
)
const picture = new Blob([new TextEncoder().encode('x,y\n1,2\n')], {type: 'text/csv'})
const attached: Entry = required(
    await client.POST('/resource/{credential}/file/upload', {
        params: place,
        body: {file: picture as unknown as string},
        bodySerializer({file}) {
            const parts = new FormData()
            parts.append('file', file as unknown as Blob, 'scan.csv')
            return parts
        },
    }),
)
const entries: Entry[] = required(
    await client.GET('/logbook/{credential}/event', {
        params: {...place, query: {investigationId, sortBy: 'createdAt', sortOrder: -1, limit: 2}},
    }),
)
console.log(`wrote ${written._id} and ${attached._id}; newest: ${entries.map((entry) => entry._id).join(', ')}`)

const archive = required(
    await client.GET('/ids/getData', {
        params: {query: {investigationIds: String(investigationId)}},
        parseAs: 'arrayBuffer',
    }),
)
await writeFile('data.zip', new Uint8Array(archive as unknown as ArrayBuffer))
const eln = required(
    await client.GET('/logbook/{credential}/export/eln', {params: place, parseAs: 'arrayBuffer'}),
)
await writeFile('logbook.eln', new Uint8Array(eln as unknown as ArrayBuffer))
