/** Which queues an exchange leads to, by the bindings that kombu keeps: of direct exchanges, and of topic exchanges. */
import { SEPARATOR } from './keys.ts'

/** @param members each a key, kombu's pattern for it (a topic exchange's only) and a queue */
export function boundQueues(members: readonly string[], routingKey: string): string[] {
  const queues = members.flatMap((member) => {
    const [key = '', pattern = '', queue = ''] = member.split(SEPARATOR)
    const leads = pattern === '' ? key === routingKey : pattern === patternOf(key) && matchesTopic(key, routingKey)
    return leads && queue !== '' ? [queue] : []
  })
  return [...new Set(queues)]
}

/**
 * As kombu's pattern would match, which is a regular expression and a stranger's, so that it is not run: a `*` is any
 * text that does not end with a dot, a `#` is any text. In time that grows with the product of both lengths.
 */
function matchesTopic(key: string, routingKey: string): boolean {
  if (key.length > MAX_LENGTH || routingKey.length > MAX_LENGTH) return false
  let ends = [0]
  for (const part of key.split(/(\.)/)) {
    const [first = Infinity] = ends
    const later = Array.from({ length: routingKey.length + 1 }, (_, at) => at).filter((at) => at >= first)
    if (part === '#') ends = later
    else if (part === '*') ends = later.filter((at) => at > first && routingKey[at - 1] !== '.')
    // A repetition, to kombu, of what stands before it.
    else if (part.includes('*')) return false
    else ends = ends.filter((at) => routingKey.startsWith(part, at)).map((at) => at + part.length)
  }
  return ends.at(-1) === routingKey.length
}

/** What kombu writes down for a key. A binding with anything else is left to those who know what it means. */
function patternOf(key: string): string {
  const words = key.replace(/[^\p{L}\p{N}.#*]/gu, '\\$&').split('.')
  return `^${words.map((word) => WILDCARDS[word] ?? word).join('\\.')}$`
}

const WILDCARDS: Readonly<Record<string, string>> = { '*': '.*?[^\\.]', '#': '.*?' }
// That of a routing key in AMQP.
const MAX_LENGTH = 255
