/** A certificate that has signed itself, of `localhost` and 127.0.0.1, for servers of tests. */
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'

/** Why there can be none here, for `skip`; false where there can. */
export const noOpenssl: string | false =
  (process.env.CAROM_TEST_SKIP_SYSTEM ?? '').split(',').includes('openssl') && 'openssl is not installed'

/** Makes it in `folder` and gives the paths of its PEM files. */
export function makeCertificate(folder: string): { readonly key: string; readonly certificate: string } {
  const [key, certificate] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1']
  const made = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', ...subject]
  execFileSync('openssl', [...made, '-keyout', key, '-out', certificate], { stdio: 'ignore' })
  return { key, certificate }
}
