/** Groups of results: what is inferred, and what does not compile. */
import { type AsyncResult, Carom, type CaromError, GroupResult, type TaskMeta } from '../../src/index.ts'
import { same } from './same.ts'

const app = new Carom('types')
const add = app.task('g.add', (a: number, b: number) => a + b)
const name = app.task('g.name', () => 'x')

/** Never called: its compilation is the test. */
export async function right() {
  const [number, text] = [await add.delay(1, 2), await name.delay()]
  const pair = GroupResult.of([number, text])
  same<typeof pair, GroupResult<[number, string]>>()
  const [sum, word] = await pair.get({ timeoutMs: 5_000 })
  same<typeof sum, number>()
  same<typeof word, string>()
  const settled = await pair.get({ propagate: false })
  same<typeof settled, [number | CaromError, string | CaromError]>()
  for await (const meta of pair) same<typeof meta, TaskMeta<number | string>>()

  const many = GroupResult.of(await add.applyMany([[1, 2]]))
  same<typeof many, GroupResult<number[]>>()
  same<Awaited<ReturnType<typeof many.completedCount>>, number>()
  const nested = GroupResult.of([pair, number])
  same<typeof nested, GroupResult<[[number, string], number]>>()
  const [inner] = await nested.get()
  same<typeof inner, [number, string]>()

  const restored = await app.groupResult<number>('id')
  same<typeof restored, GroupResult<number[]> | null>()
  const whatever: GroupResult = nested
  const members: readonly (AsyncResult | GroupResult)[] = nested.results
  return [whatever, members]
}

export async function wrong() {
  // @ts-expect-error a promise of a result is none
  GroupResult.of([add.delay(1, 2)])
  // @ts-expect-error there may be none
  await (await app.groupResult('id')).get()
  // @ts-expect-error an unknown option
  await GroupResult.of([]).get({ timeout: 5 })
}
