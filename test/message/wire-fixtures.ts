import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { TestContext } from 'node:test'
import { type Envelope, parseEnvelope } from '../../src/message/envelope.ts'
import type { TaskHeaders } from '../../src/message/message.ts'

/** One message as a Python producer put it into Redis. */
export interface Captured {
  readonly name: string
  /** The text of the list entry. */
  readonly raw: string
  /** What Python reads from the body. */
  readonly decodedBody: unknown
}

/** Every captured task message: Celery 5.2.6 and 5.6.3. */
export function capturedMessages(): Captured[] {
  const folder = join(projectRoot(), 'test/fixtures/wire')
  return readdirSync(folder).flatMap((file) => {
    const { messages } = JSON.parse(readFileSync(join(folder, file), 'utf8')) as {
      messages: { raw: string; decoded_body: unknown }[]
    }
    return messages.map(({ raw, decoded_body }) => ({ name: file, raw, decodedBody: decoded_body }))
  })
}

export function captured(name: string): Captured {
  const found = capturedMessages().find((message) => message.name === `${name}.json`)
  if (found === undefined) throw new Error(`No captured message ${name}`)
  return found
}

/** The messages of one captured workflow, as Python's producer published them, in that order. */
export function capturedWorkflow(name: string): Envelope[] {
  const path = join(projectRoot(), 'test/fixtures/canvas', `${name}.json`)
  const { messages } = JSON.parse(readFileSync(path, 'utf8')) as { messages: { raw: string }[] }
  return messages.map(({ raw }) => parseEnvelope(raw))
}

/** A message with these headers, and a body of JSON text or bytes. */
export function messageOf(
  body: string | Uint8Array,
  headers: Record<string, unknown> = {},
  content: { contentType?: string; contentEncoding?: string } = {},
) {
  return {
    headers: { task: 'shop.add', id: 'id-1', ...headers } as TaskHeaders,
    properties: {},
    contentType: 'application/json',
    contentEncoding: 'utf-8',
    body: typeof body === 'string' ? Buffer.from(body) : body,
    ...content,
  }
}

/** Sets the clocks of this process to a time zone for as long as the test runs. */
export function inZone(t: TestContext, zone: string): void {
  const before = process.env.TZ
  t.after(() => {
    if (before === undefined) delete process.env.TZ
    else process.env.TZ = before
  })
  process.env.TZ = zone
}

function projectRoot(): string {
  let folder = import.meta.dirname
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder)
  return folder
}
