/** A RabbitMQ server on free ports, with folders and a name of its own. It ends with the round that started it. */
import { spawn } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { freePort, listening } from './ports.ts'
import type { Store } from './store.ts'

export async function startRabbit(folder: string): Promise<Store> {
  const home = join(folder, 'home')
  mkdirSync(home, { recursive: true })
  const [port, distribution, names] = [await freePort(), await freePort(), await freePort()]
  spawn('rabbitmq-server', [], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: {
      ...process.env,
      HOME: home,
      RABBITMQ_NODENAME: `bench${port}@localhost`,
      RABBITMQ_NODE_IP_ADDRESS: '127.0.0.1',
      RABBITMQ_NODE_PORT: String(port),
      RABBITMQ_DIST_PORT: String(distribution),
      RABBITMQ_MNESIA_BASE: join(folder, 'mnesia'),
      RABBITMQ_LOG_BASE: join(folder, 'log'),
      RABBITMQ_PID_FILE: join(folder, 'pid'),
      RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, 'plugins'),
      // Schedulers that spin while they have nothing to do take the processor from those that are measured.
      RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '+sbwt none +sbwtdcpu none +sbwtdio none',
      ERL_EPMD_PORT: String(names),
    },
  }).on('error', (error) => {
    throw error
  })
  await listening(port)
  return { brokerUrl: `amqp://guest:guest@127.0.0.1:${port}/`, resultUrl: 'rpc://', port }
}
