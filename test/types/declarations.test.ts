/** The type tests once more, as a consumer compiles them: against the declarations, by both compilers. */
import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const root = fileURLToPath(new URL('../../../', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'carom-types-'))
after(() => rmSync(folder, { recursive: true, force: true }))

const COMPILERS = { 'TypeScript 7': 'typescript/bin/tsc', 'TypeScript 5.9': 'typescript5/bin/tsc' }

before(async () => {
  const carom = join(folder, 'node_modules/carom')
  mkdirSync(carom, { recursive: true })
  symlinkSync(join(root, 'package.json'), join(carom, 'package.json'))
  const build = join(folder, 'tsconfig-build.json')
  const declarations = { emitDeclarationOnly: true, rootDir: join(root, 'src'), outDir: join(carom, 'dist') }
  writeFileSync(
    build,
    JSON.stringify({
      extends: join(root, 'tsconfig.build.json'),
      compilerOptions: { ...declarations, typeRoots: [join(root, 'node_modules/@types')] },
      include: [],
      files: [join(root, 'src/index.ts')],
    }),
  )
  await compile(COMPILERS['TypeScript 7'], ['-p', build])
  for (const name of ['@standard-schema', '@types', 'zod', 'undici-types']) {
    symlinkSync(join(root, 'node_modules', name), join(folder, 'node_modules', name))
  }
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
  const sources = join(root, 'test/types')
  for (const name of readdirSync(sources).filter((file) => /(\.types|^same)\.ts$/.test(file))) {
    const source = readFileSync(join(sources, name), 'utf8')
    const asConsumer = source.replaceAll('../../src/index.ts', 'carom').replaceAll('./same.ts', './same.js')
    writeFileSync(join(folder, name), asConsumer)
  }
})

for (const [name, compiler] of Object.entries(COMPILERS)) {
  for (const exactOptionalPropertyTypes of [true, false]) {
    test(`${name}, exactOptionalPropertyTypes ${exactOptionalPropertyTypes}: right calls compile and wrong ones do not`, async () => {
      const project = join(folder, `tsconfig-${exactOptionalPropertyTypes}.json`)
      const compilerOptions = {
        target: 'es2022',
        module: 'nodenext',
        lib: ['es2023'],
        types: ['node'],
        strict: true,
        exactOptionalPropertyTypes,
        // The declarations themselves are checked where the package is tested; here it would take three times as long.
        skipLibCheck: true,
        declaration: true,
        emitDeclarationOnly: true,
        outDir: join(folder, 'emitted'),
      }
      writeFileSync(project, JSON.stringify({ compilerOptions, include: ['*.ts'] }))
      await compile(compiler, ['-p', project])
    })
  }
}

async function compile(compiler: string, args: readonly string[]): Promise<void> {
  const command = [join(root, 'node_modules', compiler), ...args]
  try {
    await promisify(execFile)(process.execPath, command, { cwd: folder, timeout: 60_000 })
  } catch (error) {
    throw new Error(`It does not compile:\n${(error as { stdout?: string }).stdout}`, { cause: error })
  }
}
