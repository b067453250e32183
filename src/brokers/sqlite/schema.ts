/** The tables of the embedded store. */
import type { Database } from './database.ts'
import { storeError } from './errors.ts'

/**
 * Makes the tables where there are none yet. Inside a transaction: many processes may be at it.
 *
 * @returns false when the file is ready already.
 */
export function createSchema(database: Database, path: string): boolean {
  if (isReady(database, path)) return false
  const [version = 0] = database.all<[number]>('PRAGMA user_version')[0] ?? []
  if (version === 0) database.exec(TABLES)
  if (version < 2) database.exec(CHORD_TABLES)
  if (version < 3) database.exec(GROUP_TABLE)
  database.exec(`PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${SCHEMA_VERSION}`)
  return true
}

/**
 * Whether the file holds our tables; false for an empty one, and for an older schema that `createSchema` brings up to
 * date.
 *
 * @throws CaromError `CAROM_STORE_UNAVAILABLE` for another application's file, or a newer Carom's.
 */
export function isReady(database: Database, path: string): boolean {
  const [application = 0] = database.all<[number]>('PRAGMA application_id')[0] ?? []
  const [version = 0] = database.all<[number]>('PRAGMA user_version')[0] ?? []
  if (application === APPLICATION_ID && version === SCHEMA_VERSION) return true
  if (application === APPLICATION_ID && version > 0 && version < SCHEMA_VERSION) return false
  if (application === APPLICATION_ID && version !== 0) {
    const schemas = `its schema is ${version}, and this one knows ${SCHEMA_VERSION}`
    throw storeError('CAROM_STORE_UNAVAILABLE', path, { detail: `another version of Carom made it: ${schemas}` })
  }
  const [tables = 0] = database.all<[number]>('SELECT count(*) FROM sqlite_schema')[0] ?? []
  if (application === 0 && version === 0 && tables === 0) return false
  throw storeError('CAROM_STORE_UNAVAILABLE', path, { detail: 'it is the database of another application' })
}

// "Caro" in ASCII: what the program `file` and we know the file by.
const APPLICATION_ID = 0x4361726f
const SCHEMA_VERSION = 3

/**
 * A message is two rows: `message` holds what never changes, `place` what does, so that a claim or a renewal rewrites
 * a few bytes however large the body is. The three partial indexes hold each message in exactly one of its states:
 * ready (`due_ms` 0), delayed (its time), claimed (a token). `result.seq` and `request.seq` grow with every row and
 * are never used again: whoever waits asks for what is newer than what it has seen.
 */
const TABLES = `
CREATE TABLE message (
  seq INTEGER PRIMARY KEY,
  headers TEXT NOT NULL, properties TEXT NOT NULL,
  content_type TEXT NOT NULL, content_encoding TEXT NOT NULL, body BLOB NOT NULL
) STRICT;
CREATE TABLE place (
  seq INTEGER PRIMARY KEY,
  queue TEXT NOT NULL, rank INTEGER NOT NULL, due_ms INTEGER NOT NULL,
  deliveries INTEGER NOT NULL DEFAULT 0, crashes INTEGER NOT NULL DEFAULT 0, foreigns INTEGER NOT NULL DEFAULT 0,
  token TEXT, owner INTEGER, lease_ms INTEGER, lease_until_ms INTEGER
) STRICT;
CREATE INDEX place_ready ON place (queue, rank, seq) WHERE token IS NULL AND due_ms = 0;
CREATE INDEX place_delayed ON place (queue, due_ms) WHERE token IS NULL AND due_ms > 0;
CREATE INDEX place_claimed ON place (lease_until_ms, owner) WHERE token IS NOT NULL;
CREATE TRIGGER place_gone AFTER DELETE ON place BEGIN DELETE FROM message WHERE seq = OLD.seq; END;

CREATE TABLE quarantine (
  seq INTEGER PRIMARY KEY,
  task_id TEXT NOT NULL, reason TEXT NOT NULL, at_ms INTEGER NOT NULL,
  queue TEXT NOT NULL, rank INTEGER NOT NULL,
  deliveries INTEGER NOT NULL, crashes INTEGER NOT NULL, foreigns INTEGER NOT NULL,
  headers TEXT NOT NULL, properties TEXT NOT NULL,
  content_type TEXT NOT NULL, content_encoding TEXT NOT NULL, body BLOB NOT NULL
) STRICT;
CREATE INDEX quarantine_task ON quarantine (task_id);

CREATE TABLE result (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  task_id TEXT NOT NULL UNIQUE, status TEXT NOT NULL, saved_ms INTEGER NOT NULL,
  facts TEXT NOT NULL, value BLOB NOT NULL
) STRICT;

CREATE TABLE consumer (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  node TEXT NOT NULL, pid INTEGER NOT NULL, seen_ms INTEGER NOT NULL,
  started TEXT, boot TEXT, pid_namespace TEXT
) STRICT;

CREATE TABLE request (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL, request TEXT NOT NULL, expires_ms INTEGER NOT NULL
) STRICT;
CREATE TABLE reply (
  request_id TEXT NOT NULL, node TEXT NOT NULL, reply TEXT NOT NULL, expires_ms INTEGER NOT NULL,
  PRIMARY KEY (request_id, node)
) STRICT, WITHOUT ROWID;
`

/** Since schema 2. */
const CHORD_TABLES = `
CREATE TABLE chord (
  group_id TEXT PRIMARY KEY, size INTEGER NOT NULL, saved_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX chord_age ON chord (saved_ms);
CREATE TABLE chord_part (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  group_id TEXT NOT NULL, task_id TEXT NOT NULL, position INTEGER,
  status TEXT NOT NULL, saved_ms INTEGER NOT NULL, result BLOB NOT NULL,
  UNIQUE (group_id, task_id)
) STRICT;
CREATE INDEX chord_part_age ON chord_part (saved_ms);
`

/** Since schema 3. */
const GROUP_TABLE = `
CREATE TABLE result_group (
  group_id TEXT PRIMARY KEY, saved_ms INTEGER NOT NULL, saved TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX result_group_age ON result_group (saved_ms);
`
