/** `carom purge QUEUE`: deletes what waits in a queue. */
import type { Command } from 'commander'
import { confirm } from '../confirm.ts'
import { EXIT } from '../exit-codes.ts'
import { addPlaceFlags, type PlaceFlags, queueName } from '../flags.ts'
import { teach } from '../help.ts'
import { print, printJson } from '../output.ts'
import { findPlace, withBroker } from '../place.ts'
import { printable } from '../printable.ts'

interface PurgeFlags extends PlaceFlags {
  readonly yes?: boolean
}

export function define(command: Command): void {
  addPlaceFlags(command)
    .description(
      'Deletes the waiting messages of a queue, those for later too. What a worker has claimed stays with it.',
    )
    .argument('<queue>', 'the queue to empty', queueName)
    .option('--yes', 'do it without a question; a program must say so')
    .action(purge)
  teach(command, {
    examples: ['carom purge shop --app ./tasks.js', '# in a script', 'carom purge slow --name shop --yes'],
    exits: {
      ok: 'the queue has no waiting messages any more',
      failed: 'the answer to the question was no',
      usage: 'the command line is not right, or nobody could be asked and --yes is missing',
      store: 'the store cannot be used',
      app: 'the app cannot be loaded',
    },
  })
}

async function purge(queue: string, flags: PurgeFlags): Promise<void> {
  const place = await findPlace(flags)
  await withBroker(place, async (broker) => {
    const depth = (await broker.depths([queue])).find((other) => other.queue === queue)
    const waiting = (depth?.waiting ?? 0) + (depth?.delayed ?? 0)
    const what = `delete ${counted(waiting)} of the queue "${queue}"`
    if (waiting > 0 && !(await confirm(what, flags))) {
      process.exitCode = EXIT.failed
      return
    }
    const purged = await broker.purge(queue)
    if (flags.json === true) printJson({ queue, purged })
    else print(printable(`Deleted ${counted(purged)} of the queue "${queue}"`))
  })
}

function counted(count: number): string {
  return count === 1 ? '1 waiting message' : `${count} waiting messages`
}
