/** Something that is opened at its first use and closed once. */
export interface Closeable {
  close(): Promise<void>
}

/** Opens when first asked, shares the opening among all who ask meanwhile, and tries again after a failure. */
export class Opening<T extends Closeable> {
  readonly #open: () => Promise<T>
  #opening: Promise<T> | undefined

  constructor(open: () => Promise<T>) {
    this.#open = open
  }

  get(): Promise<T> {
    this.#opening ??= this.#open().catch((error: unknown) => {
      this.#opening = undefined
      throw error
    })
    return this.#opening
  }

  /** Closes what was opened, also if it is still opening. What never was opened is not opened for it. Nobody asks after it. */
  async close(): Promise<void> {
    const opened = await this.#opening?.catch(() => undefined)
    await opened?.close()
  }
}
