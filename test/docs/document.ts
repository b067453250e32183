/**
 * Reads what a document says can be run. Of its fenced blocks
 *
 * - one whose fence names a file (` ```ts tasks.ts `) is that file,
 * - `sh` is run, line by line; a line that ends in ` &` goes on in the background,
 * - `text` right after `sh` is what the last line printed, where `...` stands for anything.
 *
 * Any other block has to say so by the fence `text` on its own, or the document fails: nothing is only for show.
 */

export type Block =
  | { readonly type: 'file'; readonly name: string; readonly text: string; readonly line: number }
  | { readonly type: 'run'; readonly commands: readonly string[]; readonly line: number }
  | { readonly type: 'output'; readonly text: string; readonly line: number }

export function blocksOf(markdown: string): Block[] {
  const blocks: Block[] = []
  const lines = markdown.split('\n')
  for (let at = 0; at < lines.length; at++) {
    const fence = /^```(\w+)?(?: +(\S+))?\s*$/.exec(lines[at] as string)
    if (fence === null) continue
    const start = at + 1
    const end = lines.indexOf('```', start)
    if (end === -1) throw new Error(`The fence of line ${start} is not closed`)
    blocks.push(toBlock(fence[1] ?? '', fence[2] ?? null, lines.slice(start, end), start))
    at = end
  }
  return blocks
}

function toBlock(language: string, name: string | null, lines: readonly string[], line: number): Block {
  if (name !== null) return { type: 'file', name, text: `${lines.join('\n')}\n`, line }
  if (language === 'sh') return { type: 'run', commands: lines.filter((text) => !/^\s*(#|$)/.test(text)), line }
  if (language === 'text') return { type: 'output', text: lines.join('\n'), line }
  throw new Error(`Line ${line}: a block of ${language || 'no language'} that no test can run: name its file`)
}

/** Whether `printed` is what `expected` says; `...` in it stands for anything, spaces at the ends of lines for nothing. */
export function matches(printed: string, expected: string): boolean {
  const pattern = tidy(expected)
    .split('...')
    .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replace(/ +/g, ' +'))
    .join('[\\s\\S]*')
  return new RegExp(`^${pattern}$`).test(tidy(printed))
}

function tidy(text: string): string {
  return text.trim().replace(/[ \t]+$/gm, '')
}
