/** An application of some size: a compiler of 9 MB. */
import 'typescript5'

export function noop(): void {}
