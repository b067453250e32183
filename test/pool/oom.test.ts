import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { createMemoryGroup } from './memory-group.ts'
import { fixture } from './real-pool.ts'

const MIB = 1024 * 1024

test("Children that the kernel kills for want of memory say so, also two at once, and a later SIGKILL is not the kernel's", async (t) => {
  const group = createMemoryGroup(300 * MIB)
  if (typeof group === 'string') return t.skip(group)
  t.after(() => group.remove())
  const script = fileURLToPath(fixture('oom-parent'))
  const enter = ['-c', 'echo $$ > "$0" && exec "$@"', group.membersFile]
  const { stdout } = await promisify(execFile)('/bin/sh', [...enter, process.execPath, script], { timeout: 40_000 })
  assert.deepEqual(JSON.parse(stdout), {
    deaths: ['oom-killer SIGKILL', 'oom-killer SIGKILL', 'signal SIGKILL'],
    lost: ['rejected', 'rejected'],
    works: true,
  })
})
