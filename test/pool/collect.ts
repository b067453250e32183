/** What comes from an async iterator, read to its end. */

export async function collect<T>(source: AsyncIterable<T>): Promise<T[]> {
  const values: T[] = []
  for await (const value of source) values.push(value)
  return values
}

/** The values before the error that ends it, and that error; `null` if there was none. */
export async function collectToError<T>(source: AsyncIterable<T>): Promise<{ values: T[]; error: Error | null }> {
  const values: T[] = []
  try {
    for await (const value of source) values.push(value)
    return { values, error: null }
  } catch (error) {
    return { values, error: error as Error }
  }
}
