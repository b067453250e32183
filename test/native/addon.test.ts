import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, fstatSync, ftruncateSync, readdirSync, readlinkSync, readSync, writeSync } from 'node:fs'
import { constants } from 'node:os'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { type Addon, findAddon } from '../../src/native/addon.ts'
import { isAlive, processFacts } from '../pool/proc.ts'
import { until } from '../support/wait.ts'

const found = findAddon()
const addon = found.addon as Addon
const skip = found.addon === null ? found.reason : false
const FLAGS = ['--v8-pool-size=1']
const FORKER = fileURLToPath(new URL('./fixtures/forker.js', import.meta.url))

function codeOf(action: () => unknown): unknown {
  try {
    return action()
  } catch (error) {
    return (error as NodeJS.ErrnoException).code
  }
}

test('A pair of sockets carries bytes both ways, and is closed in started programs', { skip }, () => {
  const [one, other] = addon.socketPair()
  writeSync(one, 'there')
  writeSync(other, 'back')
  const bytes = Buffer.alloc(8)
  assert.equal(bytes.toString('utf8', 0, readSync(other, bytes)), 'there')
  assert.equal(bytes.toString('utf8', 0, readSync(one, bytes)), 'back')
  const seen = spawnSync('readlink', [`/proc/self/fd/${one}`, `/proc/self/fd/${other}`], { encoding: 'utf8' })
  assert.ok(!seen.stdout.includes(readlinkSync(`/proc/self/fd/${one}`)))
  closeSync(one)
  closeSync(other)
})

test('Memory is one for all that map it, and outlives its descriptor', { skip }, () => {
  const fd = addon.makeMemory(4_096)
  const [one, other] = [new Int32Array(addon.mapMemory(fd, 4_096)), new Int32Array(addon.mapMemory(fd, 4_096))]
  closeSync(fd)
  assert.ok(one.every((word) => word === 0))
  assert.equal(Atomics.compareExchange(one, 1_023, 0, 7), 0)
  assert.equal(Atomics.load(other, 1_023), 7)
})

test('Memory that is shared cannot be made smaller under who looks at it', { skip }, () => {
  const fd = addon.makeMemory(4_096)
  for (const bytes of [0, 8_192]) {
    assert.equal(
      codeOf(() => ftruncateSync(fd, bytes)),
      'EPERM',
    )
  }
  closeSync(fd)
})

test('More memory than there is, or none, is not mapped', { skip }, () => {
  const fd = addon.makeMemory(4_096)
  assert.equal(
    codeOf(() => addon.mapMemory(fd, 8_192)),
    'EINVAL',
  )
  assert.equal(
    codeOf(() => addon.mapMemory(fd, 0)),
    'EINVAL',
  )
  closeSync(fd)
  assert.equal(
    codeOf(() => addon.mapMemory(fd, 4_096)),
    'EBADF',
  )
})

test('Descriptors travel with their mark, in order, and what is not there is null', { skip }, () => {
  const [near, far] = addon.packetPair()
  assert.equal(addon.receiveDescriptors(far), null)
  addon.sendDescriptors(near, 7, 0, 1, 2, 0)
  addon.sendDescriptors(near, 2 ** 40, 2, 1, 0, 2)
  const [mark, ...fds] = addon.receiveDescriptors(far) as [number, number, number, number, number]
  assert.equal(mark, 7)
  assert.deepEqual(
    fds.map((fd) => fstatSync(fd).ino),
    [0, 1, 2, 0].map((fd) => fstatSync(fd).ino),
  )
  const [second, ...others] = addon.receiveDescriptors(far) as [number, number, number, number, number]
  assert.equal(second, 2 ** 40)
  for (const fd of [near, ...fds, ...others]) closeSync(fd)
  assert.equal(
    codeOf(() => addon.receiveDescriptors(far)),
    'EPIPE',
  )
  closeSync(far)
})

