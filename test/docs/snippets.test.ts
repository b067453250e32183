import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { describe } from 'node:test'
import { type Block, blocksOf, matches } from './document.ts'
import { Project, ROOT } from './project.ts'

const documents = [
  'README.md',
  ...['guide', 'operations'].flatMap((folder) =>
    readdirSync(join(ROOT, 'docs', folder)).map((name) => `docs/${folder}/${name}`),
  ),
]

/** Documents whose commands need packages that not every machine has. */
const NEEDS: Readonly<Record<string, readonly string[]>> = {
  'docs/guide/messages.md': ['openssl'],
  'docs/guide/brokers.md': ['redis-server'],
  'docs/guide/celery.md': ['redis-server', 'python3-celery', 'python3-redis'],
}
const missing = (process.env.CAROM_TEST_SKIP_SYSTEM ?? '').split(',')

function skipOf(name: string): string | false {
  const absent = (NEEDS[name] ?? []).filter((needed) => missing.includes(needed))
  return absent.length > 0 && `not installed: ${absent.join(', ')}`
}

describe('documents', { concurrency: 2 }, () => {
  for (const name of documents) {
    test(`${name}: every snippet runs and prints what it says`, { skip: skipOf(name) }, async (t) => {
      const project = new Project()
      t.after(() => project.remove())
      await runBlocks(project, blocksOf(readFileSync(join(ROOT, name), 'utf8')))
    })
  }
})

test('matches() takes dots for anything and nothing else', () => {
  assert.ok(matches('a 12 b\n', 'a ... b'))
  assert.ok(matches('a   b  \nc', 'a b\nc'))
  assert.ok(!matches('a 12 c', 'a ... b'))
  assert.ok(!matches('a.b', 'a,b'))
})

async function runBlocks(project: Project, blocks: readonly Block[]): Promise<void> {
  // A document may show a file after the command that needs it was explained: all files are there from the start.
  for (const block of blocks) if (block.type === 'file') project.write(block.name, block.text)
  let printed: string | null = null
  for (const block of blocks) {
    if (block.type === 'run') for (const command of block.commands) printed = await project.run(command)
    else if (block.type === 'output' && printed !== null) {
      const text = `line ${block.line}: expected\n${block.text}\n\nbut it printed\n${printed}`
      assert.ok(matches(printed, block.text), text)
      printed = null
    } else printed = null
  }
}
