/**
 * One small face for two SQLite libraries: `node:sqlite` where the runtime has it, `libsql` elsewhere. Both are
 * synchronous and both write the same file format, so that processes of different Node versions may share a file.
 *
 * The two copies of SQLite never open one file in one process: closing a file in one would drop the other's locks.
 */
import { createRequire } from 'node:module'

export type SqlValue = null | number | string | Uint8Array
export type Row = readonly SqlValue[]

export interface Database {
  /** Statements without parameters and without rows. */
  exec(sql: string): void
  /** The rows as arrays. The statement is kept for the next time: never build SQL from data. */
  all<R extends Row>(sql: string, ...values: readonly SqlValue[]): R[]
  /** Runs a statement that gives no rows, and returns how many it changed. */
  run(sql: string, ...values: readonly SqlValue[]): number
  close(): void
}

/** Opens `path`, creating nothing that SQLite does not. Loads the library on first use. */
export function openDatabase(path: string): Database {
  const { DatabaseSync } = nodeSqlite() ?? {}
  return DatabaseSync === undefined ? openLibsql(path) : openNodeSqlite(new DatabaseSync(path))
}

/** The extended result code of an error that SQLite raised; `null` for any other. */
export function resultCode(error: unknown): number | null {
  if (typeof error !== 'object' || error === null) return null
  const { errcode, rawCode, message } = error as { errcode?: unknown; rawCode?: unknown; message?: unknown }
  const code = errcode ?? rawCode
  if (typeof code === 'number') return code
  // libsql tells the code of a failed opening in the text alone.
  const inText = /^ConnectionFailed\(.*: (\d+)"\)$/s.exec(String(message))
  return inText === null ? null : Number(inText[1])
}

// What follows is as much of the two libraries' types as is used here.
interface NodeStatement {
  setReturnArrays?(on: boolean): void
  all(...values: readonly SqlValue[]): unknown[]
  run(...values: readonly SqlValue[]): { readonly changes: number | bigint }
}

interface NodeDatabase {
  exec(sql: string): void
  prepare(sql: string): NodeStatement
  close(): void
}

interface NodeSqlite {
  readonly DatabaseSync: new (path: string) => NodeDatabase
}

interface LibsqlStatement {
  readonly reader: boolean
  raw(): void
  all(values: readonly SqlValue[]): unknown[]
  run(values: readonly SqlValue[]): { readonly changes: number }
}

interface LibsqlDatabase {
  exec(sql: string): void
  prepare(sql: string): LibsqlStatement
  close(): void
}

function openNodeSqlite(database: NodeDatabase): Database {
  const prepared = new Map<string, NodeStatement>()
  const prepare = (sql: string) => {
    const known = prepared.get(sql)
    if (known !== undefined) return known
    const statement = database.prepare(sql)
    statement.setReturnArrays?.(true)
    prepared.set(sql, statement)
    return statement
  }
  return {
    exec: (sql) => database.exec(sql),
    // The first versions give objects only; their fields come in the order of the columns.
    all: <R extends Row>(sql: string, ...values: readonly SqlValue[]) =>
      prepare(sql)
        .all(...checked(values))
        .map((row) => (Array.isArray(row) ? row : Object.values(row as object)) as unknown as R),
    run: (sql, ...values) => Number(prepare(sql).run(...checked(values)).changes),
    close: () => {
      prepared.clear()
      database.close()
    },
  }
}

function openLibsql(path: string): Database {
  const Libsql = createRequire(import.meta.url)('libsql') as new (path: string) => LibsqlDatabase
  const database = new Libsql(path)
  const prepared = new Map<string, LibsqlStatement>()
  const prepare = (sql: string) => {
    const known = prepared.get(sql)
    if (known !== undefined) return known
    const statement = database.prepare(sql)
    // Without it a BLOB comes as an ArrayBuffer.
    if (statement.reader) statement.raw()
    prepared.set(sql, statement)
    return statement
  }
  return {
    exec: (sql) => database.exec(sql),
    // Values always go as an array, since a lone one may be taken for named parameters. And never `get`, which leaves
    // the statement, and with it a read transaction, open.
    all: <R extends Row>(sql: string, ...values: readonly SqlValue[]) =>
      prepare(sql).all(checked(values)) as unknown as R[],
    run: (sql, ...values) => prepare(sql).run(checked(values)).changes,
    close: () => {
      // Its file stays open until the last statement is collected.
      prepared.clear()
      database.close()
    },
  }
}

/** A wrong value is no error to the libraries: one sees named parameters in it, the other ends the process. */
function checked(values: readonly SqlValue[]): readonly SqlValue[] {
  for (const value of values) {
    const known =
      typeof value === 'string' || typeof value === 'number' || value === null || value instanceof Uint8Array
    if (!known)
      throw new TypeError(`Cannot store a value of type ${typeof value}: expected text, number, bytes or null`)
  }
  return values
}

/** `undefined` where the runtime has none. On Node 22 it is there with a warning that is nothing to our user. */
function nodeSqlite(): NodeSqlite | undefined {
  const { emitWarning } = process
  const passOn = (...warning: unknown[]) => {
    if (!String(warning[0]).startsWith('SQLite is an experimental feature'))
      Reflect.apply(emitWarning, process, warning)
  }
  // The module is loaded, and warns, before this function returns: no other warning can be caught in between.
  process.emitWarning = passOn as typeof process.emitWarning
  try {
    return process.getBuiltinModule('node:sqlite') as NodeSqlite | undefined
  } finally {
    process.emitWarning = emitWarning
  }
}
