import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { certificates, judgeCertificates } from '../../../src/checks/certificates.ts';
import { usedCertificates } from '../../../src/host/k3s-certificates.ts';

test('of the certificates below k3s’ folder only those count that something uses', async (t) => {
  const data = mkdtempSync(join(tmpdir(), 'k3s-'));
  t.after(() => rmSync(data, { recursive: true }));
  const put = (path: string, text = '') => {
    mkdirSync(join(data, path, '..'), { recursive: true });
    writeFileSync(join(data, path), text);
  };
  for (const name of ['client-kube-proxy', 'client-admin', 'serving-kube-apiserver', 'server-ca']) {
    put(`server/tls/${name}.crt`);
  }
  for (const name of ['client-kube-proxy', 'client-kubelet', 'serving-kubelet', 'client-old']) {
    put(`agent/${name}.crt`);
  }
  put(
    'agent/kubelet.kubeconfig',
    'users:\n- user:\n    client-certificate: ' +
      `${data}/agent/client-kubelet.crt\n    client-key: ` +
      `${data}/agent/client-kubelet.key\n`,
  );
  put('server/cred/admin.kubeconfig', `users:\n- user:\n    client-certificate: ../tls/client-admin.crt\n`);
  const used = (await usedCertificates(data)).map((path) => path.slice(data.length + 1)).sort();
  assert.deepEqual(
    used,
    [
      'agent/client-kubelet.crt',
      'agent/serving-kubelet.crt',
      'server/tls/client-admin.crt',
      'server/tls/serving-kube-apiserver.crt',
      'server/tls/server-ca.crt',
    ].sort(),
  );
  // The orphan of an older k3s counts again once something names it.
  put('agent/kubeproxy.kubeconfig', `    client-certificate: ${data}/agent/client-kube-proxy.crt\n`);
  assert.ok((await usedCertificates(data)).includes(join(data, 'agent/client-kube-proxy.crt')));
  assert.ok(!(await usedCertificates(data)).includes(join(data, 'server/tls/client-kube-proxy.crt')));
});

test('one that has expired is reported as such, and an authority is not fixed by a restart', () => {
  const now = Date.parse('2026-11-22T12:00:00Z');
  const judged = (place: string, days: number) =>
    judgeCertificates([{ place, validTo: new Date(now + days * 86_400_000) }], now);
  assert.match(judged('/x/a.crt', -2).measured, /^\/x\/a\.crt expired on 2026-11-20T12:00:00\.000Z$/);
  assert.equal(judged('/x/a.crt', -2).fix ?? certificates.fix, 'systemctl restart k3s');
  assert.match(judged('/x/server-ca.crt', 10).fix ?? '', /^k3s certificate rotate-ca/);
});

const nowMs = Date.parse('2026-11-22T12:00:00Z');

test('the certificate that expires first decides: fails on its last day, warns in its last month', () => {
  const until = (days: number, place = 'x') => ({ place, validTo: new Date(nowMs + days * 86_400_000) });
  const outcomes = [-3, 0.5, 1.5, 29, 31].map(
    (days) => judgeCertificates([until(365), until(days, 'soon.crt')], nowMs).outcome,
  );
  assert.deepEqual(outcomes, ['fail', 'fail', 'warn', 'warn', 'ok']);
  assert.match(judgeCertificates([until(365), until(2, 'soon.crt')], nowMs).measured, /^2 days.*soon\.crt/);
  assert.equal(judgeCertificates([], nowMs).outcome, 'fail');
});
