/** Bytes that are not what their content type says. `reason` says why, as the end of a sentence. */
export class MalformedBodyError extends Error {
  readonly reason: string

  constructor(reason: string, options?: { readonly cause: unknown }) {
    super(`Malformed body: it ${reason}`, options)
    this.name = 'MalformedBodyError'
    this.reason = reason
  }
}
