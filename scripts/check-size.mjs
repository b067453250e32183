// A file fits in a head. (That a function fits a screen is the linter's rule: see biome.json.)
import { filesUnder, readSource } from './source.mjs'

const LIMITS = [
  { folder: 'src', warnLines: 200, maxLines: 300 },
  { folder: 'test', warnLines: 400, maxLines: 400 },
  { folder: 'bench', warnLines: 300, maxLines: 300 },
  { folder: 'demo', warnLines: 300, maxLines: 300 },
  { folder: 'scripts', ending: '.mjs', warnLines: 150, maxLines: 150 },
]

export function check(root) {
  return LIMITS.flatMap(({ folder, ending, warnLines, maxLines }) =>
    filesUnder(root, folder, ending).flatMap((file) => {
      const lines = readSource(root, file).text.trimEnd().split('\n').length
      if (lines <= warnLines) return []
      const problem = `${lines} lines; the limit is ${maxLines}`
      const fix = 'split it by what its parts are about'
      return [{ file, line: 1, problem, fix, warning: lines <= maxLines }]
    }),
  )
}
