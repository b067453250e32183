/**
 * The other pools, loaded by a name the compiler does not follow: their declarations are not ours to compile, and one
 * that is not installed fails only its own row.
 */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { sep } from 'node:path'

export async function loadPackage<T>(name: string): Promise<T> {
  const namespace = (await import(name)) as { readonly default?: T } & T
  return namespace.default !== undefined && Object.keys(namespace).length === 1 ? namespace.default : namespace
}

/** `null` for what is no package, or not installed. */
export function packageVersion(name: string | null): string | null {
  if (name === null) return null
  try {
    const entry = createRequire(import.meta.url).resolve(name)
    const folder = `${sep}node_modules${sep}${name}${sep}`
    const root = entry.slice(0, entry.lastIndexOf(folder) + folder.length)
    const { version } = JSON.parse(readFileSync(`${root}package.json`, 'utf8')) as { version: string }
    return version
  } catch {
    return null
  }
}

/** The version behind the first part of a name, which ends with a comma or a bracket. */
export function withVersion(name: string, version: string | null): string {
  if (version === null) return name
  const at = name.search(/,| \(|$/)
  return `${name.slice(0, at)} ${version}${name.slice(at)}`
}
