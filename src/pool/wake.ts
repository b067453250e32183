/** Tells the one who waits that something has changed. Who waits looks first: what is told to nobody is not kept. */
export class Wake {
  #tell = (): void => {}

  /** Resolves when it is told the next time. */
  next(): Promise<void> {
    return new Promise((resolve) => {
      this.#tell = resolve
    })
  }

  tell(): void {
    this.#tell()
  }
}
