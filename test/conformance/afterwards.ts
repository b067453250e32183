import type { TestContext } from 'node:test'

/** Runs `release` after the test, the last one first: a store is closed before its folder goes. */
export function afterwards(t: TestContext, release: () => unknown): void {
  const known = RELEASES.get(t)
  if (known !== undefined) {
    known.push(release)
    return
  }
  const releases = [release]
  RELEASES.set(t, releases)
  t.after(async () => {
    for (const next of releases.reverse()) await next()
  })
}

const RELEASES = new WeakMap<TestContext, (() => unknown)[]>()
