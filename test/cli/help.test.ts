import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { carom, ownerOf, project } from './cli-process.ts'

const COMMANDS = ['worker', 'call', 'result', 'status', 'purge', 'quarantine', 'inspect', 'doctor']

test('every help shows at least two real calls and what the exit codes mean', async (t) => {
  const cwd = project(ownerOf(t))
  const pages = [
    ['--help'],
    ...[...COMMANDS, 'quarantine show', 'inspect stats'].map((command) => [...command.split(' '), '--help']),
  ]
  const helps = await Promise.all(pages.map((words) => carom(words, { cwd })))
  for (const [index, { code, stdout, stderr }] of helps.entries()) {
    const page = pages[index]?.join(' ')
    assert.deepEqual([code, stderr], [0, ''], page)
    const [, examples = '', exits = ''] = /\nExamples:\n(.*?)\n\nExit codes:\n(.*)$/s.exec(stdout) ?? []
    const calls = examples.split('\n').filter((line) => line.startsWith('  carom '))
    assert.ok(calls.length >= 2 && calls.length <= 4, page)
    assert.match(exits, /^ {3}0 {2}\S.*\n(?: {3}\d {2}\S.*\n)+ {2}70 {2}\S.*\n$/, page)
  }
  assert.match(helps[0]?.stdout ?? '', /CAROM_APP .*\n.*CAROM_BROKER_URL /)
})

test('carom alone shows its help and ends with 2', async (t) => {
  const { code, stdout } = await carom([], { cwd: project(ownerOf(t)) })
  assert.equal(code, 2)
  for (const command of COMMANDS) assert.match(stdout, new RegExp(`^ {2}${command} `, 'm'))
})

test('carom help COMMAND is the help of the command', async (t) => {
  const cwd = project(ownerOf(t))
  const [help, flag] = await Promise.all([carom(['help', 'purge'], { cwd }), carom(['purge', '--help'], { cwd })])
  assert.deepEqual(help, flag)
})

test('carom --version is that of the package', async (t) => {
  const { stdout } = await carom(['--version'], { cwd: project(ownerOf(t)) })
  assert.equal(stdout.trim(), JSON.parse(readFileSync('package.json', 'utf8')).version)
})
