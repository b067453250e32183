/**
 * The ways a process can end by itself. Node ends by joining threads that a forked process does not have; here it ends at
 * once instead, after all that its user can see of an end has happened.
 */
import { writeSync } from 'node:fs'
import { inspect } from 'node:util'

type Emit = (event: string | symbol, ...args: unknown[]) => boolean

/** `exit` ends the process at once with that code. */
export function endBy(exit: (code: number) => never): void {
  const own = process as unknown as { emit: Emit; _exiting?: boolean; reallyExit(code?: number): never }
  const emit = own.emit
  let fatal: { readonly error: unknown } | null = null

  const end = (): never => {
    if (fatal !== null) describe(fatal.error)
    return exit(Number(process.exitCode ?? (fatal === null ? 0 : 1)))
  }
  const emitAndEnd: Emit = (event, ...args) => {
    if (event !== 'exit') {
      const isHeard = emit.call(process, event, ...args)
      if (event !== 'uncaughtException' || isHeard) return isHeard
      fatal = { error: args[0] }
      // A listener of the end has thrown: there is no other end to wait for.
      return own._exiting ? end() : isHeard
    }
    try {
      emit.call(process, event, ...args)
    } catch (error) {
      // As in Node: an error on the way out of another one is not told.
      if (fatal === null) throw error
    }
    return end()
  }
  Object.defineProperty(process, 'emit', { value: emitAndEnd, writable: true, configurable: true })
  own.reallyExit = (code) => exit(Number(code ?? process.exitCode ?? 0))
}

/** What Node says of an error that nobody has caught, as far as it can be known here. */
function describe(error: unknown): void {
  try {
    writeSync(2, `${inspect(error)}\n\nNode.js ${process.version}\n`)
  } catch {
    // Nobody reads any more.
  }
}
