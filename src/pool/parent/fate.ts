/** What becomes of jobs that their child does not have any more. */
import type { DeathCertificate } from './certificate.ts'
import type { Outcome, PoolChild, PoolJob } from './state.ts'

/** Of a job whose child is gone. `null`: it starts again in another. */
export function fateOf(
  child: PoolChild,
  job: PoolJob,
  certificate: DeathCertificate,
  pool: { readonly isTerminating: boolean; readonly redeliverNeighbours: boolean },
): Outcome | null {
  const condemnation = child.condemned.get(job) ?? (pool.isTerminating ? 'terminated' : null)
  if (condemnation === 'terminated') return { type: 'terminated' }
  if (condemnation !== null) return { type: condemnation, certificate }
  // Node takes an interrupt for the end of the process if it comes in the moment in which the code that it is for begins
  // or ends. The job was over its soft limit all the same.
  if (child.interrupted === job && certificate.signal === 'SIGINT') return { type: 'interrupted', certificate }
  const isCancelled = child.cancelled.has(job)
  if (job.state === 'accepted' && child.killedFor !== 'job') return { type: 'lost', certificate }
  // Nothing is known of what its child did after a bad frame: the job may have begun, and been told in vain.
  if (job.state === 'accepted' || child.killedFor === 'bad-frame') {
    const mayRunAgain = !isCancelled && !job.hasYielded && (job.state === 'accepted' || job.returns < MAX_RETURNS)
    if (pool.redeliverNeighbours && mayRunAgain) return null
    return { type: 'lost', certificate: { ...certificate, killedBy: 'neighbour' } }
  }
  if (isCancelled) return { type: 'cancelled' }
  return job.returns >= MAX_RETURNS ? { type: 'lost', certificate } : null
}

/** Of a job that its child has given back. `null`: it goes to another. */
export function fateOfRecalled(child: PoolChild, job: PoolJob, isTerminating: boolean): Outcome | null {
  if (isTerminating || child.condemned.has(job)) return { type: 'terminated' }
  return child.cancelled.has(job) ? { type: 'cancelled' } : null
}

// A child that dies between `ready` and `accepted` is not the job's fault, but ten in a row would go on for ever.
const MAX_RETURNS = 10
