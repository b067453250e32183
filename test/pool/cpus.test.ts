import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdirSync, rmdirSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import { cpuQuota, usableCpus } from '../../src/support/cpus.ts'

const FULL_PERIOD = '100000\n'

for (const [what, files, quota] of [
  ['no cgroups', {}, Number.POSITIVE_INFINITY],
  [
    'version 2 without a quota',
    { '0::/a': null, '/sys/fs/cgroup/a/cpu.max': 'max 100000\n' },
    Number.POSITIVE_INFINITY,
  ],
  ['version 2', { '0::/a': null, '/sys/fs/cgroup/a/cpu.max': '150000 100000\n' }, 1.5],
  [
    'version 2, a smaller quota around it',
    { '0::/a/b': null, '/sys/fs/cgroup/a/b/cpu.max': '400000 100000\n', '/sys/fs/cgroup/a/cpu.max': '200000 100000\n' },
    2,
  ],
  ['version 2, seen from its own root', { '0::/': null, '/sys/fs/cgroup/cpu.max': '50000 100000\n' }, 0.5],
  ['version 1 without a quota', version1('4:cpu,cpuacct:/a', '/a', '-1\n'), Number.POSITIVE_INFINITY],
  ['version 1', version1('4:cpu,cpuacct:/a', '/a', '300000\n'), 3],
  ['version 1 in a container that calls it otherwise', version1('4:cpuacct,cpu:/docker/x', '', '200000\n'), 2],
  ['version 1 of other resources', version1('3:cpuset:/a', '/a', '200000\n'), Number.POSITIVE_INFINITY],
  ['nonsense', { '0::/a': null, '/sys/fs/cgroup/a/cpu.max': 'much of it' }, Number.POSITIVE_INFINITY],
] as const satisfies readonly (readonly [string, Readonly<Record<string, string | null>>, number])[]) {
  test(`cpuQuota() of ${what} is ${quota}`, () => {
    const [group = ''] = Object.keys(files)
    const found = (path: string) => (path === '/proc/self/cgroup' ? `9:pids:/\n${group}\n` : null)
    assert.equal(
      cpuQuota((path) => found(path) ?? (files as Record<string, string>)[path] ?? null),
      quota,
    )
  })
}

test('usableCpus() is what a process in a cgroup with a quota may use, and else all of its CPUs', async (t) => {
  assert.ok(usableCpus() >= 1 && usableCpus() <= availableParallelism())
  const members = createCpuGroup(t, 100_000)
  if (members === null) return t.skip('no cgroup with a quota can be made here')
  const module = new URL('../../src/support/cpus.js', import.meta.url).href
  const script = `import(${JSON.stringify(module)}).then(({ usableCpus }) => console.log(usableCpus()))`
  const enter = ['-c', 'echo $$ > "$0" && exec "$@"', members, process.execPath, '-e', script]
  const { stdout } = await promisify(execFile)('/bin/sh', enter)
  assert.equal(stdout, '1\n')
})

function version1(group: string, path: string, quota: string): Readonly<Record<string, string | null>> {
  const folder = `/sys/fs/cgroup/cpu${path}`
  return { [group]: null, [`${folder}/cpu.cfs_quota_us`]: quota, [`${folder}/cpu.cfs_period_us`]: FULL_PERIOD }
}

/** One CPU's worth for each 100,000; the path of its members' file, or `null` where it cannot be made. */
function createCpuGroup(t: TestContext, quotaMicros: number): string | null {
  for (const [root, file, value] of [
    ['/sys/fs/cgroup/cpu', 'cpu.cfs_quota_us', `${quotaMicros}`],
    ['/sys/fs/cgroup', 'cpu.max', `${quotaMicros} 100000`],
  ] as const) {
    const folder = `${root}/carom-test-cpus-${process.pid}`
    try {
      mkdirSync(folder)
      t.after(() => rmdirSync(folder))
      writeFileSync(`${folder}/${file}`, value)
      return `${folder}/cgroup.procs`
    } catch {
      // Not root, or not this version.
    }
  }
  return null
}
