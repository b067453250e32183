/** What arrives of a value, type by type. */
import type { NotSendable, Wire } from '../../src/index.ts'
import { same } from './same.ts'

// JSON values, and what has a tag on the wire, arrive as they are.
same<Wire<string>, string>()
same<Wire<number | boolean | null>, number | boolean | null>()
same<Wire<'a' | 'b' | 5>, 'a' | 'b' | 5>()
same<Wire<Date>, Date>()
same<Wire<Uint8Array>, Uint8Array>()
same<Wire<Buffer>, Uint8Array>()
same<Wire<unknown>, unknown>()
same<Wire<never>, never>()
declare const anything: Wire<ReturnType<typeof JSON.parse>>
same<typeof anything, ReturnType<typeof JSON.parse>>()

// What the wire changes.
same<Wire<bigint>, bigint | number>()
same<Wire<undefined>, null>()
same<Wire<void>, null>()
same<Wire<string | undefined>, string | null>()
same<Wire<URL>, string>()
same<Wire<{ toJSON(): { at: Date; n: bigint } }>, { at: Date; n: bigint | number }>()

// Arrays and tuples, readonly or not.
same<Wire<Date[]>, Date[]>()
same<Wire<readonly bigint[]>, readonly (bigint | number)[]>()
same<Wire<[string, URL]>, [string, string]>()
same<Wire<readonly [a: 1, b: bigint]>, readonly [a: 1, b: bigint | number]>()
same<Wire<[string, ...bigint[]]>, [string, ...(bigint | number)[]]>()

// Objects: keys keep their modifiers, and what may be undefined may be missing.
interface Row {
  id: bigint
  readonly at: Date
  note: string | undefined
  tags?: string[]
  extra: unknown
}
interface ArrivedRow {
  id: bigint | number
  readonly at: Date
  extra: unknown
  note?: string
  tags?: string[]
}
same<keyof Wire<Row>, keyof ArrivedRow>()
const row: ArrivedRow = {} as Wire<Row>
const back: Wire<Row> = {} as ArrivedRow

export { back, row }

same<Wire<{ a: number; b: { c: URL } }>, { a: number; b: { c: string } }>()
same<Wire<Record<string, bigint>>, { [x: string]: bigint | number }>()
same<Wire<{ type: 'a'; at: Date } | { type: 'b' }>, { type: 'a'; at: Date } | { type: 'b' }>()
type UserId = string & { readonly brand: 'user' }
same<Wire<UserId>, UserId>()

// Types that contain themselves.
type Json = string | number | boolean | null | Json[] | { [key: string]: Json }
interface Node {
  value: bigint
  children: Node[]
  parent?: Node
}
const json: Json = {} as Wire<Json>
const deep: number | bigint | undefined = ({} as Wire<Node>).children[0]?.parent?.children[0]?.value

export { deep, json }

// What has no form on the wire.
same<Wire<() => void>, NotSendable<'a function cannot be sent'>>()
same<Wire<typeof Date>, NotSendable<'a function cannot be sent'>>()
same<Wire<symbol>, NotSendable<'a symbol cannot be sent'>>()
same<Wire<Map<string, number>>, NotSendable<'a Map cannot be sent: send an array of its entries'>>()
same<Wire<ReadonlySet<string>>, NotSendable<'a Set cannot be sent: send an array of its values'>>()
same<Wire<Promise<string>>, NotSendable<'a promise cannot be sent: await it first'>>()
same<Wire<{ a: { fn: () => void } }>, { a: { fn: NotSendable<'a function cannot be sent'> } }>()
