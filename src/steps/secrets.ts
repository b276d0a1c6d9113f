import { randomBytes } from 'node:crypto';
import * as z from 'zod';
import type { Step, StepIo } from '../engine/step.ts';
import { IvaapError } from '../errors.ts';
import type { InstallContext } from '../release/context.ts';
import { secretManifest } from '../release/manifests.ts';
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
  destructive: true,
  inputs: (ctx) => ({
    license: ctx.license === undefined ? null : sha256Of(ctx.license.text),
    names: names(ctx),
  }),
  plan: async (ctx) => ({ action: 'run', summary: `create the Secrets ${names(ctx).join(', ')}` }),

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

  async undo(ctx) {
    for (const name of names(ctx)) {
      await ctx.kubectl.delete('secret', name, { namespace: ctx.product.namespace });
    }
  },
};

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
  for (const { name, keys } of generated) {
    // The database was created with the first password: a second one would lock the product out.
    if ((await kubectl.get('secret', name, { namespace: product.namespace })) !== undefined) {
      io.log(`${name} already exists and is kept`);
      continue;
    }
    const data = Object.fromEntries(
      Object.entries(keys).map(([key, bytes]) => [key, randomBytes(bytes).toString('base64url')]),
    );
    Object.values(data).forEach((secret) => ctx.hide(secret));
    await kubectl.apply([secretManifest(product, name, data)]);
  }
}
