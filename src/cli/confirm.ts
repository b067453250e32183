/** Asks a person before something is lost. A program cannot be asked: it must say --yes. */
import { createInterface } from 'node:readline'
import { usageError } from './exit-codes.ts'
import { note } from './output.ts'
import { printable } from './printable.ts'

/**
 * True if it may be done. On a terminal the person is asked, and anything but a yes is a no.
 *
 * @throws CaromError `CAROM_USAGE` with the command to use, where nobody can be asked.
 */
export async function confirm(what: string, { yes }: { readonly yes?: boolean }): Promise<boolean> {
  if (yes === true) return true
  if (process.stdin.isTTY !== true || process.stderr.isTTY !== true) {
    const command = ['carom', ...process.argv.slice(2), '--yes'].map(quoted).join(' ')
    throw usageError(`Nobody can be asked here whether to ${what}. To do it without a question: ${command}`)
  }
  const answer = await ask(`${printable(`Really ${what}?`)} [y/N] `)
  if (/^y(es)?$/i.test(answer.trim())) return true
  note('Nothing was changed')
  return false
}

function ask(question: string): Promise<string> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  return new Promise((resolve) => {
    // Ctrl-C and Ctrl-D close without an answer.
    terminal.on('close', () => resolve(''))
    terminal.question(question, (answer) => {
      resolve(answer)
      terminal.close()
    })
  })
}

/** As a shell would have to be given it. */
function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`
}
