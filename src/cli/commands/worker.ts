/** `carom worker`: a worker with a terminal around it. It never loads the app itself, only its children do. */
import { type Command, Option } from 'commander'
import { usableCpus } from '../../support/cpus.ts'
import { startWorker, type Worker, type WorkerOptions } from '../../worker/index.ts'
import { CommandEnd, EXIT } from '../exit-codes.ts'
import { bytes, durationMs, integer, names, queueNames } from '../flags.ts'
import { teach } from '../help.ts'
import { createLogger, LOG_FORMATS, LOG_LEVELS, type LogFormat, type LogLevel, wantsColours } from '../logger.ts'
import { appModule } from '../place.ts'
import { formatDuration } from '../units.ts'

interface WorkerFlags {
  readonly app?: string
  readonly concurrency: number
  readonly concurrencyPerChild: number
  readonly queues?: readonly string[]
  readonly node?: string
  readonly lease: number
  readonly coldGrace: number
  readonly startMethod: StartMethod
  readonly preload?: readonly string[]
  readonly maxTasksPerChild?: number
  readonly maxMemoryPerChild?: number
  readonly memoryLimit?: number
  readonly timeLimit?: number
  readonly softTimeLimit?: number
  readonly logFormat: LogFormat
  readonly logLevel: LogLevel
}

type WorkerLog = ReturnType<typeof createLogger>

interface Ladder {
  signals: number
  started: boolean
}

export function define(command: Command): void {
  command
    .description(
      'Runs tasks in child processes until it is told to stop. It logs to stderr; "ready" says that it consumes.',
    )
    .option('--app <module>', 'the module that creates the app, loaded by the children only (CAROM_APP)')
    .option('--concurrency <number>', 'child processes', integer(1, 4_096), usableCpus())
    .option(
      '--concurrency-per-child <number>',
      'tasks at once in each; more suits tasks that wait',
      integer(1, 100_000),
      1,
    )
    .option('--queues <names>', "the queues to serve, as in shop,slow; else all that the app's tasks name", queueNames)
    .option('--node <name>', 'the name of this worker; else APP@HOST-PID')
    .addOption(lease())
    .addOption(coldGrace())
    .option('--time-limit <time>', 'how long a task may run before it is killed with its child', LIMIT)
    .option('--soft-time-limit <time>', 'how long before its signal is aborted, so that it can tidy up', LIMIT)
    .option('--max-tasks-per-child <number>', 'replace a child after so many tasks', integer(1, 2 ** 40))
    .option('--max-memory-per-child <size>', 'replace a child after the task in which it grew so much', bytes)
    .option('--memory-limit <size>', 'kill a child, with its task, that has grown so much', bytes)
    .addOption(
      new Option('--start-method <method>', 'how children are started: fork shares the memory of what is preloaded')
        .choices(['spawn', 'fork', 'auto'])
        .default('spawn'),
    )
    .option('--preload <modules>', 'modules to load before children are forked, besides the app', names)
    .addOption(
      new Option('--log-format <format>', 'for a person or for programs').choices(LOG_FORMATS).default('pretty'),
    )
    .addOption(new Option('--log-level <level>', 'the least that is logged').choices(LOG_LEVELS).default('info'))
    .action(work)
  teach(command, {
    notes: [
      'The first SIGTERM or SIGINT (Ctrl-C) ends it warm: running tasks finish, the rest goes back to its queue.',
      'The second ends it cold: running tasks are aborted, and killed after --cold-grace; they go back too.',
      'The third kills at once.',
    ],
    examples: [
      'carom worker --app ./tasks.js',
      'carom worker --app ./tasks.js --concurrency 2 --concurrency-per-child 100 --queues mail,slow',
      'carom worker --app ./tasks.js --time-limit 5m --soft-time-limit 4m --max-memory-per-child 200MiB',
      '# for a log collector',
      'carom worker --app ./tasks.js --log-format json --node shop@$HOSTNAME',
    ],
    exits: {
      ok: 'it was told to stop, and has ended warm or cold',
      failed: 'it was told to end at once, or its store was lost',
      store: 'the store cannot be used',
      app: 'no child could load the app',
    },
  })
}

