/** Queues as what is compared. */
import type { Field } from '../measure.ts'
import { packageVersion, withVersion } from '../packages.ts'
import type { Row } from './rows.ts'
import { celeryName } from './systems/celery.ts'
import { SYSTEMS } from './systems/index.ts'

export const QUEUES: Field<Row> = {
  kind: 'queue',
  program: new URL('./round.js', import.meta.url),
  nameOf: ({ name, system }) => {
    if (system !== 'celery') return withVersion(name, packageVersion(SYSTEMS[system].packageName))
    return name.replace('Celery', celeryName() ?? 'Celery')
  },
  isReference: ({ system }) => system === 'carom',
}
