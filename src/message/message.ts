/**
 * A call on the wire, as Celery's protocol v2 has it, independent of the broker that carries it.
 *
 * Header names are Celery's own (snake case), because they are the wire; everything else in Carom is camelCase.
 */

/** The headers of a task message. Unknown ones are kept: they are the caller's, or a newer version's. */
export interface TaskHeaders {
  readonly lang?: string
  readonly task: string
  readonly id: string
  readonly shadow?: string | null
  /** ISO 8601; without an offset it is UTC. */
  readonly eta?: string | null
  readonly expires?: string | null
  readonly group?: string | null
  readonly group_index?: number | null
  readonly retries?: number | null
  /** `[hard, soft]`, in seconds. */
  readonly timelimit?: readonly [number | null, number | null] | null
  readonly root_id?: string | null
  readonly parent_id?: string | null
  readonly origin?: string | null
  readonly ignore_result?: boolean | null
  readonly compression?: string
  readonly redelivered?: boolean
  readonly [header: string]: unknown
}

export interface MessageProperties {
  readonly correlation_id?: string
  readonly reply_to?: string
  readonly delivery_mode?: 1 | 2
  readonly priority?: number
  /** A decimal string of milliseconds, set together with the header `expires`. */
  readonly expiration?: string
  readonly [property: string]: unknown
}

/** One message: its body stays bytes until a child needs the arguments. */
export interface Message {
  readonly headers: TaskHeaders
  readonly properties: MessageProperties
  readonly contentType: string
  readonly contentEncoding: string
  readonly body: Uint8Array
}
