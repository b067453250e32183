import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { build } from 'esbuild'
import { findAddon } from '../../src/native/addon.ts'
import { type ConsumerProject, createConsumer, projectRoot } from './consumer-project.ts'
import { SOURCES, TSCONFIGS } from './consumer-sources.ts'

const SUBPATHS = ['carom', 'carom/job', 'carom/pool', 'carom/worker']
const COMPILATIONS = [
  { name: 'TypeScript 5.9', compiler: 'typescript5/bin/tsc', configs: ['nodenext', 'bundler'] },
  { name: 'TypeScript 7', compiler: 'typescript/bin/tsc', configs: ['nodenext', 'bundler', 'browser'] },
]

describe('the packed package', () => {
  let consumer: ConsumerProject

  before(async () => {
    consumer = await createConsumer()
    for (const [path, text] of Object.entries(SOURCES)) consumer.write(path, text)
    for (const [path, config] of Object.entries(TSCONFIGS)) consumer.write(path, JSON.stringify(config))
  })

  after(() => consumer?.remove())

  it('holds compiled code, declarations and its papers, nothing else', () => {
    const strange = consumer.packed.filter(
      (path) =>
        !/^dist\/.+(?:\.d\.ts|\.js)$|^dist\/prebuilds\/[^/]+\/carom\.[a-z.]+\.node$|^[A-Z]+(?:\.md)?$|^package\.json$/.test(
          path,
        ),
    )
    assert.deepEqual(strange, [])
    assert.ok(consumer.packed.includes('dist/index.d.ts'))
  })

  describe('type-checks a consumer, wrong calls included', { concurrency: 2 }, () => {
    for (const { name, compiler, configs } of COMPILATIONS) {
      for (const config of configs) {
        it(`with ${name} and tsconfig.${config}.json`, async () => {
          const program = join(projectRoot, 'node_modules', compiler)
          await consumer.run(process.execPath, [program, '-p', `tsconfig.${config}.json`])
        })
      }
    }
  })

  it('loads by import and by require, as the same modules', async () => {
    consumer.write(
      'load.cjs',
      `const required = ${JSON.stringify(SUBPATHS)}.map((name) => [name, require(name)])
       Promise.all(required.map(async ([name, module]) => {
         const imported = await import(name)
         const same = Object.keys(imported).filter((key) => key !== 'module.exports').every((key) => imported[key] === module[key])
         return [name, same, Object.keys(imported).length > 0]
       })).then((found) => console.log(JSON.stringify(found)))`,
    )
    const { stdout } = await consumer.run(process.execPath, ['load.cjs'])
    assert.deepEqual(
      JSON.parse(stdout),
      SUBPATHS.map((name) => [name, true, true]),
    )
  })

  it('brings its addon along, and forks with it', {
    skip: findAddon().addon === null && 'there is no addon',
  }, async () => {
    const { stdout } = await consumer.run('node_modules/.bin/carom', ['doctor', '--json'])
    const found = JSON.parse(stdout) as { readonly what: string; readonly state: string; readonly detail: string }[]
    for (const what of ['addon', 'fork']) {
      const finding = found.find((each) => each.what === what)
      assert.equal(finding?.state, 'ok', finding?.detail)
    }
  })

  it('gives a bundled producer no pool and no worker', async () => {
    consumer.write('shop.js', "import { Carom } from 'carom'\nexport const app = new Carom('shop')\n")
    const { metafile } = await build({
      absWorkingDir: consumer.folder,
      entryPoints: ['shop.js'],
      outfile: 'shop.bundle.mjs',
      bundle: true,
      platform: 'node',
      format: 'esm',
      external: ['libsql'],
      metafile: true,
      logLevel: 'silent',
    })
    const inputs = Object.keys(metafile.inputs)
    assert.ok(inputs.includes('node_modules/carom/dist/index.js'), inputs.join('\n'))
    assert.deepEqual(
      inputs.filter((path) => /carom\/dist\/(?:pool|worker|cli)\//.test(path)),
      [],
    )
    await consumer.run(process.execPath, ['shop.bundle.mjs'])
  })

  it('lets a script that only sends a task end by itself within a second', async (t) => {
    consumer.write(
      'send.js',
      `import { Carom } from 'carom'
       const add = new Carom('shop').task('shop.add', (a, b) => a + b)
       await add.delay(2, 3)`,
    )
    const { elapsedMs } = await consumer.run(process.execPath, ['send.js'])
    t.diagnostic(`from spawn to exit: ${elapsedMs.toFixed(0)} ms`)
    assert.ok(elapsedMs < 1_000, `it took ${elapsedMs.toFixed(0)} ms`)
    assert.ok(existsSync(join(consumer.folder, '.carom/shop.sqlite')), 'nothing was stored')
  })

  it('brings the command carom', async () => {
    const { stdout } = await consumer.run('node_modules/.bin/carom', ['--help'])
    assert.match(stdout, /carom worker/)
  })
})
