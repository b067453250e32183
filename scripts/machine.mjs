// The machines that Carom runs on.

/** Says in one line why this machine will not do, or gives `null`. `engines` is package.json's, as in ">=20.19". */
export function refusal({ platform, version, engines }) {
  if (platform === 'win32') return 'Carom does not run on Windows: use Linux, macOS or WSL'
  const [major, minor] = numbersIn(version)
  const [oldestMajor, oldestMinor] = numbersIn(engines)
  if (major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)) return null
  return `Node ${oldestMajor}.${oldestMinor} or newer is needed, this is ${version}`
}

function numbersIn(version) {
  return version.match(/\d+/g).map(Number)
}
