/**
 * Text that others wrote, made fit for a terminal and a log: no control characters, so that a task's name cannot move
 * the cursor or forge a line, and no passwords of URLs.
 */

/** One line. */
export function printable(text: string): string {
  return redact(text).replace(UNPRINTABLE, escapeCharacter)
}

/** Several lines, such as a stack: line breaks stay. */
export function printableLines(text: string): string {
  return text.split(/\r?\n/).map(printable).join('\n')
}

/** Hides passwords in whatever looks like a URL. What a person asked to see, a task's result, is not to pass here. */
export function redact(text: string): string {
  return text.replace(USER_INFO, '$1:***@').replace(SECRET_PARAMETER, '$1***')
}

/** Whether a field of this name may hold a secret. */
export function isSecretName(name: string): boolean {
  return SECRET_NAME.test(name)
}

/** Makes JSON text safe to print: characters that JSON leaves as they are, yet a terminal obeys, become `\uXXXX`. */
export function printableJson(json: string): string {
  return json.replace(UNPRINTABLE, (character) => `\\u${hex(character.charCodeAt(0), 4)}`)
}

// Control characters, the two Unicode line breaks, and the marks that turn the direction of text.
const UNPRINTABLE = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu
const SHORT_ESCAPES: ReadonlyMap<string, string> = new Map([
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\t', '\\t'],
])

// Bounded, so that a hostile text cannot make them slow. Up to the last @: a password may hold one, or a slash.
const USER_INFO = /([a-z][a-z0-9+.-]{0,20}:\/\/[^\s:@/]{0,200}):\S{0,1000}@/gi
const SECRET_PARAMETER = /([?&;](?:password|passwd|pwd|token|secret|key)=)[^&;\s]{1,1000}/gi
const SECRET_NAME = /passw|secret|token|authorization|api.?key|credential|cookie/i

function escapeCharacter(character: string): string {
  const code = character.charCodeAt(0)
  return SHORT_ESCAPES.get(character) ?? (code < 0x100 ? `\\x${hex(code, 2)}` : `\\u${hex(code, 4)}`)
}

function hex(code: number, digits: number): string {
  return code.toString(16).padStart(digits, '0')
}
