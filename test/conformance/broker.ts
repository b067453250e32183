/** What every broker does. Each case gets an empty store that also has a result backend. */
import { claimCases } from './broker-claims.ts'
import { mailboxCases } from './broker-mailbox.ts'
import { orderCases } from './broker-order.ts'
import { settlementCases } from './broker-settlements.ts'
import type { ConformanceCase } from './store.ts'

export const brokerCases: readonly ConformanceCase[] = [
  ...orderCases,
  ...claimCases,
  ...settlementCases,
  ...mailboxCases,
]
