/** What RabbitMQ has said of the messages that were published on one channel, which it counts from 1. */

/** How the messages of one call have fared, once nothing more can be heard of them. */
export interface Receipt {
  /** Places among those of the call, from 0: by a queue that is full, for one. All others are confirmed. */
  readonly refused: readonly number[]
  /** Places of those of which nothing was heard: they may be there or not. */
  readonly unheard: readonly number[]
  /** Why nothing was heard of them; `null` where there are none. */
  readonly lost: Error | null
}

/** Where nothing is confirmed. */
export const UNASKED: Receipt = { refused: [], unheard: [], lost: null }

/** Of a call whose messages were written up to that place, and no further. */
export function unwritten({ refused, unheard }: Receipt, from: number, to: number, lost: Error): Receipt {
  const rest = Array.from({ length: to - from }, (_, index) => from + index)
  return { refused, unheard: [...unheard, ...rest], lost }
}

interface Call {
  readonly firstTag: number
  left: number
  readonly refused: number[]
  readonly unheard: number[]
  resolve(receipt: Receipt): void
}

export class Confirms {
  /** In the order of their tags. */
  readonly #unconfirmed = new Map<number, Call>()
  #published = 0

  /** The next `count` messages of the channel are those of one call. */
  expect(count: number): Promise<Receipt> {
    return new Promise((resolve) => {
      const call: Call = { firstTag: this.#published + 1, left: count, refused: [], unheard: [], resolve }
      if (count === 0) resolve({ refused: [], unheard: [], lost: null })
      for (let nth = 0; nth < count; nth++) this.#unconfirmed.set(++this.#published, call)
    })
  }

  /** @param multiple also everything before it. */
  heard(deliveryTag: number, multiple: boolean, isConfirmed: boolean): void {
    if (!multiple) return this.#end(deliveryTag, isConfirmed)
    for (const tag of this.#unconfirmed.keys()) {
      if (tag > deliveryTag) return
      this.#end(tag, isConfirmed)
    }
  }

  /** Nothing more will be heard. */
  lose(lost: Error): void {
    const calls = new Set(this.#unconfirmed.values())
    for (const [tag, { unheard, firstTag }] of this.#unconfirmed) unheard.push(tag - firstTag)
    this.#unconfirmed.clear()
    for (const { refused, unheard, resolve } of calls) resolve({ refused, unheard, lost })
  }

  #end(deliveryTag: number, isConfirmed: boolean): void {
    const call = this.#unconfirmed.get(deliveryTag)
    if (call === undefined) return
    this.#unconfirmed.delete(deliveryTag)
    if (!isConfirmed) call.refused.push(deliveryTag - call.firstTag)
    if (--call.left === 0) call.resolve({ refused: call.refused, unheard: [], lost: null })
  }
}
