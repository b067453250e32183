/**
 * Why a stranger's `name` cannot be that of a queue: AMQP gives a name 255 bytes, a store may keep text as C does, and
 * among Redis's keys some have other uses, by kombu, Celery or Carom. `null` for a name that every broker takes.
 */
export function whyNoQueue(name: string): string | null {
  const bytes = Buffer.byteLength(name)
  if (bytes === 0 || bytes > MAX_BYTES) return `has ${bytes} bytes, expected 1 to ${MAX_BYTES}`
  if (name.includes('\0')) return 'holds a NUL'
  return RESERVED.test(name) ? 'is the name of something else in a store' : null
}

const MAX_BYTES = 255
const RESERVED = /^(?:unacked(?:_index|_mutex)?$|carom\.|_kombu\.binding\.|celery-task(?:set)?-meta-)/
