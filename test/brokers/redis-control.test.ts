/** Remote control as strangers use it: no pattern runs away, no reply goes anywhere but to an asker. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { matchesNode } from '../../src/brokers/redis/node-pattern.ts'

test('a glob means what Python says', () => {
  const cases: [string, string, boolean][] = [
    ['shop@*', 'shop@here', true],
    ['*', '', true],
    ['', '', true],
    ['', 'a', false],
    ['*@here', 'shop@here', true],
    ['*@her', 'shop@here', false],
    ['s?op@*e*', 'shop@here', true],
    ['s?op', 'sop', false],
    ['[a-s]hop', 'shop', true],
    ['[!a-s]hop', 'shop', false],
    ['[!x]hop', 'shop', true],
    ['[]x]hop', ']hop', true],
    ['[!]x]hop', ']hop', false],
    ['[a-]', '-', true],
    ['[hop', '[hop', true],
    ['a.c', 'abc', false],
    ['a\\c', 'a\\c', true],
    ['**a**', 'bab', true],
    ['*ab*ab', 'abab', true],
    ['*ab*ab', 'aab', false],
  ]
  for (const [glob, node, matches] of cases) assert.equal(matchesNode(node, glob, 'glob'), matches, `${glob} ${node}`)
})

test('an expression is matched from the beginning, and one that may run away means nobody', () => {
  const node = 'shop@vm-1'
  for (const good of ['shop', 's.*@vm', 'shop@vm-\\d+$', '^shop', 'x|shop', '[a-z]+@', 's.{2}p', 's.??hop|']) {
    assert.equal(matchesNode(node, good, 'pcre'), true, good)
  }
  const bad = ['hop', '(shop)', '(?:.|.)*x', '(?=shop)', 's.*h.*o.*p.*', 's**', '[', 'shop{', '\\', 'x'.repeat(300)]
  for (const pattern of bad) assert.equal(matchesNode(node, pattern, 'pcre'), false, pattern)
  assert.equal(matchesNode(node, 'shop', 'other'), false)
})

test('no pattern takes long', () => {
  const node = `${'a'.repeat(254)}b`
  const patterns: [string, string][] = [
    [`${'*a'.repeat(127)}`, 'glob'],
    [`${'['.repeat(255)}`, 'glob'],
    [`(${'.|'.repeat(20)}.)*\u0001`, 'pcre'],
    ['(a+)+c', 'pcre'],
    [`${'a?'.repeat(60)}${'a'.repeat(60)}`, 'pcre'],
    ['.*.*.*c', 'pcre'],
    ['.{1,255}.{1,255}.{1,255}c', 'pcre'],
    ['\\'.repeat(255), 'pcre'],
    ['[\\'.repeat(127), 'pcre'],
    ['{1'.repeat(127), 'pcre'],
    [`${'?'.repeat(200)}(`, 'pcre'],
    [`${'a{1}'.repeat(60)}(`, 'pcre'],
  ]
  for (const [pattern, matcher] of patterns) {
    const startedMs = performance.now()
    assert.equal(matchesNode(node, pattern, matcher), false)
    const tookMs = performance.now() - startedMs
    assert.ok(tookMs < 1_000, `${pattern} took ${tookMs} ms`)
  }
})
