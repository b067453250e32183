/** No queue: what Redis and one process that talks to it could do, if tasks needed neither a worker nor children. */
import { setTimeout as pause } from 'node:timers/promises'
import { buildTaskMessage } from '../../../src/message/task-message.ts'
import { connectTo } from '../stores/redis.ts'
import { BATCH, type Client, type System } from './system.ts'
import { startProcess } from './worker-process.ts'

const POLL_MS = 2

export const bound: System = {
  packageName: null,
  startWorker: ({ port }) => startProcess('bound-worker.js', [Number(port)]),
  openClient: async ({ port }) => {
    const redis = connectTo(Number(port))
    const unused = () => Promise.reject(new TypeError('The bound is measured with a backlog of no-ops only'))
    return {
      sendEach: unused,
      sendIgnored: unused,
      startWaitsMs: unused,
      latenessMs: unused,
      sendMany: async (_, count) => {
        for (let at = 0; at < count; at += BATCH) await redis.lpush('bench', ...Array.from({ length: BATCH }, envelope))
      },
      results: async () => {
        while ((await redis.llen('bench')) + (await redis.hlen('unacked')) > 0) await pause(POLL_MS)
      },
      close: () => redis.quit(),
    } satisfies Client
  },
}

/** As Celery's producers write it, with what a call of ours has in it. */
function envelope(): string {
  const id = crypto.randomUUID()
  const { headers, body } = buildTaskMessage({ id, task: 'bench.noop', args: [1], kwargs: {} }, Date.now())
  return JSON.stringify({
    body: Buffer.from(body).toString('base64'),
    'content-encoding': 'utf-8',
    'content-type': 'application/json',
    headers,
    properties: {
      correlation_id: id,
      delivery_mode: 2,
      delivery_info: { exchange: '', routing_key: 'bench' },
      priority: 0,
      body_encoding: 'base64',
      delivery_tag: crypto.randomUUID(),
    },
  })
}
