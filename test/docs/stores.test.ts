/** What the documents say of stores: held against the traits by which the suites run, and the tests that they name. */
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { parseStoreUrl } from '../../src/brokers/url.ts'
import { type StoreName, TRAITS } from '../conformance/open.ts'
import type { StoreTraits } from '../conformance/store.ts'
import { ROOT } from './project.ts'

const PAGE = 'docs/reference/brokers.md'
const HEADS: Readonly<Record<StoreName, string>> = {
  memory: 'memory',
  embedded: 'embedded',
  redis: 'Redis',
  amqp: 'RabbitMQ',
}
/** What a trait is called, and its values. */
const WORDS: {
  readonly [Trait in keyof StoreTraits]: readonly [string, (value: StoreTraits[Trait], traits: StoreTraits) => string]
} = {
  firstPriority: ['which priority goes first', (end) => (end === 'high' ? '255, the highest' : '0, the lowest')],
  ordersAcrossQueues: [
    'equal priorities are first in, first out',
    (across) => (across ? 'over all queues of a worker' : 'within a queue'),
  ],
  delaysAtPublish: ['a delayed message counts as delayed', (atOnce) => (atOnce ? 'at once' : 'once a worker met it')],
  resultsAreJson: ['results that are no JSON', (onlyJson) => (onlyJson ? 'not kept' : 'kept')],
  takesSizeFromMessages: [
    'who says how many parts a chord has',
    (told, { storesResults }) => (!storesResults ? 'there are no chords' : told ? 'its messages' : "Celery's counter"),
  ],

  delaysInQueue: ['what is not due is counted and purged with its queue', (inQueue) => (inQueue ? 'yes' : 'no')],
  delayStepMs: ['how late a delayed message may be, beside what the machine takes', (ms) => `${ms} ms`],
  headers: ['what headers hold', (kind) => (kind === 'json' ? 'all of JSON' : 'integers of 64 bits, no NaN')],
  storesResults: ['results are stored, for anybody to read', (stored) => (stored ? 'yes' : 'no: sent to the sender')],
}

test('the page on brokers has the table of the traits by which the suites run', () => {
  const names = Object.keys(HEADS) as StoreName[]
  const row = <Trait extends keyof StoreTraits>(trait: Trait) => {
    const [what, said] = WORDS[trait]
    return [what, ...names.map((name) => said(TRAITS[name][trait], TRAITS[name]))]
  }
  const rows = (Object.keys(WORDS) as (keyof StoreTraits)[]).map((trait) => row(trait))
  const table = [['', ...Object.values(HEADS)], names.map(() => '---').concat('---'), ...rows]
  const text = table.map((cells) => `| ${cells.join(' | ')} |`.replace('|  |', '| |')).join('\n')
  assert.ok(read(PAGE).includes(`<!-- traits -->\n${text}\n<!-- /traits -->`), `${PAGE} lacks this table:\n${text}`)
})

test('every fault on the page on brokers is shown by a test that is there, for each store of which it says something', () => {
  const [head = [], ...faults] = rowsOf(PAGE, 'faults')
  const shown = new Set<string>()
  for (const [fault = '', store = '', tests = ''] of rowsOf(PAGE, 'shown').slice(1)) {
    shown.add(`${fault}: ${store}`)
    const named = Array.from(tests.matchAll(/"([^"]+)" in `(test\/[\w./-]+)`/g))
    assert.ok(named.length > 0, `${fault}, ${store}: no test is named as "TITLE" in \`FILE\``)
    for (const [, title = '', file = ''] of named) {
      assert.ok(existsSync(join(ROOT, file)), `${PAGE} names ${file}, which is not there`)
      assert.ok(read(file).includes(title), `${PAGE} names a test "${title}", which ${file} has not`)
    }
  }
  const claims = faults.flatMap(([fault, ...cells]) =>
    cells.flatMap((cell, index) => (cell === '' ? [] : [`${fault}: ${head[index + 1]}`])),
  )
  assert.ok(claims.length > 10)
  assert.deepEqual([...shown].sort(), claims.sort())
})

test('every test that the guide to Celery names is there', () => {
  const rows = rowsOf('docs/guide/celery.md', 'celery').slice(1)
  assert.ok(rows.length > 10)
  for (const cells of rows) {
    const files = Array.from((cells.at(-1) ?? '').matchAll(/`(test\/[\w./-]+)`/g), ([, file]) => file as string)
    assert.ok(files.length > 0, `"${cells[0]}" names no test`)
    for (const file of files) assert.ok(existsSync(join(ROOT, file)), `"${cells[0]}" names ${file}, which is not there`)
  }
})

test('the guide to brokers lists every parameter of a URL, with its default, and no other', () => {
  for (const [name, url] of [
    ['redis', 'redis://h'],
    ['amqp', 'amqp://h'],
  ] as const) {
    const told = rowsOf('docs/guide/brokers.md', name)
      .slice(1)
      .flatMap(([parameters = '', , otherwise = '']) => namesIn(parameters).map((each) => [each, otherwise] as const))
    assert.throws(
      () => parseStoreUrl(`${url}?nonsense=1`, { appName: 'test' }),
      (error: Error) => {
        const known = error.message.split(/known are |it takes /)[1]?.split(', ') ?? []
        assert.deepEqual(told.map(([each]) => each).sort(), known.sort())
        return true
      },
    )
    const numbers = told.filter(([, otherwise]) => /^[`\w]+$/.test(otherwise) && otherwise !== 'none')
    assert.ok(numbers.length > 2)
    for (const [each, otherwise] of numbers) {
      const said = parseStoreUrl(`${url}?${each}=${otherwise.replaceAll('`', '')}`, { appName: 'test' })
      assert.deepEqual(
        said,
        parseStoreUrl(url, { appName: 'test' }),
        `${each} is ${otherwise} when nobody says anything`,
      )
    }
  }
})

function namesIn(cell: string): string[] {
  return Array.from(cell.matchAll(/`(\w+)`/g), ([, name]) => name as string)
}

function read(file: string): string {
  return readFileSync(join(ROOT, file), 'utf8')
}

/** The rows of the table between `<!-- NAME -->` and `<!-- /NAME -->`, its head first. */
function rowsOf(file: string, name: string): string[][] {
  const [, table] = read(file).split(new RegExp(`<!-- /?${name} -->\\n`))
  assert.ok(table !== undefined, `${file} has no table "${name}"`)
  const [head = '', , ...lines] = table.trim().split('\n')
  return [head, ...lines].map((line) =>
    line
      .slice(1, -1)
      .split('|')
      .map((cell) => cell.trim()),
  )
}
