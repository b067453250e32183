/** `carom inspect ping|stats|registered|active`: asks running workers, and shows what each replies. */
import type { Command } from 'commander'
import { CaromError } from '../../errors.ts'
import { addPlaceFlags, durationMs, names, type PlaceFlags } from '../flags.ts'
import { teach } from '../help.ts'
import { activeText, pingText, registeredText, statsText } from '../inspect-text.ts'
import { print, printJson } from '../output.ts'
import { findPlace, withBroker } from '../place.ts'
import { redact } from '../printable.ts'

interface InspectFlags extends PlaceFlags {
  readonly timeout: number
  readonly destination?: readonly string[]
}

type Replies = Readonly<Record<string, unknown>>

interface Method {
  readonly name: string
  readonly description: string
  readonly text: (replies: Replies) => string
}

const METHODS: readonly Method[] = [
  { name: 'ping', description: 'Which workers are there?', text: pingText },
  { name: 'stats', description: 'What has each worker done, and how are its children?', text: statsText },
  { name: 'registered', description: 'Which tasks does each worker know?', text: registeredText },
  { name: 'active', description: 'Which tasks does each worker run now?', text: activeText },
]

export function define(command: Command): void {
  command.description('Asks running workers, all of them or those of --destination, and shows what each replies.')
  for (const { name, description, text } of METHODS) {
    addPlaceFlags(command.command(name).description(description))
      .option('--destination <nodes>', 'ask these workers only, by the names that ping shows, as in a,b', names)
      .option('--timeout <time>', 'how long to wait for replies', durationMs(1, 600_000), 1_000)
      .action((flags: InspectFlags) => inspect(name, text, flags))
  }
  for (const target of [command, ...command.commands]) {
    teach(target, {
      examples: [
        'carom inspect ping --app ./tasks.js',
        'carom inspect stats --name shop',
        '# the raw replies by worker, for a script',
        "carom inspect stats --name shop --json | jq '.[].pool.processes'",
      ],
      exits: {
        ok: 'every worker that was asked by name has replied; without --destination, at least one has',
        failed: 'no worker has replied in time, or not every one of --destination',
        store: 'the store cannot be used',
        app: 'the app cannot be loaded',
      },
    })
  }
}

async function inspect(method: string, text: (replies: Replies) => string, flags: InspectFlags): Promise<void> {
  const { destination = null, timeout } = flags
  const place = await findPlace(flags)
  const replies = await withBroker(place, (broker) => {
    const limit = destination === null ? {} : { limit: destination.length }
    return broker.mailbox.ask({ method, arguments: {}, destination }, { timeoutMs: timeout, ...limit })
  })
  const sorted = Object.fromEntries(Object.entries(replies).sort(([one], [other]) => (one < other ? -1 : 1)))
  if (flags.json === true) printJson(sorted, { map: redact })
  else if (Object.keys(sorted).length > 0) print(text(sorted))
  refuseSilence(place.name, sorted, flags)
}

function refuseSilence(app: string, replies: Replies, { destination, timeout }: InspectFlags): void {
  const silent = (destination ?? []).filter((node) => !(node in replies))
  if (silent.length === 0 && Object.keys(replies).length > 0) return
  const who =
    silent.length === 0 ? `No worker of the app "${app}"` : `Not every worker asked (${silent.join(', ')} missing)`
  const way = 'Start one with carom worker, or give a busy one more time with --timeout'
  throw new CaromError('CAROM_NO_REPLY', `${who} has replied within ${timeout} ms. ${way}`, { silent })
}
