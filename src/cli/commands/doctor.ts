/** `carom doctor`: what this machine lacks for what Carom can do, and what that costs. */
import type { Command } from 'commander'
import { findAddon } from '../../native/addon.ts'
import { whyNoFork } from '../../pool/forkserver/availability.ts'
import { findSetpriv } from '../../pool/parent/setpriv.ts'
import { EXIT } from '../exit-codes.ts'
import { teach } from '../help.ts'
import { print, printJson } from '../output.ts'
import { table } from '../table.ts'

interface Finding {
  readonly what: string
  /** `limited`: Carom works, and does without something. */
  readonly state: 'ok' | 'limited' | 'broken'
  readonly detail: string
}

export function define(command: Command): void {
  command
    .description('Looks at this machine: which Node, whether children can be forked, how they end with their parent.')
    .option('--json', 'answer in JSON for programs')
    .action(doctor)
  teach(command, {
    examples: ['carom doctor', 'carom doctor --json | jq -r \'.[] | select(.state != "ok") | .what\''],
    exits: { ok: 'Carom works here, though it may do without something', failed: 'Carom does not work here' },
  })
}

async function doctor({ json }: { readonly json?: boolean }): Promise<void> {
  const findings = [node(), platform(), addon(), await fork(), parentDeath()]
  if (json === true) printJson(findings)
  else
    print(
      table(
        ['CHECK', 'STATE', 'DETAIL'],
        findings.map(({ what, state, detail }) => [what, state, detail]),
      ),
    )
  // What is broken has been said, line by line.
  if (findings.some(({ state }) => state === 'broken')) process.exitCode = EXIT.failed
}

function node(): Finding {
  const [major, minor] = process.versions.node.split('.').map(Number) as [number, number]
  const isNewEnough = major > 20 || (major === 20 && minor >= 19)
  const advice = isNewEnough ? '' : ': Carom needs 20.19 or newer'
  return { what: 'Node', state: isNewEnough ? 'ok' : 'broken', detail: `${process.versions.node}${advice}` }
}

function platform(): Finding {
  const { platform, arch } = process
  if (platform === 'linux' || platform === 'darwin')
    return { what: 'system', state: 'ok', detail: `${platform} ${arch}` }
  return { what: 'system', state: 'broken', detail: `${platform} ${arch}: use Linux or macOS, on Windows WSL 2` }
}

function addon(): Finding {
  const found = findAddon()
  if (found.addon !== null) return { what: 'addon', state: 'ok', detail: 'loaded' }
  const cost = 'children are asked what they have begun, in a write of their own for each job'
  return { what: 'addon', state: 'limited', detail: `${found.reason}; ${cost}` }
}

async function fork(): Promise<Finding> {
  const reason = await whyNoFork()
  if (reason === null) return { what: 'fork', state: 'ok', detail: 'a forked child did all that children do' }
  return {
    what: 'fork',
    state: 'limited',
    detail: `${reason}; children are spawned, with startMethod 'auto' by themselves`,
  }
}

function parentDeath(): Finding {
  const what = 'parent death'
  if (findAddon().addon !== null) return { what, state: 'ok', detail: 'the kernel kills a child with its parent' }
  const path = findSetpriv()
  if (path !== null) return { what, state: 'ok', detail: `the kernel kills a child with its parent, by ${path}` }
  const cost = 'a spawned child in an endless loop is ended by the sentry alone when its parent is killed'
  return { what, state: 'limited', detail: `there is neither the addon nor setpriv: ${cost}` }
}
