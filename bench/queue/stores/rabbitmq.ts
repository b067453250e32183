/** A RabbitMQ server on free ports, with folders and a name of its own. It ends with the round that started it. */
import { spawn } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort, listening } from './ports.ts'
import type { Store } from './store.ts'

export async function startRabbit(folder: string): Promise<Store> {
  const [port, distribution, names] = [await freePort(), await freePort(), await freePort()]
  writeFileSync(join(folder, 'plugins'), '[].')
  writeFileSync(join(folder, 'rabbitmq.conf'), `listeners.tcp.default = 127.0.0.1:${port}\nloopback_users = none\n`)
  const server = spawn(program(), [], {
    cwd: folder,
    stdio: 'ignore',
    env: {
      ...process.env,
      HOME: folder,
      RABBITMQ_NODENAME: `bench${port}@localhost`,
      RABBITMQ_NODE_PORT: String(port),
      RABBITMQ_DIST_PORT: String(distribution),
      RABBITMQ_MNESIA_BASE: join(folder, 'data'),
      RABBITMQ_LOG_BASE: join(folder, 'log'),
      RABBITMQ_PID_FILE: join(folder, 'pid'),
      RABBITMQ_CONFIG_FILE: join(folder, 'rabbitmq'),
      RABBITMQ_CONF_ENV_FILE: '/dev/null',
      RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, 'plugins'),
      // Schedulers that spin while they have nothing to do take the processor from those that are measured.
      RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '+sbwt none +sbwtdcpu none +sbwtdio none',
      ERL_EPMD_PORT: String(names),
      ERL_EPMD_ADDRESS: '127.0.0.1',
      ERL_CRASH_DUMP: join(folder, 'erl_crash.dump'),
    },
  })
  const failed = new Promise<never>((_, reject) => {
    server.once('error', reject)
    server.once('exit', () => reject(new Error(`RabbitMQ has not started: see ${join(folder, 'log')}`)))
  })
  await Promise.race([listening(port), failed])
  failed.catch(() => {})
  return { brokerUrl: `amqp://guest:guest@127.0.0.1:${port}/`, resultUrl: 'rpc://', port }
}

/** Debian's own wrapper changes the user, and with that the folders it may write to. */
function program(): string {
  const bare = '/usr/lib/rabbitmq/bin/rabbitmq-server'
  return process.getuid?.() === 0 && existsSync(bare) ? bare : 'rabbitmq-server'
}
