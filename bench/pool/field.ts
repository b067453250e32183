/** Pools as what is compared. */
import type { Field } from '../measure.ts'
import { packageVersion, withVersion } from '../packages.ts'
import { billiardName } from './billiard.ts'
import { LIBRARIES } from './libraries/index.ts'
import type { Row } from './measure.ts'

export const POOLS: Field<Row> = {
  kind: 'pool',
  program: new URL('./round.js', import.meta.url),
  nameOf: ({ name, library }) => {
    if (library === 'billiard') return billiardName() ?? name
    return withVersion(name, packageVersion(LIBRARIES[library].packageName))
  },
  isReference: ({ library }) => library === 'carom',
}
