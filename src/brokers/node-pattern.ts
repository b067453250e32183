/** Which nodes a request of Celery's remote control means. Patterns are a stranger's: none takes long. */

/** Those that the request names; where it names none, those whose name its pattern matches; without either, all. */
export function isAddressee(node: string, request: Readonly<Record<string, unknown>>): boolean {
  const { destination = null, pattern, matcher } = request
  if (Array.isArray(destination)) return destination.includes(node)
  if (destination !== null) return destination === node
  return typeof pattern !== 'string' || !matcher || matchesNode(node, pattern, matcher)
}

/**
 * Celery's two matchers. `glob` is Python's `fnmatch`: `*`, `?`, `[seq]`, `[!seq]`. Of `pcre` there are those
 * expressions that cannot run away: characters, `.`, sets, escapes, `^`, `$`, alternatives of the whole, and three
 * repetitions (`*`, `+`, `?`, `{2,3}`) of a single character or set, but no parentheses. It is matched from the
 * beginning. Any other pattern, and one of more than 255 characters, means nobody.
 */
export function matchesNode(node: string, pattern: string, matcher: unknown): boolean {
  if (pattern.length > MAX_LENGTH || node.length > MAX_LENGTH) return false
  if (matcher === 'glob') return matchesGlob(node, pattern)
  if (matcher !== 'pcre' || !isBounded(pattern)) return false
  try {
    return new RegExp(`^(?:${pattern})`).test(node)
  } catch {
    return false
  }
}

/** Steps back to the last `*` only, which is enough, and takes no more than pattern times node. */
function matchesGlob(node: string, glob: string): boolean {
  const parts = glob.match(GLOB_PART) ?? []
  let part = 0
  let star = -1
  let resume = 0
  for (let at = 0; at < node.length; ) {
    const wanted = parts[part]
    if (wanted === '*') {
      star = part++
      resume = at
    } else if (wanted !== undefined && matchesOne(node[at] as string, wanted)) {
      part++
      at++
    } else if (star >= 0) {
      part = star + 1
      at = ++resume
    } else {
      return false
    }
  }
  return parts.slice(part).every((rest) => rest === '*')
}

function matchesOne(character: string, part: string): boolean {
  if (part === '?' || part === character) return true
  if (part.length === 1) return false
  const negated = part[1] === '!'
  return isInSet(character, part.slice(negated ? 2 : 1, -1)) !== negated
}

function isInSet(character: string, set: string): boolean {
  for (let at = 0; at < set.length; at++) {
    const last = set[at + 1] === '-' ? set[at + 2] : undefined
    const first = set[at] as string
    if (last === undefined ? character === first : character >= first && character <= last) return true
    if (last !== undefined) at += 2
  }
  return false
}

/** Three repetitions, none within another, take at most the cube of the node's length. */
function isBounded(expression: string): boolean {
  if (!SAFE.test(expression)) return false
  const parts = expression.match(SAFE_PART) ?? []
  // A `?` behind a repetition makes it a lazy one.
  const repetitions = parts.filter((part, at) => repeats(part) && !(part === '?' && repeats(parts[at - 1] ?? '')))
  return repetitions.length <= MAX_REPETITIONS
}

function repeats(part: string): boolean {
  return /^[*+?{]/.test(part)
}

// A bracket that nothing closes is a character.
const GLOB_PART = /\[!?\]?[^\]]*\]|[\s\S]/g
const SAFE_PART = /\\[\s\S]|\[(?:\\[\s\S]|[^\]\\])*\]|[*+?]|\{\d+(?:,\d*)?\}|[^()[\]{}*+?\\]/g
const SAFE = new RegExp(`^(?:${SAFE_PART.source})*$`)
const MAX_REPETITIONS = 3
const MAX_LENGTH = 255
