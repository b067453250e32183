/** Every task that a signature stands for has an id of its own, whatever is nested in what. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Expansion } from '../../src/canvas/expansion.ts'
import { readSignature, type WireSignature } from '../../src/canvas/wire-signature.ts'
import { chord, container, followed, seen, sig } from './workflow.ts'

type Tree = Record<string, unknown>

const { tree } = fc.letrec<{ tree: Tree; some: Tree[] }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.constantFrom('a', 'b', 'c').map((name): Tree => sig(name)),
    tie('some').map((tasks): Tree => container('chain', tasks)),
    tie('some').map((tasks): Tree => container('group', tasks)),
    fc.tuple(tie('some'), tie('tree')).map(([header, body]): Tree => chord(header, body)),
    fc.tuple(tie('some'), tie('tree')).map(([header, body]): Tree => chord(container('group', header), body)),
  ),
  some: fc.array(tie('tree'), { minLength: 1, maxLength: 3 }),
}))

/** The ids that are given out by expanding `signature`: of its messages, and of what waits in them. */
function idsOf(signature: Tree): string[] {
  const expansion = new Expansion({ ...followed(), seed: 'one', parentId: 'one' })
  expansion.apply(readSignature(signature, 'test'), { args: [1] }, 'test')
  const chords = new Set<string>()
  const given = expansion.messages.map(seen).flatMap(({ id, embed, group }) => {
    const options = { task_id: id, chain: embed.chain, chord: embed.chord, group_id: group }
    return givenTo({ ...sig('message'), options }, chords)
  })
  return [...given, ...expansion.chords.map(({ groupId }) => groupId)]
}

/** A body rides in every part of its chord, and counts once. */
function givenTo(said: unknown, chords: Set<string>): string[] {
  const { kwargs, options, subtask_type } = readSignature(said, 'test')
  const own = typeof options.task_id === 'string' ? [options.task_id] : []
  const rest = ((options.chain ?? []) as unknown[]).flatMap((step) => givenTo(step, chords))
  return [...endOf({ kwargs, subtask_type, own }, chords), ...rest, ...bodyIn(options, chords)]
}

function endOf(
  { kwargs, subtask_type, own }: Pick<WireSignature, 'kwargs' | 'subtask_type'> & { readonly own: string[] },
  chords: Set<string>,
): string[] {
  // What ends a chain or a chord has the id of the whole.
  if (subtask_type === 'chord') return own.length > 0 ? own : givenTo(kwargs.body, chords)
  if (subtask_type !== 'chain') return own
  const steps = (kwargs.tasks as unknown[]).map((step) => givenTo(step, chords))
  return own.length > 0 ? [...steps.slice(0, -1).flat(), ...own] : steps.flat()
}

function bodyIn(options: WireSignature['options'], chords: Set<string>): string[] {
  const { group_id: group, chord: body } = options
  if (body === undefined || body === null || typeof group !== 'string' || chords.has(group)) return []
  chords.add(group)
  return givenTo(body, chords)
}

function distinct(signature: Tree): void {
  const ids = idsOf(signature)
  assert.deepEqual(
    ids.filter((id, index) => ids.indexOf(id) !== index),
    [],
    JSON.stringify(signature),
  )
}

const two = [sig('a'), sig('b')]
for (const [what, signature] of [
  ['a chain that begins with a chord', container('chain', [chord(two, sig('c')), sig('d')])],
  ['a chain that begins with a group', container('chain', [container('group', two), sig('c')])],
  ['a chord before a group', container('chain', [chord(two, sig('c')), container('group', [sig('d'), sig('e')])])],
  ['a group of chains that begin with groups', container('group', [container('chain', [container('group', two)])])],
] as const) {
  test(`no two tasks of ${what} have the same id`, () => distinct(signature))
}

test('no two tasks of anything have the same id', () => {
  fc.assert(fc.property(tree, distinct), { numRuns: 500 })
})
