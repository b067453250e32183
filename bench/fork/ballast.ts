/** 100 MB of objects. */
export const ballast = Array.from({ length: 600_000 }, (_, number) => ({
  number,
  text: `the item of number ${number}`,
  next: [number],
}))

export function noop(): void {}
