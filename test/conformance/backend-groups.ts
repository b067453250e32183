/** What every result backend knows of groups. */
import assert from 'node:assert/strict'
import type { SavedGroup } from '../../src/results/saved-group.ts'
import { type ConformanceCase, meta } from './store.ts'

const NESTED: SavedGroup = {
  groupId: 'g',
  members: ['b', { groupId: 'inner', members: ['c', { groupId: 'empty', members: [] }] }, 'a'],
}

export const groupCases: readonly ConformanceCase[] = [
  {
    name: 'a group is loaded as it was saved, by another handle too, with the groups in it and in order',
    async run(open) {
      const { backend } = await open()
      const other = await open()
      assert.equal(await other.backend.loadGroup('g'), null)
      const members = [...NESTED.members]
      await backend.saveGroup({ groupId: 'g', members })
      members.pop()
      assert.deepEqual(await other.backend.loadGroup('g'), NESTED)
      assert.equal(await backend.loadGroup('inner'), null, 'a group in a group is not saved by itself')
    },
  },
  {
    name: 'a group that is saved again is replaced, and one that was forgotten is unknown',
    async run(open) {
      const { backend } = await open()
      await backend.saveGroup(NESTED)
      await backend.saveGroup({ groupId: 'g', members: ['ü "'] })
      assert.deepEqual(await backend.loadGroup('g'), { groupId: 'g', members: ['ü "'] })
      await backend.forgetGroup('g')
      await backend.forgetGroup('g')
      assert.equal(await backend.loadGroup('g'), null)
    },
  },
  {
    name: 'groups and results of one id do not meet',
    async run(open) {
      const { backend } = await open()
      await backend.save([meta('g')])
      assert.equal(await backend.loadGroup('g'), null)
      await backend.saveGroup(NESTED)
      await backend.forget(['g'])
      assert.deepEqual(await backend.loadGroup('g'), NESTED)
      await backend.save([meta('g')])
      await backend.forgetGroup('g')
      assert.equal((await backend.load(['g']))[0]?.status, 'SUCCESS')
    },
  },
]
