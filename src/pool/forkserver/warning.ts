/** What a pool has to say about forking that is no failure: once per process, however many pools there are. */

const said = new Set<string>()

export function warnOnce(text: string): void {
  if (said.has(text)) return
  said.add(text)
  process.emitWarning(text, 'CaromWarning')
}
