/** Which deaths the kernel's out-of-memory killer has to answer for. */
import { oomKills } from '../../support/memory.ts'

export class OomWitness {
  #counted = oomKills()
  /** Kills that are not put down to any death yet: several children may be found dead at the same moment. */
  #unclaimed = 0
  #countedAtMs = 0

  /** To be asked once for each death by a SIGKILL that the pool did not send. */
  hasKilled(nowMs: number): boolean {
    const count = oomKills()
    if (count === null || this.#counted === null) return false
    if (count > this.#counted) {
      this.#unclaimed += count - this.#counted
      this.#countedAtMs = nowMs
    } else if (nowMs - this.#countedAtMs > CLAIM_MS) {
      // It was some other process of the group.
      this.#unclaimed = 0
    }
    this.#counted = count
    if (this.#unclaimed === 0) return false
    this.#unclaimed--
    return true
  }
}

const CLAIM_MS = 1_000
