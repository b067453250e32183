/** From what a user writes after `--app` to the app in that module. */
import { existsSync, statSync } from 'node:fs'
import { extname, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { CaromError } from '../errors.ts'
import { type AppInternals, appsIn } from './internals.ts'

export interface AppLocation {
  readonly url: string
  /** The export that holds the app, where the user named one (`./tasks.js#shop`). */
  readonly exportName: string | null
}

/**
 * Finds the module without loading it: a path from `cwd` or a `file:` URL, with `#export` behind it if it has several apps.
 *
 * @throws CaromError `CAROM_APP_NOT_FOUND`, or `CAROM_APP_TYPESCRIPT` for a `.ts` module where Node cannot read one.
 */
export function locateApp(app: string | URL, cwd: string): AppLocation {
  const [place, exportName = null] = String(app).split('#', 2) as [string, string?]
  const path = place.startsWith('file:') ? fileURLToPath(place) : resolve(cwd, place)
  if (!existsSync(path) || statSync(path).isDirectory()) {
    const text = `There is no app module ${path}: --app takes the path of the file that creates your Carom app`
    throw new CaromError('CAROM_APP_NOT_FOUND', text, { path })
  }
  if (TYPESCRIPT.has(extname(path)) && !canReadTypeScript()) throw typescriptError(path)
  return { url: pathToFileURL(path).href, exportName }
}

/**
 * Loads the module (this runs user code) and gives its app.
 *
 * @throws CaromError `CAROM_APP_LOAD_FAILED` with the module's own error as cause, `CAROM_APP_MISSING`, `CAROM_APP_TYPESCRIPT`.
 */
export async function loadApp(location: AppLocation): Promise<AppInternals> {
  const path = fileURLToPath(location.url)
  let exports: Record<string, unknown>
  try {
    exports = (await import(location.url)) as Record<string, unknown>
  } catch (cause) {
    if ((cause as { code?: unknown } | null)?.code === 'ERR_UNKNOWN_FILE_EXTENSION') throw typescriptError(path, cause)
    const reason = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause)
    throw new CaromError('CAROM_APP_LOAD_FAILED', `The app module ${path} failed while loading: ${reason}`, { cause })
  }
  return pickApp(exports, location.exportName, path)
}

const TYPESCRIPT: ReadonlySet<string> = new Set(['.ts', '.mts', '.cts'])

function pickApp(exports: Record<string, unknown>, exportName: string | null, path: string): AppInternals {
  const apps = appsIn(exportName === null ? exports : { [exportName]: exports[exportName] })
  if (apps.length === 1) return apps[0] as AppInternals
  const text =
    apps.length === 0
      ? `The module ${path} exports no Carom app${exportName === null ? '' : ` named "${exportName}"`}: write "export const app = new Carom('name')" in it`
      : `The module ${path} exports ${apps.length} Carom apps: name the one you mean, as in ${path}#app`
  throw new CaromError('CAROM_APP_MISSING', text, { path })
}

/** Node strips types from 22.18 on; earlier, a loader given by flag may. */
function canReadTypeScript(): boolean {
  const features = process.features as { readonly typescript?: unknown }
  if (features.typescript) return true
  return /--(import|loader|experimental-loader|require)\b|(^|\s)-r\s/.test(
    `${process.execArgv.join(' ')} ${process.env.NODE_OPTIONS ?? ''}`,
  )
}

function typescriptError(path: string, cause?: unknown): CaromError {
  const text = `Node ${process.versions.node} cannot read TypeScript (${path}): use Node 22.18 or newer, or name the compiled JavaScript, or set NODE_OPTIONS='--import tsx' with tsx installed`
  return new CaromError('CAROM_APP_TYPESCRIPT', text, { path, ...(cause === undefined ? {} : { cause }) })
}
