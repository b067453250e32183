import { before, test } from 'node:test'
import { backendCases } from '../conformance/backend.ts'
import { TRAITS } from '../conformance/open.ts'
import { rabbit, rabbitStoreFor } from '../conformance/open-rabbit.ts'
import { withoutRabbit } from '../support/rabbitmq-server.ts'

const skip = withoutRabbit()
before(() => (skip === false ? rabbit() : undefined), { timeout: 60_000 })

for (const { name, applies, run } of backendCases) {
  if (applies?.(TRAITS.amqp) === false) continue
  test(`rpc result backend: ${name}`, { timeout: 20_000, skip }, async (t) => run(await rabbitStoreFor(t), TRAITS.amqp))
}
