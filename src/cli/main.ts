#!/usr/bin/env node
/** The command line `carom`: finds the command, loads its file alone, and turns whatever it ends with into an exit code. */
import { createRequire } from 'node:module'
import { Command, CommanderError } from 'commander'
import type { CaromError } from '../errors.ts'
import { reportError } from './error-report.ts'
import { EXIT, usageError } from './exit-codes.ts'
import { ROOT, teach } from './help.ts'
import { flushed } from './output.ts'

/** A file of `commands/`. */
interface CommandFile {
  /** Gives the command its flags, its help and its action. */
  define(command: Command): void
}

const COMMANDS: readonly {
  readonly name: string
  readonly summary: string
  readonly load: () => Promise<CommandFile>
}[] = [
  { name: 'worker', summary: 'run tasks in child processes', load: () => import('./commands/worker.ts') },
  { name: 'call', summary: 'send a task, and wait for its result if asked', load: () => import('./commands/call.ts') },
  { name: 'result', summary: 'show the result of a task', load: () => import('./commands/result.ts') },
  { name: 'status', summary: 'show the store, its queues and its workers', load: () => import('./commands/status.ts') },
  { name: 'purge', summary: 'delete the waiting messages of a queue', load: () => import('./commands/purge.ts') },
  { name: 'quarantine', summary: 'look after messages set aside', load: () => import('./commands/quarantine.ts') },
  { name: 'inspect', summary: 'ask running workers', load: () => import('./commands/inspect.ts') },
  { name: 'doctor', summary: 'look at what this machine lacks', load: () => import('./commands/doctor.ts') },
]

const argv = process.argv.slice(2)
process.on('uncaughtException', (error) => void fail(error))
// `carom status | head -1`: who has read enough closes the pipe.
process.stdout.on('error', () => process.exit(EXIT.ok))
// A worker goes on where nobody reads its log any more.
process.stderr.on('error', () => {})

try {
  await run(argv)
  await end()
} catch (error) {
  await fail(error)
}

async function run(words: readonly string[]): Promise<void> {
  const program = new Command('carom')
    .description('Tasks on a prefork pool: workers, calls, results')
    .version(version(), '-V, --version', 'show the version')
    .helpOption('-h, --help', 'show help')
    .configureOutput({ writeErr: () => {} })
    .exitOverride()
  teach(program, ROOT)
  const wanted = words[0] === 'help' ? words[1] : words[0]
  for (const { name, summary, load } of COMMANDS) {
    const command = program.command(name).summary(summary)
    if (name === wanted) (await load()).define(command)
  }
  if (words.length > 0) await program.parseAsync(words, { from: 'user' })
  else {
    program.outputHelp()
    process.exitCode = EXIT.usage
  }
}

async function fail(thrown: unknown): Promise<void> {
  // Help and version end a command too, and are no errors.
  if (thrown instanceof CommanderError && thrown.exitCode === 0) return end()
  const error = thrown instanceof CommanderError ? fromCommander(thrown) : thrown
  const { text, exitCode } = reportError(error, { json: speaksJson(), debug: process.env.CAROM_DEBUG === '1' })
  process.exitCode = exitCode
  process.stderr.write(`${text}\n`)
  return end()
}

/** The one way out. A user's module in this process may keep timers, so nothing is waited for but the output. */
async function end(): Promise<void> {
  await flushed()
  process.exit()
}

/** A word on the command line that should not be there, or one that should. */
function fromCommander({ message, code }: CommanderError): CaromError {
  const text =
    code === 'commander.help' ? `which of its commands? See carom ${argv[0]} --help` : message.replace(/^error: /, '')
  return usageError(`${text.charAt(0).toUpperCase()}${text.slice(1)}`.replaceAll(/\s*\n\s*/g, ' '))
}

/** Also before the flags are parsed, and when they cannot be. */
function speaksJson(): boolean {
  const format = argv.indexOf('--log-format')
  return argv.includes('--json') || argv.includes('--log-format=json') || (format !== -1 && argv[format + 1] === 'json')
}

function version(): string {
  // Found by its own name, since the compiled file may lie at different depths below it.
  const { version: text } = createRequire(import.meta.url)('carom/package.json') as { version: string }
  return text
}
