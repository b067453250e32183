import assert from 'node:assert/strict'
import test from 'node:test'
import { loadScript } from './fixture-tree.ts'

interface Separated {
  readonly code: string
  readonly comments: readonly { readonly start: number; readonly end: number }[]
}

const { separate } = await loadScript<{ separate(text: string): Separated }>('lexer.mjs')

const cases: Record<string, [text: string, code: string]> = {
  'line and block comments': ['a // b\n/* c\n */ d', 'a     \n    \n    d'],
  'a hashbang': ['#!/usr/bin/env node\na', '                   \na'],
  'strings with escapes and quotes of the other kind': [`x = 'it\\'s "b"' + y`, `x = '         ' + y`],
  'a comment mark inside a string': [`'//' + "/*"`, `'  ' + "  "`],
  'a template, but not what stands in its holes': [`\`a \${b + \`c \${d}\`} e\` + f`, `\`   {b + \`   {d}\`}  \` + f`],
  'braces inside the hole of a template': [`\`\${{ a: 1 }.a}b\` + c`, `\` {{ a: 1 }.a} \` + c`],
  'a regular expression with quotes and a class': ['x.match(/[\'/]"/g) + y', 'x.match(/     /g) + y'],
  'a regular expression after a keyword': ['return /"/.test(a)', 'return / /.test(a)'],
  'no regular expression in a division': ['(a) / b / "c"', '(a) / b / " "'],
}

for (const [title, [text, code]] of Object.entries(cases)) {
  test(`separate() blanks ${title}`, () => {
    const separated = separate(text)
    assert.equal(separated.code, code)
    assert.equal(separated.code.length, text.length)
  })
}

test('separate() lists the comments where they stand', () => {
  const text = 'a /* b */ c // d'
  const comments = separate(text).comments.map(({ start, end }) => text.slice(start, end))
  assert.deepEqual(comments, ['/* b */', '// d'])
})
