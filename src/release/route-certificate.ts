import type { Kubectl, Secret } from '../host/kubectl.ts';
import { readRegularText } from '../host/regular-file.ts';
import type { RouteTarget } from './route-target.ts';

/**
 * The certificates that a route's own is held against, in PEM; undefined: it is not verified. Throws an Error
 * that says what is missing.
 */
export async function trustedOf(
  { certificate }: RouteTarget,
  namespace: string,
  kubectl: () => Promise<Pick<Kubectl, 'get'>>,
  signal: AbortSignal,
): Promise<string[] | undefined> {
  if (certificate === undefined || certificate === 'not-verified') return undefined;
  if ('caFile' in certificate) {
    const { caFile } = certificate;
    const text = await readRegularText(caFile).catch((cause: unknown) => {
      throw new Error(`the file of CA certificates ${caFile} cannot be read`, { cause });
    });
    if (!isPem(text)) throw new Error(`${caFile} holds no certificate in PEM`);
    return [text];
  }
  const { secret } = certificate;
  const scope = { namespace, signal };
  const found = await (await kubectl()).get<Secret>('secret', secret, scope);
  if (found === undefined) throw new Error(`there is no Secret/${secret} with the certificate`);
  const texts = ['tls.crt', 'ca.crt'].flatMap((key) => {
    const encoded = found.data?.[key];
    const text = encoded === undefined ? '' : Buffer.from(encoded, 'base64').toString('utf8');
    return isPem(text) ? [text] : [];
  });
  if (texts.length === 0) throw new Error(`Secret/${secret} has no certificate in tls.crt or ca.crt`);
  return texts;
}

const isPem = (text: string): boolean => text.includes('-----BEGIN CERTIFICATE-----');
