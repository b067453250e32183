export type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false

/** Compiles only where both types are exactly the same: `same<typeof x, number>()`. */
export function same<A, B>(..._proof: Equal<A, B> extends true ? [] : ['the types differ', A, B]): void {}
