/** Of `msgpackr/pack` and `msgpackr/unpack`, whose own declarations no compiler can read. What they export is the same. */
export { addExtension, Packr, RESET_BUFFER_MODE, Unpackr } from 'msgpackr'
