/** Where a system keeps its tasks and results: a file, or a server that runs for one round only. */

export interface Store {
  /** As Carom and Celery write it. */
  readonly brokerUrl: string
  readonly resultUrl: string
  /** Of a server; `null` for a file. */
  readonly port: number | null
}

export type StoreName = 'file' | 'file-process' | 'redis' | 'redis-everysec' | 'rabbitmq' | 'none'
