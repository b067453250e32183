/** A progress bar on a terminal, a line now and then elsewhere. */

export interface ProgressState {
  readonly done: number
  readonly total: number
  readonly bytes: number
  readonly note: string
}

export class Progress {
  readonly #startedAtMs = performance.now()
  readonly #onTerminal = process.stdout.isTTY === true
  #printedAtMs = 0

  show({ done, total, bytes, note }: ProgressState): void {
    const elapsedMs = performance.now() - this.#startedAtMs
    const isDue = performance.now() - this.#printedAtMs >= 1_000 || done === total
    if (!this.#onTerminal && !isDue) return
    this.#printedAtMs = performance.now()
    const rate = done / (elapsedMs / 1000)
    const left = rate > 0 ? `${Math.ceil((total - done) / rate)} s left` : 'starting'
    const filled = Math.round((done / total) * BAR)
    const bar = `${'█'.repeat(filled)}${'░'.repeat(BAR - filled)}`
    const percent = `${Math.floor((done / total) * 100)}`.padStart(3)
    const text = `${bar} ${percent} %  ${done}/${total} files  ${mib(bytes)}  ${Math.round(rate)}/s  ${left}${note}`
    if (this.#onTerminal) process.stdout.write(`\r\x1b[2K${text}`)
    else console.log(text)
  }

  /** Writes a line above the bar. */
  say(text: string): void {
    process.stdout.write(this.#onTerminal ? `\r\x1b[2K${text}\n` : `${text}\n`)
    this.#printedAtMs = 0
  }
}

export function mib(bytes: number): string {
  return `${(bytes / 1024 / 1024).toFixed(1)} MiB`
}

const BAR = 24
