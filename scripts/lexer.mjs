// Tells code from comments and literals in TypeScript, without a compiler: enough for rules that need no types.

/**
 * Gives `code`, the text with comments and the insides of literals blanked, and `comments` as `{ start, end }`.
 * Nothing moves: an offset or a line means the same place in `code` and in `text`.
 */
export function separate(text) {
  const blanks = []
  const comments = []
  const braces = new Braces()
  let previous = ''
  let at = 0
  while (at < text.length) {
    const { kind, end } = tokenAt(text, at, previous, braces)
    if (kind === 'comment') comments.push({ start: at, end })
    if (kind === 'comment') blanks.push({ start: at, end })
    if (kind === 'literal') blanks.push({ start: at + 1, end: end - 1 })
    if (kind === 'literal') previous = 'literal'
    if (kind === 'word' || kind === 'sign') previous = text.slice(at, end)
    at = end
  }
  return { code: blank(text, blanks), comments }
}

function tokenAt(text, at, previous, braces) {
  const character = text[at]
  const pair = text.slice(at, at + 2)
  if (/\s/.test(character)) return { kind: 'space', end: at + 1 }
  if (pair === '//' || (at === 0 && pair === '#!')) return { kind: 'comment', end: endOf(text, '\n', at) }
  if (pair === '/*') return { kind: 'comment', end: endOf(text, '*/', at + 2) + 2 }
  if (character === "'" || character === '"') return { kind: 'literal', end: endOfQuoted(text, at) }
  if (character === '`' || (character === '}' && braces.closesTemplateHole())) {
    const end = endOfTemplatePart(text, at + 1)
    if (text[end - 1] === '{') braces.openTemplateHole()
    return { kind: 'literal', end }
  }
  if (character === '/' && startsRegex(previous)) return { kind: 'literal', end: endOfRegex(text, at) }
  if (/[\w$]/.test(character)) return { kind: 'word', end: at + /^[\w$]+/.exec(text.slice(at, at + 200))[0].length }
  braces.see(character)
  return { kind: 'sign', end: at + 1 }
}

/** Knows whether a `}` ends a block or the hole of a template literal. */
class Braces {
  #depth = 0
  #holes = []

  see(character) {
    if (character === '{') this.#depth += 1
    if (character === '}') this.#depth -= 1
  }

  openTemplateHole() {
    this.#holes.push(this.#depth)
  }

  closesTemplateHole() {
    if (this.#holes.at(-1) !== this.#depth) return false
    this.#holes.pop()
    return true
  }
}

/** A slash starts a regular expression where no value can have ended just before it. */
function startsRegex(previous) {
  return previous === '' || /^[(,=:[!&|?{};+\-*%~^<>]$/.test(previous) || WORD_BEFORE_VALUE.test(previous)
}

const WORD_BEFORE_VALUE = /^(?:return|typeof|case|in|of|delete|void|throw|new|else|do|yield|await)$/

function endOf(text, mark, from) {
  const end = text.indexOf(mark, from)
  return end === -1 ? text.length : end
}

function endOfQuoted(text, start) {
  let at = start + 1
  while (at < text.length && text[at] !== text[start]) at += text[at] === '\\' ? 2 : 1
  return at + 1
}

/** Up to and including the closing backtick, or the brace of the next hole. */
function endOfTemplatePart(text, start) {
  let at = start
  while (at < text.length && text[at] !== '`') {
    if (text.slice(at, at + 2) === HOLE) return at + 2
    at += text[at] === '\\' ? 2 : 1
  }
  return at + 1
}

const HOLE = '$' + '{'

function endOfRegex(text, start) {
  let inClass = false
  let at = start + 1
  while (at < text.length && text[at] !== '\n' && (inClass || text[at] !== '/')) {
    if (text[at] === '[') inClass = true
    if (text[at] === ']') inClass = false
    at += text[at] === '\\' ? 2 : 1
  }
  return at + 1
}

function blank(text, ranges) {
  const parts = []
  let at = 0
  for (const { start, end } of ranges) {
    parts.push(text.slice(at, start), text.slice(start, end).replace(/[^\n]/g, ' '))
    at = end
  }
  return parts.join('') + text.slice(at)
}
