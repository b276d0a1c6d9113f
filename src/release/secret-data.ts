import type { KubeObject, Manifest } from '../host/kubectl.ts';

type Packed = Record<string, string | null> | null | undefined;

/**
 * Texts of a Secret or a ConfigMap by their keys, as a pod would read them. A chart may render a key, or all
 * of them, with nothing there: Kubernetes leaves those out.
 */
export function decodeData(object: KubeObject | Manifest): Record<string, string> {
  const { kind, data, stringData, binaryData } = object as Manifest & {
    data?: Packed;
    stringData?: Packed;
    binaryData?: Packed;
  };
  const texts = (packed: Packed, decode: (text: string) => string) =>
    Object.fromEntries(
      Object.entries(packed ?? {}).flatMap(([key, text]) =>
        typeof text === 'string' ? [[key, decode(text)]] : [],
      ),
    );
  const plain = (text: string) => text;
  const decoded = (text: string) => Buffer.from(text, 'base64').toString('utf8');
  return {
    ...texts(data, kind === 'Secret' ? decoded : plain),
    ...texts(binaryData, decoded),
    ...texts(stringData, plain),
  };
}
