/** What the worker needs of a logger; pino has this shape. Facts first, then the sentence. */
export interface Logger {
  debug(facts: LogFacts, text: string): void
  info(facts: LogFacts, text: string): void
  warn(facts: LogFacts, text: string): void
  error(facts: LogFacts, text: string): void
}

/** Never arguments or results of tasks: they may be secrets. */
export type LogFacts = Readonly<Record<string, unknown>>

const nothing = (): void => {}

export const silent: Logger = { debug: nothing, info: nothing, warn: nothing, error: nothing }
