/** Tasks that were sent from here, and what came back of them: so many, so many bytes, the oldest go first. */
import type { ResultMeta } from '../meta.ts'

export class KeptResults {
  /** `null` until something came. In the order of sending. */
  readonly #metas = new Map<string, ResultMeta | null>()
  #bytes = 0

  expect(taskIds: readonly string[]): void {
    for (const taskId of taskIds) if (!this.#metas.has(taskId)) this.#metas.set(taskId, null)
    this.#makeRoom()
  }

  isExpected(taskId: string): boolean {
    return this.#metas.has(taskId)
  }

  get(taskId: string): ResultMeta | null {
    return this.#metas.get(taskId) ?? null
  }

  /** False for a task that nobody here has sent, and for what comes after a SUCCESS. */
  keep(meta: ResultMeta): boolean {
    const known = this.#metas.get(meta.taskId)
    if (known === undefined || known?.status === 'SUCCESS') return false
    this.#bytes += bytesOf(meta) - bytesOf(known)
    this.#metas.set(meta.taskId, meta)
    this.#makeRoom()
    return true
  }

  /** It stays a task of this process. */
  forget(taskId: string): void {
    const known = this.#metas.get(taskId)
    if (known === undefined) return
    this.#bytes -= bytesOf(known)
    this.#metas.set(taskId, null)
  }

  #makeRoom(): void {
    for (const [taskId, meta] of this.#metas) {
      const tooMany = this.#metas.size > MAX_TASKS
      if (!tooMany && this.#bytes <= MAX_BYTES) return
      // A task that nothing has come of takes no room.
      if (!tooMany && meta === null) continue
      this.#bytes -= bytesOf(meta)
      this.#metas.delete(taskId)
    }
  }
}

/** Of what may be large: text takes at least a byte for each of its letters. */
function bytesOf(meta: ResultMeta | null): number {
  if (meta === null) return 0
  const childrenBytes = meta.children.reduce((sum, id) => sum + id.length, 0)
  return meta.result.byteLength + (meta.traceback?.length ?? 0) + childrenBytes
}

const MAX_TASKS = 100_000
const MAX_BYTES = 64 * 1024 * 1024
