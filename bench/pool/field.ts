/** Pools as what is compared. */
import type { Field } from '../measure.ts'
import { packageVersion } from '../packages.ts'
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

function withVersion(name: string, version: string | null): string {
  if (version === null) return name
  const at = name.search(/,| \(|$/)
  return `${name.slice(0, at)} ${version}${name.slice(at)}`
}
