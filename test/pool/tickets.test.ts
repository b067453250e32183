import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TICKET_BYTES, Tickets } from '../../src/pool/protocol/tickets.ts'

function bothSides() {
  const memory = new ArrayBuffer(TICKET_BYTES)
  return { parent: new Tickets(memory), child: new Tickets(memory) }
}

test('Of a child that begins and a parent that takes back only the first has the job', () => {
  const { parent, child } = bothSides()
  const [begun, back] = [parent.issue(), parent.issue()]
  assert.equal(child.begin(begun), true)
  assert.equal(parent.takeBack(begun), false)
  assert.equal(parent.takeBack(back), true)
  assert.equal(child.begin(back), false)
  assert.deepEqual([parent.hasBegun(begun), parent.hasBegun(back)], [true, false])
})

test('What was taken back does not begin when its place has a new ticket', () => {
  const { parent, child } = bothSides()
  const old = parent.issue()
  parent.takeBack(old)
  parent.release(old)
  const next = parent.issue()
  assert.notEqual(next, old)
  assert.equal(next % (TICKET_BYTES / 4), old % (TICKET_BYTES / 4), 'the place is the same')
  assert.equal(child.begin(old), false)
  assert.equal(child.begin(next), true)
})

test('There are 1,024 tickets at once, and never a ticket 0', () => {
  const { parent } = bothSides()
  const tickets = Array.from({ length: 1_024 }, () => parent.issue())
  assert.equal(new Set(tickets).size, 1_024)
  assert.ok(!tickets.includes(0))
  assert.equal(parent.issue(), 0)
  parent.release(tickets[7] as number)
  assert.notEqual(parent.issue(), 0)
})

test('Millions of tickets stay within what a frame can carry and a word can hold', () => {
  const { parent, child } = bothSides()
  let most = 0
  for (let nth = 0; nth < 2_200_000; nth++) {
    const ticket = parent.issue()
    most = Math.max(most, ticket)
    if (!child.begin(ticket)) assert.fail(`ticket ${ticket} could not begin`)
    parent.release(ticket)
  }
  assert.ok(most < 2 ** 30)
})
