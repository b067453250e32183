import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatBytes, formatDuration, parseBytes, parseDurationMs } from '../../src/cli/units.ts'

const refused = (parse: (text: string) => number, text: string): string => {
  try {
    parse(text)
  } catch (error) {
    assert.ok(error instanceof RangeError)
    return error.message
  }
  return assert.fail(`"${text}" was taken`)
}

test('parseDurationMs() reads a number with its unit', () => {
  const cases: [string, number][] = [
    ['500ms', 500],
    ['30s', 30_000],
    ['2m', 120_000],
    ['1.5h', 5_400_000],
    ['1d', 86_400_000],
    ['0s', 0],
    [' 10 s ', 10_000],
    ['0.25s', 250],
  ]
  for (const [text, ms] of cases) assert.equal(parseDurationMs(text), ms, text)
})

test('parseDurationMs() refuses a bare number with both readings', () => {
  assert.equal(refused(parseDurationMs, '30'), '30 what? Write 30s or 30ms')
  assert.equal(refused(parseDurationMs, '0'), '0 what? Write 0s or 0ms')
  assert.equal(refused(parseDurationMs, '1.5'), '1.5 what? Write 1.5s or 1.5ms')
})

test('parseBytes() reads a number with its unit, and refuses a bare one with both readings', () => {
  assert.equal(parseBytes('512B'), 512)
  assert.equal(parseBytes('64KiB'), 65_536)
  assert.equal(parseBytes('200MiB'), 209_715_200)
  assert.equal(parseBytes('1.5GiB'), 1_610_612_736)
  assert.equal(refused(parseBytes, '200000'), '200000 what? Write 200000KiB or 200000B')
})

test('a unit that nobody knows is refused with those there are', () => {
  assert.equal(refused(parseDurationMs, '30sec'), 'Unknown unit "sec". Write 30 with one of ms, s, m, h, d')
  assert.equal(refused(parseDurationMs, '30S'), 'Unknown unit "S". Write 30 with one of ms, s, m, h, d')
  assert.equal(refused(parseBytes, '200MB'), 'Unknown unit "MB". Write 200 with one of B, KiB, MiB, GiB')
})

test('what is no number with a unit is refused with an example', () => {
  for (const text of ['', 's', '-5s', '1e3ms', '1,5s', '٣s', 'shop.add', `${'9'.repeat(40)}s`]) {
    assert.match(
      refused(parseDurationMs, text),
      /is no duration\. Write a number with its unit, as in 30s or 500ms/,
      text,
    )
  }
  assert.match(refused(parseBytes, 'lots'), /is no size.*200MiB/)
})

test('formatDuration() and formatBytes() give what a person reads at a glance', () => {
  const durations: [number, string][] = [
    [0, '0ms'],
    [340, '340ms'],
    [12_400, '12.4s'],
    [30_000, '30s'],
    [200_000, '3m 20s'],
    [7_500_000, '2h 5m'],
    [273_600_000, '3d 4h'],
    [172_800_000, '2d'],
  ]
  for (const [ms, text] of durations) assert.equal(formatDuration(ms), text)
  const sizes: [number, string][] = [
    [0, '0 B'],
    [312, '312 B'],
    [4_608, '4.5 KiB'],
    [64_172_851, '61.2 MiB'],
    [1_181_116_006, '1.1 GiB'],
  ]
  for (const [bytes, text] of sizes) assert.equal(formatBytes(bytes), text)
})
