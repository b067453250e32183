/** Help that teaches by example: every command shows real calls and what its exit codes mean. */
import type { Command } from 'commander'
import { EXIT, EXIT_MEANINGS, type ExitName } from './exit-codes.ts'

export interface Teaching {
  /** Two to four calls; a line with `#` says what the next one does. */
  readonly examples: readonly string[]
  /** The codes the command can end with, with a closer meaning than the general one where there is one. */
  readonly exits: Readonly<Partial<Record<ExitName, string>>>
  /** Further lines, such as rules of the flags. */
  readonly notes?: readonly string[]
}

export function teach(command: Command, { examples, exits, notes = [] }: Teaching): void {
  const sections = [section('Examples:', examples), section('Exit codes:', exitLines(exits))]
  command.addHelpText('after', `\n${[...(notes.length > 0 ? [notes.join('\n')] : []), ...sections].join('\n\n')}`)
}

function section(title: string, lines: readonly string[]): string {
  return [title, ...lines.map((line) => `  ${line}`)].join('\n')
}

function exitLines(exits: Teaching['exits']): string[] {
  const names = (Object.keys(EXIT) as ExitName[]).filter((name) => name in exits || ALWAYS.has(name))
  return names.map((name) => `${String(EXIT[name]).padStart(2)}  ${exits[name] ?? EXIT_MEANINGS[name]}`)
}

const ALWAYS: ReadonlySet<ExitName> = new Set(['ok', 'usage', 'unexpected'])

export const ROOT: Teaching = {
  notes: [
    'Environment:',
    '  CAROM_APP             the app module, where --app is not given',
    '  CAROM_BROKER_URL      where the messages are; the embedded store where neither this nor the app says otherwise',
    '  CAROM_RESULT_BACKEND  where the results are, if not there',
    '  CAROM_DEBUG=1         every error with its stack',
    '  NO_COLOR=1            no colours',
  ],
  examples: [
    'carom worker --app ./tasks.js --concurrency 4',
    "carom call shop.add --args '[2, 3]' --app ./tasks.js --wait",
    'carom status --name shop',
    'carom inspect stats --name shop',
  ],
  exits: EXIT_MEANINGS,
}
