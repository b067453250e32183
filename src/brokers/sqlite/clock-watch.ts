/**
 * Notices that the wall clock was set, or that the machine slept. Leases are kept in wall-clock time, the only one that
 * all processes of a machine share and that a restart does not reset.
 */
export class ClockWatch {
  #wallMs = Date.now()
  #elapsedMs = performance.now()

  #jumped = false

  /** Whether the wall clock has moved otherwise than time has passed. True until {@link trust} is called. */
  hasJumped(): boolean {
    const wallMs = Date.now()
    const elapsedMs = performance.now()
    const driftMs = wallMs - this.#wallMs - (elapsedMs - this.#elapsedMs)
    this.#wallMs = wallMs
    this.#elapsedMs = elapsedMs
    if (Math.abs(driftMs) > TOLERANCE_MS) this.#jumped = true
    return this.#jumped
  }

  /** The jump was dealt with. */
  trust(): void {
    this.#jumped = false
  }
}

const TOLERANCE_MS = 2_000
