import { parse } from 'yaml';
import type { Secret } from '../host/kubectl.ts';
import { readRegularText } from '../host/regular-file.ts';
import { hideGenerated, hideValues, installedLicense } from '../release/secrets-of-host.ts';
import { readValuesFile } from '../release/values-file.ts';
import type { Collector } from './collector.ts';
import type { Redactor } from '../engine/redact.ts';

/** Keys of Secrets whose values everybody may read, and that stand in every line. */
const open = /(?:user|name|host|port|database|^db|namespace|ca\.crt)$/i;
/** `database-password`, `passport`: what sounds like a secret is one, whatever else its key says. */
const secretive = /pass|pwd|secret|token|key|cred|auth/i;
const mostBytes = 64 * 1024;

/**
 * Reads the secrets of this host to hide them, and keeps no document. Where one source cannot be read the
 * others still count, and what looks like a secret is removed in any case.
 */
export const knownSecrets: Collector = {
  id: 'known-secrets',
  title: "This host's secrets, to be removed from the bundle",
  timeoutMs: 10_000,
  async collect(ctx) {
    const { product, paths } = ctx.opened;
    const hidden = { add: ctx.hide } as Redactor;
    const failed: unknown[] = [];
    const attempt = (work: () => Promise<unknown>) => work().catch((error: unknown) => failed.push(error));
    await attempt(async () =>
      hideValues(product, await readValuesFile(paths.values, ctx.ports.program), hidden),
    );
    await attempt(async () => hideKubeconfig(await readRegularText(product.k3s.kubeconfig), ctx.hide));
    await attempt(async () => {
      const { kubectl } = await ctx.host();
      await hideGenerated(kubectl, product, hidden);
      await installedLicense(kubectl, product, hidden);
      const { namespace } = product;
      const secrets = await kubectl.list<Secret>('secrets', { namespace, signal: ctx.signal });
      for (const { type, metadata, data = {} } of secrets) {
        if (type === 'helm.sh/release.v1' || metadata.labels?.owner === 'helm') continue;
        for (const [key, encoded] of Object.entries(data)) {
          if ((open.test(key) && !secretive.test(key)) || encoded.length > mostBytes) continue;
          ctx.hide(encoded);
          ctx.hide(Buffer.from(encoded, 'base64').toString());
        }
      }
    });
    if (failed.length > 0) throw failed[0];
  },
};

/** What a kubeconfig keeps of its users. */
function hideKubeconfig(text: string, hide: (secret: string) => void): void {
  const { users = [] } = (parse(text) ?? {}) as { users?: { user?: Record<string, unknown> }[] };
  for (const { user = {} } of users ?? []) {
    for (const [key, value] of Object.entries(user)) {
      if (typeof value !== 'string' || key === 'username') continue;
      hide(value);
      if (key.endsWith('-data')) hide(Buffer.from(value, 'base64').toString());
    }
  }
}
