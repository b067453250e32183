/**
 * The ladder on which a worker ends. Each rung only goes further than the one before:
 *
 * | stage  | claims | waiting tasks | running tasks                                        | leases, control |
 * | ------ | ------ | ------------- | ---------------------------------------------------- | --------------- |
 * | `warm` | none   | handed back   | finish                                               | go on           |
 * | `cold` | none   | handed back   | signal aborted: a result counts, a throw is handed back; after `coldGraceMs` killed, handed back | go on |
 * | `now`  | none   | handed back   | killed and handed back                               | until handed back |
 */
export type Stage = 'running' | 'warm' | 'cold' | 'now'

const RANK: Readonly<Record<Stage, number>> = { running: 0, warm: 1, cold: 2, now: 3 }

export function isStopStage(stage: unknown): boolean {
  return stage === 'warm' || stage === 'cold' || stage === 'now'
}

export function isFurther(stage: Stage, than: Stage): boolean {
  return RANK[stage] > RANK[than]
}

/** What the next signal of a terminal or an init means. */
export function nextStage(stage: Stage): Stage {
  return stage === 'running' ? 'warm' : stage === 'warm' ? 'cold' : 'now'
}
