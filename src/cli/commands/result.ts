/** `carom result ID`: what is stored of a task, now or once it has ended. */
import type { Command } from 'commander'
import { AsyncResult } from '../../results/async-result.ts'
import { addPlaceFlags, durationMs, type PlaceFlags, taskId } from '../flags.ts'
import { teach } from '../help.ts'
import { ended, showOutcome } from '../outcome.ts'
import { findPlace, withBackend } from '../place.ts'

interface ResultFlags extends PlaceFlags {
  readonly timeout?: number
}

export function define(command: Command): void {
  addPlaceFlags(command)
    .description('Prints the result of a task as JSON. A failure is printed as an error, with the stack of the task.')
    .argument('<id>', 'the id that the task was sent under', taskId)
    .option('--timeout <time>', 'wait this long for the task to end', durationMs(0, MOST_TIMEOUT_MS))
    .action(result)
  teach(command, {
    examples: [
      'carom result 6f1a2c1e-5d0b-4d0e-9a43-2f6c0f5e8a11 --name shop',
      'carom result thumb-a --app ./tasks.js --timeout 30s',
      '# its state alone, for a script',
      'carom result thumb-a --name shop --json | jq -r .state',
    ],
    exits: {
      ok: 'the task succeeded',
      failed: 'the task failed, or was given up',
      late: 'there is no result (yet): the task waits, runs, or was never sent',
      store: 'the store cannot be used',
      app: 'the app cannot be loaded',
    },
  })
}

async function result(id: string, flags: ResultFlags): Promise<void> {
  const place = await findPlace(flags)
  await withBackend(place, async (backend) => {
    const source = { open: async () => backend, allow: () => {}, onEnding: () => () => {} }
    const handle = new AsyncResult({ id, task: null, queue: null, ignored: false }, source)
    const outcome = flags.timeout === undefined ? await handle.meta() : await ended(handle, flags.timeout)
    showOutcome(outcome, {}, flags.json === true)
  })
}

const MOST_TIMEOUT_MS = 2_147_483_647
