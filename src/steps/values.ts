import { rm, stat } from 'node:fs/promises';
import { readRegularText } from '../host/regular-file.ts';
import type { Step } from '../engine/step.ts';
import { IvaapError } from '../errors.ts';
import { makeFolder, writeFileAtomic } from '../host/atomic-file.ts';
import type { InstallContext } from './context.ts';
import { parseValues } from './values_file.ts';
import { sha256Of, writeOverlay } from './values_overlay.ts';
import { renderValues } from './values_template.ts';

type Written = {
  values: { path: string; sha256: string };
  overlay: { path: string | null; patches: string[] };
};

/** Writes the values file once; it is the operator's from then on. */
export const values: Step<InstallContext, Written> = {
  id: 'values',
  title: 'Write the values file',
  needs: ['postgres'],
  midpoint: 'values-written',
  revision: 1,
  inputs: ({ fqdn, storagePath, valuesFrom, license, paths }) => ({
    fqdn,
    storagePath,
    entitlements: license?.entitlements ?? [],
    // What an earlier attempt wrote is no other source: `reuse` sees whether it was edited.
    from: valuesFrom === undefined || valuesFrom.path === paths.values ? null : sha256Of(valuesFrom.text),
  }),
  plan: async ({ paths, valuesFrom, product }) => ({
    action: 'run',
    summary: `write ${paths.values} from ${valuesFrom?.path ?? `the payload's ${product.values.template}`}`,
  }),

  async run(ctx, io) {
    const { paths, product, payload, fqdn, storagePath, valuesFrom } = ctx;
    const template = valuesFrom?.text ?? (await payload.readEntry(product.values.template)).toString();
    const answers = { fqdn, storagePath, entitlements: ctx.license?.entitlements ?? [] };
    const text = renderValues(product, template, answers, valuesFrom !== undefined);
    await makeFolder(paths.folder);
    await writeFileAtomic(paths.values, text, { mode: 0o600 });
    await io.midpoint();
    const patches = await writeOverlay(ctx, parseValues(paths.values, text));
    if (patches.length > 0) io.log(`values patches in ${paths.overlay}: ${patches.join(', ')}`);
    return {
      values: { path: paths.values, sha256: sha256Of(text) },
      overlay: { path: patches.length > 0 ? paths.overlay : null, patches },
    };
  },

  async verify({ paths }) {
    await stat(paths.values);
  },

  async reuse({ paths }, out) {
    if (sha256Of(await readRegularText(paths.values)) === out.values.sha256) return;
    throw new IvaapError('failed', `${paths.values} was edited`);
  },

  async undo({ paths }) {
    await rm(paths.values, { force: true });
    await rm(paths.overlay, { force: true });
  },
};
