/** A {@link Client} from the two ways in which JavaScript's queues are sent to. */
import { arrive, type Run } from '../../arrivals.ts'
import { clockMs } from '../../clock.ts'
import { BATCH, type Client, type TaskName } from './system.ts'

/** Waits for the result of what was sent. */
export type Pending = () => Promise<unknown>

export interface SendOptions {
  readonly delayMs?: number
  readonly ignored?: boolean
}

export interface Sender {
  send(task: TaskName, value: number, options: SendOptions): Promise<Pending>
  sendMany(task: TaskName, values: readonly number[], options: SendOptions): Promise<readonly Pending[]>
  close(): Promise<unknown>
}

export function clientOf(sender: Sender): Client {
  let pending: Pending[] = []
  const sendMany = async (task: TaskName, count: number, value: number, options: SendOptions) => {
    const sent: Pending[] = []
    for (let at = 0; at < count; at += BATCH) {
      const values = new Array<number>(Math.min(BATCH, count - at)).fill(value)
      sent.push(...(await sender.sendMany(task, values, options)))
    }
    return sent
  }
  return {
    sendEach: async (count) => {
      for (let call = 0; call < count; call++) pending.push(await sender.send('noop', call, {}))
    },
    sendMany: async (task, count, value) => {
      pending = pending.concat(await sendMany(task, count, value, {}))
    },
    sendIgnored: async (count) => {
      await sendMany('noop', count, 0, { ignored: true })
    },
    results: async () => {
      const awaited = pending
      pending = []
      await Promise.all(awaited.map((result) => result()))
    },
    startWaitsMs: async (timesMs, workMs) => {
      const passages = await arrive(timesMs, async () => (await sender.send('work', workMs, {}))())
      return passages.map(({ submittedAtMs, startedAtMs }) => startedAtMs - submittedAtMs)
    },
    latenessMs: async (count, delayMs) => {
      const late = async () => {
        const dueAtMs = clockMs() + delayMs
        const result = await sender.send('work', 0, { delayMs })
        const [startedAtMs] = (await result()) as Run
        return startedAtMs - dueAtMs
      }
      return Promise.all(Array.from({ length: count }, late))
    },
    close: () => sender.close(),
  }
}
