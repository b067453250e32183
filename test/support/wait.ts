import { setTimeout as pause } from 'node:timers/promises'

/** Polls `condition` until it is truthy and gives its value; fails, saying `what`, after `withinMs`. */
export async function until<T>(
  condition: () => T | Promise<T>,
  { withinMs = 5_000, what }: { withinMs?: number; what: string },
): Promise<NonNullable<T>> {
  const deadline = performance.now() + withinMs
  for (;;) {
    const value = await condition()
    if (value) return value
    if (performance.now() > deadline) throw new Error(`Waited ${withinMs} ms in vain until ${what}`)
    await pause(5)
  }
}
