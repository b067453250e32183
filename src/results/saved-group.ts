/** A group of results as a backend keeps it: which tasks belong together, not what became of them. */
export interface SavedGroup {
  readonly groupId: string
  /** Ids of tasks, and groups within the group, in order. */
  readonly members: readonly (string | SavedGroup)[]
}
