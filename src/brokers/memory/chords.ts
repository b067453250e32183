/** Chords of the store in this process. */
import { type ChordPart, type ChordReport, type ChordSize, replacesPart } from '../../results/chord.ts'

interface Chord {
  size: number | null
  readonly parts: Map<string, { readonly part: ChordPart; readonly index: number | null }>
  savedAtMs: number
}

export class MemoryChords {
  readonly #chords = new Map<string, Chord>()
  readonly #expireMs: number

  constructor(expireMs: number) {
    this.#expireMs = expireMs
  }

  open({ groupId, size }: ChordSize): void {
    this.#touched(groupId).size = size
  }

  /** All parts in order if this one makes them complete, else `null`. */
  join({ groupId, part, index, size }: ChordReport): ChordPart[] | null {
    const chord = this.#touched(groupId)
    const known = chord.parts.get(part.taskId)
    if (known === undefined || replacesPart(known.part.status, part.status)) {
      chord.parts.set(part.taskId, { part: { ...part, result: Uint8Array.from(part.result) }, index })
    }
    if (chord.parts.size !== (chord.size ?? size)) return null
    const parts = [...chord.parts.values()]
    return parts.sort((a, b) => (a.index ?? Infinity) - (b.index ?? Infinity) || 0).map((each) => each.part)
  }

  close(groupId: string): void {
    this.#chords.delete(groupId)
  }

  /** The chord, made if it is new, and the last one to expire. */
  #touched(groupId: string): Chord {
    const nowMs = Date.now()
    for (const [id, { savedAtMs }] of this.#chords) {
      if (savedAtMs > nowMs - this.#expireMs) break
      this.#chords.delete(id)
    }
    const chord = this.#chords.get(groupId) ?? { size: null, parts: new Map(), savedAtMs: nowMs }
    chord.savedAtMs = nowMs
    // Deleted first: the map then stays in the order of use.
    this.#chords.delete(groupId)
    this.#chords.set(groupId, chord)
    return chord
  }
}
