/** Frames as they are written and read, without a RabbitMQ. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { Credit } from '../../src/brokers/amqp/credit.ts'
import { AmqpError } from '../../src/brokers/amqp/protocol/amqp-error.ts'
import { Channel } from '../../src/brokers/amqp/protocol/channel.ts'
import { Confirms } from '../../src/brokers/amqp/protocol/confirms.ts'
import { Connection } from '../../src/brokers/amqp/protocol/connection.ts'
import { readContentHeader } from '../../src/brokers/amqp/protocol/content.ts'
import { FrameReader } from '../../src/brokers/amqp/protocol/frame-reader.ts'
import { FrameWriter } from '../../src/brokers/amqp/protocol/frame-writer.ts'
import { agreed } from '../../src/brokers/amqp/protocol/handshake.ts'
import type { Delivered } from '../../src/brokers/amqp/protocol/incoming.ts'
import { METHOD, method, putClose } from '../../src/brokers/amqp/protocol/methods.ts'
import { putPublication } from '../../src/brokers/amqp/protocol/publication.ts'
import { reopened } from '../../src/brokers/amqp/reopened.ts'
import type { AmqpStore } from '../../src/brokers/amqp/store.ts'

const FRAME_MAX = 4_096
const limits = { timeout: 10_000 }
const PROPERTIES = { contentType: 'text/plain', deliveryMode: 2, timestamp: 2 ** 33, correlationId: 'ü' }
const publication = (headers: Record<string, unknown>, body: Uint8Array) => {
  return { exchange: '', routingKey: 'q', mandatory: true, properties: PROPERTIES, headers, body }
}

function framesOf(...chunks: readonly Uint8Array[]): [number, Buffer][] {
  const frames: [number, Buffer][] = []
  const reader = new FrameReader(FRAME_MAX, (type, _, payload) => frames.push([type, Buffer.from(payload)]))
  for (const chunk of chunks) reader.push(Buffer.from(chunk))
  return frames
}

test('a message is read as it was written, wherever its bytes are cut and its memory ends', () => {
  const writer = new FrameWriter()
  // Further by less than a table takes each time, so that tables begin at every distance from the end of the memory.
  for (let length = 0; length < 3_000; length++) {
    const body = Buffer.alloc(length, length)
    putPublication(writer, 1, FRAME_MAX, publication({ n: length, list: [null, 'x'.repeat(length % 7)] }, body))
    const bytes = writer.take()
    const frames = framesOf(bytes.subarray(0, length % bytes.byteLength), bytes.subarray(length % bytes.byteLength))
    assert.deepEqual(
      frames.map(([type]) => type),
      length === 0 ? [1, 2] : [1, 2, 3],
    )
    const { bodyBytes, properties } = readContentHeader(frames[1]?.[1] as Buffer)
    assert.equal(bodyBytes, length)
    assert.deepEqual(properties, { ...PROPERTIES, headers: { n: length, list: [null, 'x'.repeat(length % 7)] } })
    if (length > 0) assert.deepEqual(frames[2]?.[1], body)
  }
})

test('a table may begin at the very end of the memory, and one that fits no frame is refused', () => {
  for (let left = 0; left < 40; left++) {
    const writer = new FrameWriter()
    writer.bytes(Buffer.alloc(65_536 - left))
    writer.take()
    assert.deepEqual(writer.table({ a: 1 }).take(), new FrameWriter().table({ a: 1 }).take())
  }
  assert.throws(() => new FrameWriter().table({ text: 'x'.repeat(200_000) }), /take more than 131072 bytes/)
  const tooLarge = publication({ text: 'x'.repeat(FRAME_MAX) }, Buffer.alloc(1))
  assert.throws(() => putPublication(new FrameWriter(), 1, FRAME_MAX, tooLarge), { code: 'CONTENT_TOO_LARGE' })
})

test('a large body goes in frames that are no larger than agreed', () => {
  const writer = new FrameWriter()
  putPublication(writer, 1, FRAME_MAX, publication({}, Buffer.alloc(10_000, 7)))
  const [, , ...pieces] = framesOf(writer.take())
  assert.deepEqual(
    pieces.map(([, piece]) => piece.byteLength),
    [4_088, 4_088, 1_824],
  )
})

test('the memory of a large message is given back with it', () => {
  const writer = new FrameWriter()
  assert.equal(writer.bytes(Buffer.alloc(1_000_000)).take().byteLength, 1_000_000)
  const small = writer.text('after').take()
  assert.deepEqual([small.toString('utf8', 1), small.buffer.byteLength], ['after', 65_536])
})

test('what is no frame, or is larger than agreed, is an error', () => {
  for (const bytes of [
    [65, 77, 81, 80, 0, 0, 9, 1],
    [1, 0, 0, 0, 0, 255, 255, 0],
    [8, 0, 0, 0, 0, 0, 0, 205],
  ]) {
    assert.throws(() => framesOf(Buffer.from(bytes)), AmqpError)
  }
})

test('heartbeats are as often as the one asks who wants more of them, and never where the URL says so', () => {
  const heartbeatOf = (own: number, offered: number) => {
    const introduction = { vhost: '/', username: 'u', password: 'p', heartbeat: own, frameMax: FRAME_MAX, name: 'n' }
    return agreed(introduction, { channelMax: 0, frameMax: 0, heartbeat: offered }).heartbeat
  }
  assert.deepEqual([heartbeatOf(10, 60), heartbeatOf(60, 10), heartbeatOf(10, 0), heartbeatOf(0, 60)], [10, 10, 10, 0])
})

test('confirms are counted for the call that published, whatever their order, and lost ones are told', async () => {
  const confirms = new Confirms()
  const [first, second, third] = [confirms.expect(2), confirms.expect(2), confirms.expect(1)]
  confirms.heard(3, false, true)
  confirms.heard(2, true, true)
  assert.deepEqual(await first, { refused: [], unheard: [], lost: null })
  confirms.heard(4, false, false)
  confirms.heard(4, false, true)
  assert.deepEqual(await second, { refused: [1], unheard: [], lost: null })
  const lost = new Error('gone')
  confirms.lose(lost)
  assert.deepEqual(await third, { refused: [], unheard: [0], lost })
  assert.deepEqual(await confirms.expect(0), { refused: [], unheard: [], lost: null })
})

test('what is left of the credit is shared among the queues that have used up theirs, and is not exceeded', async () => {
  const consumers = new Map<string, (message: Delivered) => void>()
  let limit = 0
  const limits: [string, number][] = []
  const channel = {
    basicQos: async ({ prefetchCount }: { prefetchCount: number }) => {
      limit = prefetchCount
    },
    basicConsume: async ({ queue }: { queue: string }, deliver: (message: Delivered) => void) => {
      consumers.set(queue, deliver)
      limits.push([queue, limit])
    },
    basicCancel: async () => {},
  } as unknown as Channel
  const store = {
    sharesCredit: false,
    topology: { declareQueue: async () => {} },
    link: { within: (asked: Promise<unknown>) => asked },
  } as unknown as AmqpStore
  const credit = new Credit(store, ['a', 'b', 'c', 'd'], channel, () => {})
  await credit.set(20)
  let deliveryTag = 0
  const deliver = (queue: string, count: number) => {
    for (let nth = 0; nth < count; nth++) consumers.get(queue)?.({ deliveryTag: ++deliveryTag } as Delivered)
  }
  for (const queue of ['a', 'b', 'c']) deliver(queue, 5)
  limits.length = 0
  await credit.even()
  assert.deepEqual(limits, [
    ['a', 1],
    ['b', 1],
    ['c', 1],
  ])
  deliver('d', 4)
  deliver('a', 1)
  limits.length = 0
  await credit.even()
  assert.deepEqual(limits, [])
})

/** A channel, and what RabbitMQ says on it in one turn of the loop. */
function channelHearing(): { channel: Channel; hears(put: (to: FrameWriter) => void): void } {
  const output = new FrameWriter()
  const channel = new Channel(1, { output, frameMax: FRAME_MAX, wrote() {}, channelClosed() {} })
  const reader = new FrameReader(FRAME_MAX, (type, _, payload) => channel.received(type, payload))
  const hears = (put: (to: FrameWriter) => void) => {
    const said = new FrameWriter()
    put(said)
    reader.push(Buffer.from(said.take()))
  }
  return { channel, hears }
}

