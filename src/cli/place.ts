/** Which app's stores a command means, and the way to them. */
import { existsSync } from 'node:fs'
import { checkAppOptions } from '../app/app-options.ts'
import type { AppInternals } from '../app/internals.ts'
import type { Broker } from '../brokers/broker.ts'
import { openBroker } from '../brokers/open.ts'
import { parseStoreUrl, type StoreAddress } from '../brokers/url.ts'
import { CaromError } from '../errors.ts'
import type { ResultBackend } from '../results/backend.ts'
import { openBackend } from '../results/open.ts'
import { usageError } from './exit-codes.ts'
import type { PlaceFlags } from './flags.ts'
import { reserveStdout } from './output.ts'

export interface Place {
  /** The app's name. */
  readonly name: string
  readonly brokerUrl: string | undefined
  readonly resultBackendUrl: string | undefined
  /** The queues that its workers serve when they are not told which; a broker may know of no others. */
  readonly queues: readonly string[]
}

/**
 * `--name` is taken as it is; else the module of `--app`, or of `CAROM_APP`, is loaded in this process.
 *
 * @throws CaromError `CAROM_USAGE`, and what loading an app throws.
 */
export async function findPlace(flags: PlaceFlags): Promise<Place> {
  if (flags.name === undefined) return placeOf(await loadUserApp(appModule(flags)))
  if (flags.app !== undefined) throw usageError('Give --app or --name, not both: --name is for not loading the app')
  try {
    checkAppOptions(flags.name, {})
  } catch (error) {
    throw usageError((error as Error).message)
  }
  const brokerUrl = process.env.CAROM_BROKER_URL || undefined
  const resultBackendUrl = process.env.CAROM_RESULT_BACKEND || brokerUrl
  return { name: flags.name, brokerUrl, resultBackendUrl, queues: [flags.name] }
}

/** The place of an app that was loaded. */
export function placeOf({ name, brokerUrl, resultBackendUrl, defaultQueue, tasks }: AppInternals): Place {
  const named = [...tasks.values()].flatMap(({ settings: { queue } }) => (queue === null ? [] : [queue]))
  return { name, brokerUrl, resultBackendUrl, queues: [...new Set([defaultQueue, ...named])] }
}

/** The module after `--app`, or else `CAROM_APP`. */
export function appModule(
  { app }: { readonly app?: string },
  otherWay = ', or --name NAME if its name is enough',
): string {
  const module = app ?? process.env.CAROM_APP
  if (module !== undefined && module !== '') return module
  throw usageError(`Which app? Give --app FILE${otherWay}, or set CAROM_APP to the file`)
}

/** Loads the user's module in this process. What it prints goes to stderr from then on. */
export async function loadUserApp(module: string): Promise<AppInternals> {
  const { loadApp, locateApp } = await import('../app/app-module.ts')
  reserveStdout()
  return loadApp(locateApp(module, process.cwd()))
}

/** Runs `work` with the broker of `place`, and closes it. @throws what opening throws; see {@link existing}. */
export async function withBroker<T>(place: Place, work: (broker: Broker) => Promise<T>): Promise<T> {
  existing(place.brokerUrl, place)
  const broker = await openBroker(place.brokerUrl, { appName: place.name })
  try {
    return await work(broker)
  } finally {
    await broker.close()
  }
}

/** Runs `work` with the result backend of `place`, and closes it. */
export async function withBackend<T>(place: Place, work: (backend: ResultBackend) => Promise<T>): Promise<T> {
  existing(place.resultBackendUrl, place)
  const backend = await openBackend(place.resultBackendUrl, { appName: place.name, brokerUrl: place.brokerUrl })
  try {
    return await work(backend)
  } finally {
    await backend.close()
  }
}

/**
 * Where the store of a URL is, if there is one: to look into a store must not create it.
 *
 * @throws CaromError `CAROM_STORE_UNAVAILABLE` if nobody has made it yet, `CAROM_URL_UNSUPPORTED` for the memory of a process.
 */
export function existing(url: string | undefined, { name }: Place): StoreAddress {
  const address = shared(url, name)
  if (address.type !== 'embedded' || existsSync(address.path)) return address
  const text = `There is no store ${address.path}: the first worker or call of the app "${name}" makes it, in the project where it runs. Run this command in that folder, or check the name`
  throw new CaromError('CAROM_STORE_UNAVAILABLE', text, { path: address.path })
}

/** @throws CaromError `CAROM_URL_UNSUPPORTED` for a store that no other process can reach. */
export function shared(url: string | undefined, name: string): StoreAddress {
  const address = parseStoreUrl(url, { appName: name })
  if (address.type !== 'memory') return address
  const text =
    'A "memory:" store lives in the process that made it, and the command line is another: name an "embedded:" one'
  throw new CaromError('CAROM_URL_UNSUPPORTED', text)
}
