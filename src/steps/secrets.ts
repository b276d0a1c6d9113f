import { randomBytes } from 'node:crypto';
import * as z from 'zod';
import type { Step, StepIo } from '../engine/step.ts';
import { makeBackupFolder } from '../backup/backup-folder.ts';
import { type KeptSecrets, keepSecrets, readKeptSecrets } from '../backup/kept-secrets.ts';
import { IvaapError } from '../errors.ts';
import type { KubeObject } from '../host/kubectl.ts';
import type { InstallContext } from '../release/context.ts';
import { secretManifest } from '../release/manifests.ts';
import { stopOf } from '../release/undo-stops.ts';
import { assertSecretsOfData, keptDataPath, secretsOfData } from '../release/kept-data.ts';
import { hiddenText } from '../release/secrets-of-host.ts';
import { sha256Of } from '../release/values-overlay.ts';
import { namespace } from './namespace.ts';

const out = z.object({ secrets: z.array(z.string()) });

/** Generated passwords, written once and never replaced, and the licence. */
export const secrets: Step<InstallContext, z.infer<typeof out>> = {
  id: 'secrets',
  out,
  title: 'Create the secrets',
  needs: [namespace.id],
  revision: 1,
  inputs: (ctx) => ({
    license: ctx.license === undefined ? null : sha256Of(ctx.license.text),
    names: names(ctx),
  }),
  plan: async (ctx) => ({
    action: 'run',
    summary:
      `create the Secrets ${names(ctx).join(', ')}` +
      (ctx.keptData === undefined ? '' : `, with the passwords kept in ${keptDataPath(ctx.keptData.folder)}`),
  }),

  async run(ctx, io) {
    const { kubectl, product } = ctx;
    const { generatedSecrets } = product;
    const half = Math.ceil(generatedSecrets.length / 2);
    await generate(ctx, io, generatedSecrets.slice(0, half));
    await io.checkpoint('half-made');
    await generate(ctx, io, generatedSecrets.slice(half));
    if (product.license !== undefined && ctx.license !== undefined) {
      const { secret, key } = product.license;
      await kubectl.apply([secretManifest(product, secret, { [key]: ctx.license.bytes })]);
    }
    return { secrets: names(ctx) };
  },

  async verify(ctx) {
    for (const name of names(ctx)) {
      const found = await ctx.kubectl.get('secret', name, { namespace: ctx.product.namespace });
      if (found === undefined) throw new IvaapError('failed', `the Secret ${name} is missing`);
    }
  },

  undo: {
    destructive: true,

    async plan(ctx) {
      const { namespace: name } = ctx.product;
      const found = await Promise.all(
        allNames(ctx).map(async (secret) => ({ secret, ...(await stopOf(ctx, 'secret', secret, name)) })),
      );
      const there = found.filter((one) => one.there).map(({ secret }) => secret);
      return {
        removes: there.length === 0 ? [] : [`the Secrets ${there.join(', ')}`],
        keeps: there.length === 0 ? [] : ['their contents, in a backup, until an install is complete'],
        stops: found.flatMap(({ stop }) => stop ?? []),
      };
    },

    async run(ctx, io) {
      const { kubectl, product } = ctx;
      const scope = { namespace: product.namespace };
      const known = io.interrupted?.folder;
      const folder = await makeBackupFolder(ctx, io, typeof known === 'string' ? known : undefined);
      const found: KeptSecrets = {};
      for (const name of allNames(ctx)) {
        const secret = await kubectl.get<KubeObject & { data?: KeptSecrets[string] }>('secret', name, scope);
        if (secret !== undefined) found[name] = secret.data ?? {};
      }
      const path = await keepSecrets(folder, found, await readKeptSecrets(ctx.keptSecrets()));
      await ctx.recordKeptSecrets(path);
      await io.checkpoint('secrets-kept');
      for (const name of Object.keys(found)) await kubectl.delete('secret', name, scope);
      return { keptSecrets: path };
    },

    async verify(ctx) {
      for (const name of allNames(ctx)) {
        const found = await ctx.kubectl.get('secret', name, { namespace: ctx.product.namespace });
        if (found !== undefined) throw new IvaapError('failed', `the Secret ${name} still exists`);
      }
    },
  },
};

/** Also of a licence that this invocation does not know. */
const allNames = ({ product }: Pick<InstallContext, 'product'>): string[] => [
  ...product.generatedSecrets.map(({ name }) => name),
  ...(product.license === undefined ? [] : [product.license.secret]),
];

function names({ product, license }: InstallContext): string[] {
  return [
    ...product.generatedSecrets.map(({ name }) => name),
    ...(product.license === undefined || license === undefined ? [] : [product.license.secret]),
  ];
}

async function generate(
  ctx: InstallContext,
  io: StepIo,
  generated: InstallContext['product']['generatedSecrets'],
): Promise<void> {
  const { kubectl, product } = ctx;
  const kept = await readKeptSecrets(ctx.keptSecrets());
  const ofData = ctx.keptData === undefined ? {} : secretsOfData(ctx.keptData);
  // Others may have made one since the decision.
  if (ctx.keptData !== undefined) await assertSecretsOfData(kubectl, product, ctx.keptData, 'failed');
  for (const { name, keys } of generated) {
    // The database was created with the first password: a second one would lock the product out.
    if ((await kubectl.get('secret', name, { namespace: product.namespace })) !== undefined) {
      io.log(`${name} already exists and is kept`);
      continue;
    }
    const again = kept[name];
    if (again !== undefined) io.log(`${name}: as it was before a rollback deleted it`);
    const data = Object.fromEntries(
      Object.entries(keys).map(([key, bytes]) => {
        const encoded = again?.[key];
        const before = encoded === undefined ? undefined : Buffer.from(encoded, 'base64');
        // The data that an uninstall has kept were made with these; a rollback may have kept those of others.
        return [key, ofData[name]?.[key] ?? before ?? Buffer.from(randomBytes(bytes).toString('base64url'))];
      }),
    );
    Object.values(data).forEach((secret) => ctx.hide(hiddenText(secret)));
    await kubectl.apply([secretManifest(product, name, data)]);
  }
}
