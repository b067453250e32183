/** Chords on Redis: Celery's keys, so that parts on Python and on Carom complete the same chord. */
import { chordEntry, completeChord } from '../../brokers/redis/chord-entry.ts'
import { JOIN_CHORD } from '../../brokers/redis/chord-script.ts'
import { type RedisStore, throwFirst } from '../../brokers/redis/store.ts'
import type { ChordReport, ChordSize, CompleteChord } from '../chord.ts'

export async function openChords(store: RedisStore, chords: readonly ChordSize[]): Promise<void> {
  const { resultExpiresMs } = store.address.options
  await store.run(async (client) => {
    const pipeline = client.pipeline()
    for (const { groupId, size } of chords) {
      const key = store.keys.chord(groupId).size
      if (resultExpiresMs === 0) pipeline.set(key, size)
      else pipeline.set(key, size, 'PX', resultExpiresMs)
    }
    throwFirst(await pipeline.exec())
  })
}

export async function joinChord(
  store: RedisStore,
  { groupId, part, index }: ChordReport,
): Promise<CompleteChord | null> {
  const { parts, size, added, known, group } = store.keys.chord(groupId)
  const reply = await store.script(
    JOIN_CHORD,
    [parts, size, added, known, group],
    [part.taskId, part.status, chordEntry(part), index ?? '+inf', store.address.options.resultExpiresMs],
  )
  if (reply === null) return null
  const [saved, entries] = reply as [Buffer, Buffer[]]
  return completeChord(entries, saved)
}

export async function closeChords(store: RedisStore, groupIds: readonly string[]): Promise<void> {
  const keys = groupIds.flatMap((groupId) => {
    const { parts, size, added, known } = store.keys.chord(groupId)
    return [parts, size, added, known]
  })
  if (keys.length > 0) await store.run((client) => client.unlink(...keys))
}
