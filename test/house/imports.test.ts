import assert from 'node:assert/strict'
import test from 'node:test'
import { type Tree, violationsOf } from './fixture-tree.ts'

const ARCHITECTURE = `# Architecture

<!-- rooms -->
| room | may import | npm packages | what it is for |
| --- | --- | --- | --- |
| \`*\` | errors.ts | | |
| \`errors.ts\` | | | |
| \`support\` | - | | |
| \`message\` | support | | |
| \`brokers/broker.ts\` | message | | |
| \`brokers/sqlite\` | brokers/broker.ts, message | libsql, \`@scope/name\` | |
| \`pool\` | support, pool/parent | | |
| \`pool/parent\` | support | | |
| \`worker\` | pool | | |
| \`cli\` | * | | |
<!-- /rooms -->
`

function check(t: test.TestContext, files: Tree, architecture = ARCHITECTURE): Promise<string[]> {
  return violationsOf(t, 'imports', { 'ARCHITECTURE.md': architecture, ...files })
}

test('check-imports is content with what the table allows', async (t) => {
  const found = await check(t, {
    'src/errors.ts': '',
    'src/support/ids.ts': "import { randomUUID } from 'node:crypto'\nimport { E } from '../errors.ts'",
    'src/message/message.ts': "import { id } from '../support/ids.ts'\nimport { b } from './other.ts'",
    'src/brokers/sqlite/broker.ts':
      "import type { Broker } from '../broker.ts'\nawait import('libsql')\nimport '@scope/name/x'",
    'src/cli/main.ts': "const { go } = await import('../worker/worker.ts')",
  })
  assert.deepEqual(found, [])
})

test('check-imports finds an import of a room that is not in the list, in every form', async (t) => {
  const found = await check(t, {
    'src/support/a.ts': "import { x } from '../message/message.ts'",
    'src/support/b.ts': "export {\n  x,\n} from '../message/message.ts'",
    'src/support/c.ts': "import '../message/message.ts'",
    'src/support/d.ts': "const x = () => import('../message/message.ts')",
    'src/support/e.ts': "import type * as x from '../message/message.ts'",
    'src/support/f.ts': "// import '../message/message.ts'\nconst x = \"import '../message/message.ts'\"",
  })
  const problem = 'the room "support" may not import "message" (../message/message.ts)'
  assert.deepEqual(found, [
    `src/support/a.ts:1 ${problem}`,
    `src/support/b.ts:3 ${problem}`,
    `src/support/c.ts:1 ${problem}`,
    `src/support/d.ts:1 ${problem}`,
    `src/support/e.ts:1 ${problem}`,
  ])
})

test('check-imports lets the longest room win', async (t) => {
  const found = await check(t, {
    'src/pool/index.ts': "import { p } from './parent/supervisor.ts'",
    'src/pool/parent/supervisor.ts': "import { o } from '../options.ts'",
    'src/brokers/sqlite/store.ts': "import { m } from '../memory.ts'",
  })
  assert.deepEqual(found, [
    'src/brokers/sqlite/store.ts:1 "../memory.ts" belongs to no room',
    'src/pool/parent/supervisor.ts:1 the room "pool/parent" may not import "pool" (../options.ts)',
  ])
})

test('check-imports finds a package that is not listed for the room, and a builtin without its prefix', async (t) => {
  const found = await check(t, {
    'src/message/a.ts': "import { Database } from 'libsql'\nimport 'fs/promises'\nimport { n } from '@scope/name/deep'",
  })
  assert.deepEqual(found, [
    'src/message/a.ts:1 the room "message" may not import the package "libsql"',
    'src/message/a.ts:3 the room "message" may not import the package "@scope/name"',
    'src/message/a.ts:2 "fs/promises" is Node\'s',
  ])
})

test('check-imports finds an import past the index of a room, or into its folders', async (t) => {
  const found = await check(t, {
    'src/pool/index.ts': '',
    'src/worker/a.ts': "import { Pool } from '../pool/index.ts'\nimport { o } from '../pool/options.ts'",
    'src/cli/a.ts': "import { x } from '../worker/child/main.ts'",
  })
  assert.deepEqual(found, [
    'src/cli/a.ts:1 reaches into a folder of the room "worker"',
    'src/worker/a.ts:2 reaches past pool/index.ts',
  ])
  const named = ARCHITECTURE.replace('| `worker` | pool |', '| `worker` | pool, pool/options.ts |')
  const files = { 'src/pool/index.ts': '', 'src/worker/a.ts': "import { o } from '../pool/options.ts'" }
  assert.deepEqual(await check(t, files, named), [])
})

test('check-imports finds a file without a room and a path without its ending', async (t) => {
  const found = await check(t, { 'src/new/a.ts': '', 'src/message/a.ts': "import { b } from './b.js'" })
  assert.deepEqual(found, ['src/message/a.ts:1 "./b.js" does not end in .ts', 'src/new/a.ts:1 belongs to no room'])
})

test('check-imports says so when the table is missing or names a room that it does not have', async (t) => {
  const files = { 'src/support/a.ts': '' }
  const missing = ['ARCHITECTURE.md:1 the part "rooms" is missing']
  assert.deepEqual(await violationsOf(t, 'imports', files), missing)
  assert.deepEqual(await check(t, files, '<!-- rooms -->\n| room | may import |'), missing)
  const typo = ARCHITECTURE.replace('| `worker` | pool |', '| `worker` | pol |')
  assert.deepEqual(await check(t, files, typo), [
    'ARCHITECTURE.md:14 "pol" may be imported, but is no room of the table',
  ])
})

test('check-imports is quiet about rooms that do not exist yet', async (t) => {
  assert.deepEqual(await check(t, {}), [])
})

test('check-cycles finds a circle, once, and lets import() close one', async (t) => {
  const found = await violationsOf(t, 'cycles', {
    'src/a.ts': "import { b } from './b.ts'",
    'src/b.ts': "import { c } from './deep/c.ts'",
    'src/deep/c.ts': "import type { A } from '../a.ts'",
    'src/e.ts': "import { a } from './a.ts'\nimport { f } from './f.ts'",
    'src/f.ts': "const e = await import('./e.ts')",
  })
  const circle = 'src/a.ts -> src/b.ts -> src/deep/c.ts -> src/a.ts'
  assert.deepEqual(found, [`src/deep/c.ts:1 imports in a circle: ${circle}`])
})

test('check-dependencies compares the list with package.json and the table', async (t) => {
  const manifest = JSON.stringify({ dependencies: { libsql: '1', pino: '1' }, devDependencies: { esbuild: '1' } })
  const list =
    '<!-- dependencies -->\n- `libsql`: the store, not `better`\n- `esbuild`, `gone`: tests\n<!-- /dependencies -->\n'
  const files = { 'package.json': manifest, 'ARCHITECTURE.md': list + ARCHITECTURE }
  assert.deepEqual(await violationsOf(t, 'dependencies', files), [
    'ARCHITECTURE.md:2 the dependency "pino" has no line',
    'ARCHITECTURE.md:3 "gone" is no dependency',
    'ARCHITECTURE.md:15 a room may import "@scope/name", which is no dependency',
  ])
  assert.deepEqual(await violationsOf(t, 'dependencies', { ...files, 'ARCHITECTURE.md': ARCHITECTURE }), [
    'ARCHITECTURE.md:1 the part "dependencies" is missing',
  ])
})