async function work(flags: WorkerFlags): Promise<void> {
  const app = appModule(flags, '')
  const colours = wantsColours(process.stderr, process.env)
  const logger = createLogger({ format: flags.logFormat, level: flags.logLevel, colours })
  try {
    await consume(app, flags, logger)
  } finally {
    // What ends the command is told after what the log has to say.
    await logger.flush()
  }
}

async function consume(app: string, flags: WorkerFlags, logger: WorkerLog): Promise<void> {
  const { concurrency, concurrencyPerChild, lease: leaseMs, coldGrace: coldGraceMs, queues, node } = flags
  const { log } = logger
  const ladder = watchSignals(logger, flags)
  log.info({ event: 'starting', app, children: concurrency, pid: process.pid }, 'Starting')
  const worker = await startWorker({
    ...{ app, concurrency, concurrencyPerChild, leaseMs, coldGraceMs, signals: true, log },
    ...childOptions(flags),
    ...(queues === undefined ? {} : { queues }),
    ...(node === undefined ? {} : { node }),
  })
  ladder.started = true
  sayReady(worker, flags, log)
  await worker.ended.catch((error: unknown) => {
    throw new CommandEnd(EXIT.failed, error)
  })
  if (ladder.signals >= SIGNALS_TO_KILL) process.exitCode = EXIT.failed
  log.info({ event: 'ended' }, 'Ended')
}

/** Those that were given. */
function childOptions(flags: WorkerFlags): Partial<WorkerOptions> {
  const given = {
    startMethod: flags.startMethod,
    preload: flags.preload,
    maxTasksPerChild: flags.maxTasksPerChild,
    maxMemoryPerChildBytes: flags.maxMemoryPerChild,
    memoryLimitBytes: flags.memoryLimit,
    timeLimitMs: flags.timeLimit,
    softTimeLimitMs: flags.softTimeLimit,
  }
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
}

function sayReady(worker: Worker, { concurrency, concurrencyPerChild }: WorkerFlags, log: WorkerLog['log']): void {
  const { app, node, store, queues, tasks } = worker
  const facts = { event: 'ready', app, node, store, queues, tasks, concurrency, concurrencyPerChild, pid: process.pid }
  log.info(facts, `Ready: ${tasks.length} ${tasks.length === 1 ? 'task' : 'tasks'}. Ctrl-C or SIGTERM ends it gently`)
}

/** The worker climbs its ladder by itself; here is said what each signal means. Before it has started there is nothing to end gently. */
function watchSignals({ log, flush }: WorkerLog, { coldGrace: graceMs }: WorkerFlags): Ladder {
  const meanings = [
    'Ending warm: running tasks finish, the rest goes back to its queue. The next signal aborts them',
    `Ending cold: running tasks are aborted, killed after ${formatDuration(graceMs)}, and go back. The next signal kills at once`,
    'Ending at once: children are killed, their tasks go back',
  ]
  const ladder: Ladder = { signals: 0, started: false }
  const explain = (signal: NodeJS.Signals): void => {
    const text = ladder.started ? meanings[ladder.signals++] : 'Ending before the start: nothing runs yet'
    if (text !== undefined) log.warn({ event: 'signal', signal }, text)
    if (!ladder.started) void flush().then(() => process.exit(EXIT.ok))
  }
  process.on('SIGTERM', explain)
  process.on('SIGINT', explain)
  return ladder
}

function lease(): Option {
  const text = 'how long a claim outlives a worker that dies where nobody sees it'
  return withTime(new Option('--lease <time>', text), durationMs(100, 86_400_000), 30_000)
}

function coldGrace(): Option {
  const text = 'what a cold end leaves aborted tasks before they are killed'
  return withTime(new Option('--cold-grace <time>', text), durationMs(0, 86_400_000), 5_000)
}

/** Defaults are shown as they would be written. */
function withTime(option: Option, parse: (text: string) => number, defaultMs: number): Option {
  return option.argParser(parse).default(defaultMs, formatDuration(defaultMs))
}

type StartMethod = NonNullable<WorkerOptions['startMethod']>

// As long as a timer goes.
const LIMIT = durationMs(1, 2_147_483_647)
const SIGNALS_TO_KILL = 3
