/** The fact of a failure that says: the task never ran, its message could not be read. */
export const UNRUN = 'unrun'
