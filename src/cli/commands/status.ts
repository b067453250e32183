/** `carom status`: the store, its queues, who works on them, and what was set aside. */
import { statSync } from 'node:fs'
import type { Command } from 'commander'
import type { Broker, QueueDepth } from '../../brokers/broker.ts'
import { parseStoreUrl } from '../../brokers/url.ts'
import { addPlaceFlags, durationMs, type PlaceFlags } from '../flags.ts'
import { teach } from '../help.ts'
import { print, printJson } from '../output.ts'
import { findPlace, type Place, withBroker } from '../place.ts'
import { printable, redact } from '../printable.ts'
import { table } from '../table.ts'
import { formatBytes } from '../units.ts'

interface StatusFlags extends PlaceFlags {
  readonly timeout: number
}

interface StoreStatus {
  readonly type: string
  readonly path: string | null
  readonly sizeBytes: number | null
  readonly reachable: boolean
}

interface Activity {
  readonly queues: readonly QueueDepth[]
  readonly workers: readonly string[]
  readonly quarantined: number
}

export function define(command: Command): void {
  addPlaceFlags(command)
    .description('Shows where the messages are, how many of them, which workers are online, and what is in quarantine.')
    .option('--timeout <time>', 'how long to wait for workers to answer', durationMs(1, 600_000), 1_000)
    .action(status)
  teach(command, {
    examples: [
      'carom status --app ./tasks.js',
      'carom status --name shop',
      '# how many messages wait, for a script',
      "carom status --name shop --json | jq '[.queues[].waiting] | add'",
    ],
    exits: { ok: 'the store can be used', store: 'the store cannot be used', app: 'the app cannot be loaded' },
  })
}

async function status(flags: StatusFlags): Promise<void> {
  const place = await findPlace(flags)
  let answered = false
  try {
    await withBroker(place, async (broker) => {
      const activity = await look(broker, place.queues, flags.timeout)
      answered = true
      show(place, storeStatus(place, true), activity, flags)
    })
  } catch (error) {
    if (!answered && flags.json === true)
      printJson({ app: place.name, store: storeStatus(place, false) }, { map: redact })
    throw error
  }
}

async function look(broker: Broker, known: readonly string[], timeoutMs: number): Promise<Activity> {
  const [replies, queues, quarantined] = await Promise.all([
    broker.mailbox.ask({ method: 'ping', arguments: {}, destination: null }, { timeoutMs }),
    broker.depths(known),
    broker.quarantine.list(),
  ])
  return { queues, workers: Object.keys(replies).sort(), quarantined: quarantined.length }
}

function show(place: Place, store: StoreStatus, activity: Activity, { json }: StatusFlags): void {
  const { queues, workers, quarantined } = activity
  if (json === true) return printJson({ app: place.name, store, queues, workers, quarantined }, { map: redact })
  const size = store.sizeBytes === null ? '' : `, ${formatBytes(store.sizeBytes)}`
  const aside = quarantined === 0 ? 'empty' : `${quarantined} set aside: see carom quarantine list`
  print(printable(`App         ${place.name}`))
  print(printable(`Store       ${store.path ?? store.type} (${store.type}${size})`))
  print(
    printable(
      `Workers     ${workers.length === 0 ? 'none online' : `${workers.length} online: ${workers.join(', ')}`}`,
    ),
  )
  print(`Quarantine  ${aside}`)
  if (queues.length === 0) return print('Queues      empty')
  const rows = queues.map(({ queue, waiting, delayed, claimed }) => [queue, waiting, delayed, claimed])
  print(`\n${table(['QUEUE', 'WAITING', 'DELAYED', 'CLAIMED'], rows)}`)
}

function storeStatus(place: Place, reachable: boolean): StoreStatus {
  try {
    const address = parseStoreUrl(place.brokerUrl, { appName: place.name })
    if (address.type === 'redis') return { type: address.type, path: address.name, sizeBytes: null, reachable }
    if (address.type !== 'embedded') return { type: address.type, path: null, sizeBytes: null, reachable }
    return { type: address.type, path: address.path, sizeBytes: sizeOf(address.path), reachable }
  } catch {
    return { type: 'unknown', path: null, sizeBytes: null, reachable }
  }
}

/** With the log that is not yet part of the file itself. */
function sizeOf(path: string): number | null {
  const size = (file: string) => statSync(file, { throwIfNoEntry: false })?.size
  const main = size(path)
  return main === undefined ? null : main + (size(`${path}-wal`) ?? 0)
}
