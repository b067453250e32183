/** What a command says: answers on stdout, one after the other, and nothing else there; everything else on stderr. */
import { type JsonTextOptions, toJsonText } from './json-text.ts'
import { printable } from './printable.ts'

// Taken before any module of the user is loaded: see reserveStdout.
const toStdout = process.stdout.write.bind(process.stdout)

/** An answer, as text. What others wrote must have been made printable. */
export function print(text: string): void {
  toStdout(`${text}\n`)
}

/** An answer for a program: one line of JSON. */
export function printJson(value: unknown, options: JsonTextOptions = {}): void {
  print(toJsonText(value, options))
}

/** A sentence for the person at the terminal. */
export function note(text: string): void {
  process.stderr.write(`${printable(text)}\n`)
}

/** What the user's modules print from now on goes to stderr, so that stdout holds the answer alone. */
export function reserveStdout(): void {
  process.stdout.write = process.stderr.write.bind(process.stderr) as typeof process.stdout.write
}

/** Resolves when all that was printed has been handed over. */
export function flushed(): Promise<void> {
  return new Promise((resolve) => {
    toStdout('', () => process.stderr.write('', () => resolve()))
  })
}