test('A full socket for descriptors refuses at once, and nothing leaks', { skip }, () => {
  const before = readdirSync('/proc/self/fd').length
  const [near, far] = addon.packetPair()
  let sent = 0
  let code: unknown
  while (code === undefined) {
    code = codeOf(() => addon.sendDescriptors(near, sent, 0, 1, 2, 0))
    if (code === undefined) sent++
  }
  assert.ok(['EAGAIN', 'ETOOMANYREFS'].includes(code as string), String(code))
  assert.ok(sent >= 8, `only ${sent} fit`)
  closeSync(near)
  closeSync(far)
  assert.equal(readdirSync('/proc/self/fd').length, before)
})

test('A descriptor that is moved leaves its old number', { skip }, () => {
  const [one, other] = addon.socketPair()
  const [target, spare] = addon.socketPair()
  closeSync(spare)
  const { ino } = fstatSync(one)
  addon.moveDescriptor(one, target)
  assert.equal(fstatSync(target).ino, ino)
  assert.throws(() => fstatSync(one), { code: 'EBADF' })
  closeSync(target)
  closeSync(other)
})

test('Wrong arguments are a TypeError, failed calls have the name of their errno', { skip }, () => {
  const wrong = addon as unknown as Record<string, (...args: unknown[]) => unknown>
  assert.throws(() => wrong.sendDescriptors?.('a', 1, 2, 3, 4, 5), TypeError)
  assert.throws(() => wrong.receiveDescriptors?.(), TypeError)
  assert.throws(() => wrong.fork?.(1), TypeError)
  assert.equal(
    codeOf(() => addon.receiveDescriptors(9_999)),
    'EBADF',
  )
  assert.equal(
    codeOf(() => addon.wait(process.pid)),
    'ECHILD',
  )
})

test('The threads of a process are listed by id and name', { skip }, () => {
  const ids = addon.threads().map(([id]) => String(id))
  assert.deepEqual(ids.sort(), readdirSync('/proc/self/task').sort())
})

test('A forked child runs JavaScript, leads its group, and is reaped with what it used', { skip }, () => {
  const { stdout, status } = spawnSync(process.execPath, [...FLAGS, FORKER, 'work'], { encoding: 'utf8' })
  assert.equal(status, 0)
  const [child, reaped] = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line)) as [Record<string, number>, Record<string, number>]
  assert.equal(child.pid, reaped.pid)
  assert.equal(child.group, child.pid)
  assert.equal(child.sum, 499_999_500_000)
  assert.deepEqual([reaped.exitCode, reaped.signal], [7, 0])
  assert.ok((reaped.userMicros as number) > 0)
  assert.ok((reaped.mostResidentBytes as number) > 1024 * 1024)
})

test('A process in which V8 is at work on its other thread too is forked whole', { skip }, () => {
  const { stdout } = spawnSync(process.execPath, [...FLAGS, FORKER, 'busy'], { encoding: 'utf8' })
  const ends = JSON.parse(stdout) as (readonly number[])[]
  assert.deepEqual(
    ends,
    ends.map(() => [7, 0]),
  )
})

test('A child that is killed is reaped with its signal', { skip }, () => {
  const { stdout } = spawnSync(process.execPath, [...FLAGS, FORKER, 'killed'], { encoding: 'utf8' })
  const { exitCode, signal } = JSON.parse(stdout) as Record<string, number>
  assert.deepEqual([exitCode, signal], [0, constants.signals.SIGTERM])
})

test('Children that spin or are stopped die with the process that forked them', { skip }, async (t) => {
  const forker = spawn(process.execPath, [...FLAGS, FORKER, 'orphans'], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.after(() => forker.kill('SIGKILL'))
  const [line] = (await once(forker.stdout.setEncoding('utf8'), 'data')) as [string]
  const pids = JSON.parse(line) as number[]
  await until(() => pids.every((pid) => processFacts(pid) !== null), { what: 'the children are there' })
  process.kill(pids[1] as number, 'SIGSTOP')
  await until(() => processFacts(pids[1] as number)?.state === 'T', { what: 'one is stopped' })
  forker.kill('SIGKILL')
  await until(() => !pids.some(isAlive), { what: 'the children are gone' })
})
