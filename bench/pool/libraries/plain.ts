import * as functions from '../fixtures/functions.ts'
import type { Library } from './library.ts'

type Functions = Record<string, (value: unknown) => unknown>

/** No pool: the function is called in this process. */
export const plain: Library = {
  packageName: null,
  open: async () => ({
    call: async (name, value) => (functions as unknown as Functions)[name]?.(value),
    close: async () => {},
  }),
}
