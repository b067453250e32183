import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { fromWireDate, hasOffset, toWireDate } from '../../src/message/dates.ts'
import { inZone } from './wire-fixtures.ts'

test('toWireDate() writes six digits and a numeric offset', () => {
  assert.equal(toWireDate(Date.UTC(2030, 0, 2, 3, 4, 5, 6)), '2030-01-02T03:04:05.006000+00:00')
  assert.equal(toWireDate(Date.parse('0001-01-01T00:00:00Z')), '0001-01-01T00:00:00.000000+00:00')
  assert.equal(toWireDate(Date.parse('9999-12-31T23:59:59.999Z')), '9999-12-31T23:59:59.999000+00:00')
})

test('toWireDate() refuses what Python cannot hold', () => {
  for (const epochMs of [Number.NaN, Number.POSITIVE_INFINITY, 1e20, 253402300800000, -62135596800001]) {
    assert.throws(() => toWireDate(epochMs), RangeError)
  }
})

test('fromWireDate() reads every form that Celery accepts', () => {
  const cases: [string, string][] = [
    ['2030-01-02T03:04:05.678901+00:00', '2030-01-02T03:04:05.678Z'],
    ['2030-01-02T03:04:05.678901', '2030-01-02T03:04:05.678Z'],
    ['2030-01-02T03:04:05', '2030-01-02T03:04:05.000Z'],
    ['2030-01-02 03:04', '2030-01-02T03:04:00.000Z'],
    ['2030-01-02', '2030-01-02T00:00:00.000Z'],
    ['2030-01-02T03:04:05.1Z', '2030-01-02T03:04:05.100Z'],
    ['2030-01-02T03:04:05.000678Z', '2030-01-02T03:04:05.000Z'],
    ['2030-01-02T03:04:05+05:30', '2030-01-01T21:34:05.000Z'],
    ['2030-01-02T03:04:05-0800', '2030-01-02T11:04:05.000Z'],
    ['2030-01-02T03:04:05+02', '2030-01-02T01:04:05.000Z'],
    ['1890-01-02T03:04:05+00:53:28', '1890-01-02T02:10:37.000Z'],
    ['0001-01-01T00:00:00', '0001-01-01T00:00:00.000Z'],
    ['9999-12-31T23:59:59.999999', '9999-12-31T23:59:59.999Z'],
    ['2024-02-29T00:00:00', '2024-02-29T00:00:00.000Z'],
    ['1960-01-02T03:04:05.678901', '1960-01-02T03:04:05.678Z'],
  ]
  for (const [text, iso] of cases) assert.equal(fromWireDate(text), Date.parse(iso), text)
})

test('fromWireDate() gives null for anything else', () => {
  const texts = [
    '',
    'tomorrow',
    '2030',
    '1735689600',
    '2030-1-2',
    '2030-13-01',
    '2030-02-30',
    '2023-02-29',
    '0000-01-01',
  ]
  const times = [
    '24:00:00',
    '23:60:00',
    '23:59:60',
    '23:59:59.',
    '23:59:59+25h',
    '23:59:59+1',
    ' 23:59:59',
    '23:59:59\n',
  ]
  for (const text of [
    ...texts,
    ...times.map((time) => `2030-01-02T${time}`),
    `2030-01-02T00:00:00.${'1'.repeat(99)}`,
  ]) {
    assert.equal(fromWireDate(text), null, text)
  }
})

test('fromWireDate() takes a date without offset for local time where it is told so', (t) => {
  inZone(t, 'Asia/Kolkata')
  assert.equal(fromWireDate('2030-07-02T03:04:05', 'local'), Date.parse('2030-07-01T21:34:05Z'))
  assert.equal(fromWireDate('2030-07-02T03:04:05'), Date.parse('2030-07-02T03:04:05Z'))
  const local = new Date(2030, 6, 2, 3, 4, 5, 678).getTime()
  assert.equal(fromWireDate('2030-07-02T03:04:05.678901', 'local'), local)
  assert.equal(fromWireDate('2030-07-02T03:04:05Z', 'local'), Date.parse('2030-07-02T03:04:05Z'))
  assert.deepEqual(['2030-07-02T03:04:05', '2030-07-02T03:04:05Z', '2030-07-02'].map(hasOffset), [false, true, false])
})

test('fromWireDate(toWireDate(x)) is x', () => {
  fc.assert(
    fc.property(fc.integer({ min: -62135596800000, max: 253402300799999 }), (epochMs) => {
      assert.equal(fromWireDate(toWireDate(epochMs)), epochMs)
    }),
  )
})
