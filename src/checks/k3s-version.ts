import { satisfies } from 'semver';
import { foreign } from '../foreign.ts';
import type { Check } from './check.ts';

export const k3sVersion: Check = {
  id: 'k3s-version',
  kind: 'guard',
  title: 'Kubernetes version',
  limit: 'in the range that the product supports',
  why: 'the chart was made for these versions and tested with them',
  fix: 'k3s --version',
  timeoutSeconds: 30,
  flows: ['install', 'upgrade'],
  async measure({ product, kubectl, signal }) {
    const { versionRange } = product.k3s;
    const version = await kubectl.serverVersion({ signal });
    const fits = satisfies(version, versionRange, { includePrerelease: true });
    return {
      outcome: fits ? 'ok' : 'fail',
      measured: `the cluster runs Kubernetes ${foreign(version)}`,
      limit: `this release supports ${versionRange}`,
    };
  },
};
