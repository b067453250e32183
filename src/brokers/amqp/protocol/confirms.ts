/** What RabbitMQ has said of the messages that were published on one channel, which it counts from 1. */

/** How the messages of one call have fared, once nothing more can be heard of them. */
export interface Receipt {
  readonly confirmed: number
  /** By a queue that is full, for one. */
  readonly refused: number
  /** Why nothing was heard of the others; `null` where there are none. */
  readonly lost: Error | null
}

interface Call {
  left: number
  confirmed: number
  refused: number
  resolve(receipt: Receipt): void
}

export class Confirms {
  /** In the order of their tags. */
  readonly #unconfirmed = new Map<number, Call>()
  #published = 0

  /** The next `count` messages of the channel are those of one call. */
  expect(count: number): Promise<Receipt> {
    return new Promise((resolve) => {
      const call: Call = { left: count, confirmed: 0, refused: 0, resolve }
      if (count === 0) resolve({ confirmed: 0, refused: 0, lost: null })
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
    this.#unconfirmed.clear()
    for (const { confirmed, refused, resolve } of calls) resolve({ confirmed, refused, lost })
  }

  #end(deliveryTag: number, isConfirmed: boolean): void {
    const call = this.#unconfirmed.get(deliveryTag)
    if (call === undefined) return
    this.#unconfirmed.delete(deliveryTag)
    if (isConfirmed) call.confirmed++
    else call.refused++
    if (--call.left === 0) call.resolve({ confirmed: call.confirmed, refused: call.refused, lost: null })
  }
}