test('of a channel that goes with its last answer it is said that it is gone', async () => {
  const { channel, hears } = channelHearing()
  const asked = channel.confirmSelect()
  hears((to) => {
    method(to, 1, METHOD.confirmSelectOk).end()
    putClose(to, 1, METHOD.channelClose)
  })
  await asked
  let isGone = false
  channel.whenGone(() => (isGone = true))
  assert.ok(isGone)
})

test('a channel that both sides close at once is known until RabbitMQ has answered', async () => {
  const { channel, hears } = channelHearing()
  const closed = channel.close()
  let isGone = false
  channel.whenGone(() => (isGone = true))
  hears((to) => putClose(to, 1, METHOD.channelClose))
  assert.ok(!isGone)
  hears((to) => method(to, 1, METHOD.channelCloseOk).end())
  await closed
  assert.ok(isGone)
})

test('what is opened again and lost in the same moment is opened once more', async () => {
  const { channel: gone } = channelHearing()
  gone.lost(new AmqpError('CONNECTION_FORCED', 'gone'))
  const { channel: open } = channelHearing()
  const tries = [() => Promise.reject(new Error('away')), () => Promise.resolve(gone), () => Promise.resolve(open)]
  // Its pauses keep no process alive.
  const awake = setInterval(() => {}, 1_000)
  await reopened(() => (tries.shift() as () => Promise<Channel>)(), new AbortController().signal)
  clearInterval(awake)
  assert.deepEqual(tries, [])
})

