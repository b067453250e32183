/**
 * The list of what Billiard's pool does and what its users complain of, and what became of each row here.
 *
 * Rows are behaviours: 1 to 25 from Billiard's unit tests, 26 to 71 from its integration tests, 72 to 98 from Celery's
 * tests of its prefork pool, 99 to 126 from those of its worker, 127 to 137 from its smoke tests, 138 and 139 from its
 * integration tests. Complaints are the 25 that weigh most in the issues of both. The tests in `billiard-*.test.ts`
 * have their numbers in their titles; what concerns no pool is here, with the reason.
 */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'

const ROWS = 139
const COMPLAINTS = 25

const NOT_OURS: Readonly<Record<number, string>> = {
  12: 'handlers of signals: a child inherits none of its pool that would have to be reset',
  13: 'handlers of signals: a child inherits none of its pool that would have to be reset',
  20: 'reading back the death signal: what it does is row 19',
  22: 'shared values: nothing is shared between children',
  23: 'shared values: nothing is shared between children',
  24: 'locks of shared values: nothing is shared between children',
  26: 'the current process as an object: belongs to carom/process',
  27: 'Process: belongs to carom/process',
  32: 'subclasses of Process: belong to carom/process',
  33: 'Queue: belongs to carom/process',
  34: 'Queue: belongs to carom/process',
  35: 'Queue: belongs to carom/process',
  36: 'Queue: belongs to carom/process',
  37: 'JoinableQueue: belongs to carom/process',
  38: 'Lock: belongs to carom/process',
  39: 'RLock: belongs to carom/process',
  40: 'Semaphore: belongs to carom/process',
  41: 'Condition: belongs to carom/process',
  42: 'Condition: belongs to carom/process',
  43: 'Condition: belongs to carom/process',
  44: 'Event: belongs to carom/process',
  45: 'shared arrays: belong to carom/process',
  46: 'Manager: no objects are served to other processes',
  47: 'Manager: no objects are served to other processes',
  48: 'Manager: no objects are served to other processes',
  49: 'Manager: no objects are served to other processes',
  50: 'Manager: no objects are served to other processes',
  62: 'pipes of one direction: belong to carom/process; a child has one channel, of both',
  63: "the child's end of a pipe: Node closes it in the parent when it has started the child",
  64: 'offsets in a pipe: belong to carom/process; the channel carries whole frames',
  65: 'Listener and Client: no child connects from outside',
  66: 'authentication: no child connects from outside, the channel is inherited',
  67: 'the heap of shared memory: nothing is shared between children',
  68: 'shared ctypes: nothing is shared between children',
  69: "finalizers: process.on('exit') is Node's",
  70: 'log levels: the pool writes no log; a child inherits the environment',
  75: 'select(): the descriptors are in the hands of libuv',
  77: 'sets of descriptors: the descriptors are in the hands of libuv',
  78: 'sets of descriptors: the descriptors are in the hands of libuv',
  79: 'sets of descriptors: the descriptors are in the hands of libuv',
  80: 'sets of descriptors: the descriptors are in the hands of libuv',
  81: 'hooks of the hub: a pool knows no broker, so no reconnection can register it twice',
  83: 'sentinels of children: their exit is an event of Node',
  87: 'synack: a job is taken back by recalling it, without a second answer to each',
  99: 'components of the worker: it makes its pool in one place, with all options',
  100: 'the autoscaler: belongs to the worker',
  102: 'the autoscaler: belongs to the worker',
  104: 'the autoscaler: belongs to the worker',
  105: 'the autoscaler: belongs to the worker',
  107: "the worker's loop: tested in test/worker/stopping.test.ts",
  108: "the worker's loop: there is no hub to reset",
  109: 'revoked tasks: belong to the worker; in the pool a cancelled job gives its place back, row 84',
  110: 'errors that pass through the worker: tested in test/worker/outcomes.test.ts',
  111: 'how the worker exits: tested in test/worker/stopping.test.ts',
  113: "the worker's soft shutdown: tested in test/worker/stopping.test.ts",
  115: 'acks of lost tasks: tested in test/worker/verdict.test.ts',
  117: 'acks of failed tasks: tested in test/worker/verdict.test.ts',
  118: 'events of revoked tasks: belong to the worker',
  122: "the worker's consumer: tested in test/worker and test/brokers",
  123: "the worker's consumer: tested in test/worker and test/brokers",
  124: "the worker's consumer: tested in test/worker and test/brokers",
  125: 'prefetch counts: belong to the worker',
  126: "the worker's counters: belong to the worker",
  131: "the worker's heartbeat: tested in test/worker/stopping.test.ts",
  132: 'what a signal means to the worker: tested in test/worker/stopping.test.ts',
  134: 'visibility of messages: tested in test/brokers',
  135: "the worker's exit code: tested in test/worker/stopping.test.ts",
  136: 'reconnection to brokers: belongs to the worker and its brokers',
}

const COMPLAINTS_NOT_OURS: Readonly<Record<number, string>> = {
  3: 'redelivery of tasks whose child was killed for memory: counted by the worker, tested in test/worker/verdict.test.ts',
  7: 'locks held at a fork: children are started fresh, row 21, or forked on demand from a process that does nothing else: test/pool/fork-*.test.ts',
  23: 'crashes of forked children on macOS: there children are always started fresh, row 21',
  24: 'reconnection to brokers: a pool knows none',
}

const titles = titlesOfThisFolder()

test('every behaviour of Billiard is tested by its number once, or has a reason why not', () => {
  const tested = titles.flatMap((title) => numbersAfter(/^Rows? /, title))
  assertWhole(tested, NOT_OURS, ROWS)
})

test('every complaint about Billiard is tested by its number once, or has a reason why not', () => {
  const tested = titles.flatMap((title) => numbersAfter(/complaints? /i, title))
  assertWhole(tested, COMPLAINTS_NOT_OURS, COMPLAINTS)
})

function assertWhole(tested: readonly number[], excused: Readonly<Record<number, string>>, count: number): void {
  const all = [...tested, ...Object.keys(excused).map(Number)]
  const missing = Array.from({ length: count }, (_, at) => at + 1).filter((number) => !all.includes(number))
  const twice = all.filter((number, at) => all.indexOf(number) !== at)
  const unknown = all.filter((number) => number < 1 || number > count)
  assert.deepEqual({ missing, twice, unknown }, { missing: [], twice: [], unknown: [] })
}

/** 'Rows 8, 9 and 12 ...' gives 8, 9 and 12. */
function numbersAfter(word: RegExp, title: string): number[] {
  const found = new RegExp(`${word.source}((?:\\d+(?:, | and )?)+)`, word.flags).exec(title)
  return (found?.[1] ?? '').split(/\D+/).flatMap((text) => (text === '' ? [] : [Number(text)]))
}

function titlesOfThisFolder(): string[] {
  const files = readdirSync(new URL('.', import.meta.url)).filter((name) => /^billiard-.*\.test\.js$/.test(name))
  return files.flatMap((name) => {
    const text = readFileSync(new URL(name, import.meta.url), 'utf8')
    return Array.from(text.matchAll(/^test\((['"])(.+?)\1,/gm), ([, , title]) => title as string)
  })
}
