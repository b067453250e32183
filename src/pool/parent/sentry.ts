/**
 * Kills what would be left behind. Every child leads its own process group; the sentry, one tiny shell per pool, is
 * told each group as it comes and goes. When its pipe ends (the parent is gone, however it went) it kills the groups
 * it still knows: children in an endless loop and processes they started included. It ignores the signals that a
 * terminal or an init sends to everyone.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import type { Socket } from 'node:net'

export class Sentry {
  readonly #groups = new Set<number>()
  #process: ChildProcess | null = null
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
    const sentry = spawn('/bin/sh', ['-c', SCRIPT, 'carom-sentry'], {
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: true,
      env: {},
    })
    this.#process = sentry
    sentry.on('error', () => {})
    sentry.stdin?.on('error', () => {})
    // The pool must not keep a script alive by its sentry; a pipe's socket can be unreferenced, a Writable's type cannot.
    ;(sentry.stdin as Socket | null)?.unref()
    sentry.unref()
    sentry.once('exit', () => {
      if (this.#ended) return
      this.#spawn()
      for (const groupId of this.#groups) this.#tell(`+ ${groupId}\n`)
    })
  }

  #tell(line: string): void {
    if (this.#process?.stdin?.writable) this.#process.stdin.write(line)
  }
}

const SCRIPT = `
trap '' INT TERM HUP QUIT
groups=' '
while read -r op id; do
  case "$op" in
    +) groups="$groups$id " ;;
    -) groups="\${groups%% $id *} \${groups#* $id }" ;;
  esac
done
for id in $groups; do kill -s KILL -- "-$id" 2>/dev/null; done
`
