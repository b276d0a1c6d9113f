import type { KubeObject, Manifest } from '../host/kubectl.ts';

/** Texts of a Secret or a ConfigMap by their keys, as a pod would read them. */
export function decodeData(object: KubeObject | Manifest): Record<string, string> {
  const {
    kind,
    data = {},
    stringData = {},
    binaryData = {},
  } = object as Manifest & {
    data?: Record<string, string>;
    stringData?: Record<string, string>;
    binaryData?: Record<string, string>;
  };
  const decoded = (packed: Record<string, string>) =>
    Object.fromEntries(
      Object.entries(packed).map(([key, text]) => [key, Buffer.from(text, 'base64').toString('utf8')]),
    );
  return { ...(kind === 'Secret' ? decoded(data) : data), ...decoded(binaryData), ...stringData };
}
