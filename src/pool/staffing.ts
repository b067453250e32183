/** A pool's children on order: more, fewer, fresh ones, none. */
import { CaromError } from '../errors.ts'
import type { PoolEngine } from './engine.ts'
import { integer, MAX_TIMER_MS, optionalInteger } from './numbers.ts'
import { refuseUnable } from './refusals.ts'

export class Staffing {
  readonly #engine: PoolEngine

  constructor(engine: PoolEngine) {
    this.#engine = engine
  }

  async grow(count: number): Promise<void> {
    return this.resize(this.#engine.machine.staff.size + integer('count', count, 0, 4096))
  }

  async shrink(count: number): Promise<void> {
    return this.resize(this.#engine.machine.staff.size - integer('count', count, 0, 4096))
  }

  async resize(processes: number): Promise<void> {
    this.#refuseIfEnding('resized')
    refuseUnable(this.#engine.options.executor, { processes })
    const { machine } = this.#engine
    this.#engine.resize(integer('processes', processes, 1, 4096))
    const children = [...machine.staff.children]
    const coming = children.filter(({ state }) => state === 'starting')
    const going = children.filter((child) => !coming.includes(child) && child.state !== 'ready')
    return this.#engine.whenStaffed(() => {
      const { startFailures, isComplete } = machine.staff
      // One that has failed to start may not be wanted any more: then nothing follows it.
      const areUp = coming.every(({ state }) => state !== 'starting') && (startFailures === 0 || isComplete)
      return areUp && going.every(({ state }) => state === 'gone')
    })
  }

  async restart(): Promise<void> {
    this.#refuseIfEnding('restarted')
    refuseUnable(this.#engine.options.executor, { restart: true })
    const { machine } = this.#engine
    const old = [...machine.staff.children]
    for (const child of old) machine.replace(child, 'restart')
    return this.#engine.whenStaffed(() => old.every(({ state }) => state === 'gone'))
  }

  async join(timeoutMs: number | undefined): Promise<void> {
    const { machine } = this.#engine
    if (machine.phase === 'run') throw new TypeError('join() before close() or terminate(): the pool would never end')
    const limitMs = optionalInteger('timeoutMs', timeoutMs, 0, MAX_TIMER_MS)
    if (limitMs === undefined) return this.#engine.whenEnded()
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        const text = `The pool had not ended after ${limitMs} ms: ${machine.open} jobs are open. It goes on ending`
        reject(new CaromError('CAROM_JOIN_TIMEOUT', text, { open: machine.open }))
      }, limitMs)
    })
    try {
      await Promise.race([this.#engine.whenEnded(), late])
    } finally {
      clearTimeout(timer)
    }
  }

  #refuseIfEnding(what: string): void {
    if (this.#engine.machine.phase === 'run') return
    throw new CaromError('CAROM_POOL_CLOSED', `The pool is closed, and cannot be ${what}`)
  }
}