test('a consumer that ends with the answer that it is one is asked for again', async () => {
  const { channel, hears } = channelHearing()
  const store = {
    sharesCredit: true,
    topology: { declareQueue: () => Promise.resolve() },
    link: { within: (asked: Promise<unknown>) => asked },
  } as unknown as AmqpStore
  const credit = new Credit(store, ['q'], channel, () => {})
  channel.on('basic.cancel', (consumerTag) => assert.equal(credit.ended(consumerTag), 'q'))
  for (const consumerTag of ['c1', 'c2']) {
    const set = credit.set(10)
    await turn()
    hears((to) => {
      if (consumerTag === 'c1') method(to, 1, METHOD.basicQosOk).end()
      method(to, 1, METHOD.basicConsumeOk).text(consumerTag).end()
      if (consumerTag === 'c1') method(to, 1, METHOD.basicCancel).text('c1').bits(true).end()
    })
    await set
    assert.equal(credit.has(10), consumerTag === 'c2')
  }
})

test('a connection that RabbitMQ closes is over at once, also where it leaves its own end open', limits, async (t) => {
  const said = [
    (to: FrameWriter) => method(to, 0, METHOD.connectionStart).end(),
    (to: FrameWriter) => method(to, 0, METHOD.connectionTune).short(0).long(0).short(0).end(),
    (to: FrameWriter) => method(to, 0, METHOD.connectionOpenOk).end(),
    (to: FrameWriter) => putClose(to, 0, METHOD.connectionClose),
  ]
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    t.after(() => socket.destroy())
    socket.on('error', () => {})
    socket.on('data', () => {
      const answer = new FrameWriter()
      said.shift()?.(answer)
      socket.write(answer.take())
    })
  })
  t.after(() => server.close())
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  let hasEnded = () => {}
  const ended = new Promise<void>((resolve) => (hasEnded = resolve))
  const introduction = { vhost: '/', username: 'u', password: 'p', heartbeat: 0, frameMax: FRAME_MAX, name: 'n' }
  const address = { hostname: '127.0.0.1', port, tls: false, openWithinMs: 5_000 } as const
  const connection = new Connection(
    { ...introduction, ...address },
    { blocked() {}, unblocked() {}, ended: () => hasEnded() },
  )
  await connection.open()
  await assert.rejects(connection.channel(), AmqpError)
  await ended
  await connection.close()
})
