/** The one child that is this process itself: its functions run here, between everything else. */
import { AsyncLocalStorage } from 'node:async_hooks'
import type { ChildHandle, ChildListener, Executor } from '../parent/child-handle.ts'
import { InlineChild } from './inline-child.ts'

export class InlineExecutor implements Executor {
  readonly sharesMemory = true
  // That of `new Pool`, as with other executors: whoever calls a function does not lend it his own.
  readonly #context = AsyncLocalStorage.snapshot()

  startChild(_generation: number, listener: ChildListener): ChildHandle {
    return new InlineChild(listener, this.#context)
  }

  childGone(): void {}

  end(): void {}
}
