/**
 * Kills what would be left behind. Every child leads its own process group; the sentry, one tiny shell per pool, is
 * told each group as it comes and goes. When its pipe ends (the parent is gone, however it went) it kills the groups
 * it still knows: children in an endless loop and processes they started included. It ignores the signals that a
 * terminal or an init sends to everyone.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import type { Socket } from 'node:net'
import { backoffMs } from '../../support/backoff.ts'

export class Sentry {
  readonly #groups = new Set<number>()
  #process: ChildProcess | null = null
  #shortLives = 0
  #ended = false

  start(): void {
    this.#spawn()
  }

  watch(groupId: number): void {
    this.#groups.add(groupId)
    this.#tell(`+ ${groupId}\n`)
  }

  unwatch(groupId: number): void {
    this.#groups.delete(groupId)
    this.#tell(`- ${groupId}\n`)
  }

  /** The groups it still knows die with it. */
  end(): void {
    this.#ended = true
    this.#process?.stdin?.end()
  }

  #spawn(): void {
    if (this.#ended) return
    const bornAtMs = performance.now()
    const sentry = launch(this.#groups)
    if (sentry === null) return this.#respawn(bornAtMs)
    this.#process = sentry
    sentry.stdin?.on('error', () => {})
    // The pool must not keep a script alive by its sentry; a pipe's socket can be unreferenced, a Writable's type cannot.
    ;(sentry.stdin as Socket | null)?.unref()
    sentry.unref()
    sentry.once('exit', () => this.#respawn(bornAtMs))
    // Out of processes or of file descriptors; 'exit' does not follow.
    sentry.on('error', () => this.#respawn(bornAtMs))
  }

  /** At once, but ever later if it does not live: a system that kills it every time is not to be kept busy by it. */
  #respawn(bornAtMs: number): void {
    if (this.#ended) return
    this.#process = null
    this.#shortLives = performance.now() - bornAtMs < SHORT_LIFE_MS ? this.#shortLives + 1 : 0
    if (this.#shortLives < 3) return this.#spawn()
    setTimeout(() => this.#spawn(), backoffMs(this.#shortLives, BACKOFF)).unref()
  }

  #tell(line: string): void {
    if (this.#process?.stdin?.writable) this.#process.stdin.write(line)
  }
}

/** A later one knows its groups from its first instruction: this process may be killed before it could tell them. */
function launch(groups: Iterable<number>): ChildProcess | null {
  try {
    return spawn('/bin/sh', ['-c', SCRIPT, 'carom-sentry', ...Array.from(groups, String)], {
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: true,
      env: {},
    })
  } catch {
    // No memory: thrown, where other reasons arrive as an event.
    return null
  }
}

const SHORT_LIFE_MS = 1_000
const BACKOFF = { firstMs: 100, maxMs: 30_000 }

const SCRIPT = `
trap '' INT TERM HUP QUIT
groups=" $* "
while read -r op id; do
  case "$op$groups" in
    +*) groups="$groups$id " ;;
    -*" $id "*) groups="\${groups%% $id *} \${groups#* $id }" ;;
  esac
done
for id in $groups; do kill -s KILL -- "-$id" 2>/dev/null; done
`
