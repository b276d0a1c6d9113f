import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { pullsAlways } from '../../../src/release/pod-templates.ts';
import { startApiServer, type TestApiServer } from '../../fixtures/api-server.ts';

/** Which images the API server itself has pulled at each start, where nothing is said. */

let server: TestApiServer;
before(async () => {
  server = await startApiServer();
});
after(() => server.stop());

const digest = `sha256:${'a'.repeat(64)}`;

test('the default of imagePullPolicy is the API server’s own, by tag and digest', async () => {
  for (const [image, always] of [
    ['r.example/a:1', false],
    ['r.example/a', true],
    ['r.example:5000/a', true],
    ['r.example/a:latest', true],
    [`r.example/a@${digest}`, false],
    [`r.example/a:1@${digest}`, false],
    [`r.example/a:latest@${digest}`, true],
  ] as const) {
    const { stdout } = await server.runner.run([
      ...([server.k3s, 'kubectl', '--kubeconfig', server.kubeconfig] as const),
      'run',
      'web',
      `--image=${image}`,
      '--dry-run=server',
      '--output=json',
    ]);
    const { spec } = JSON.parse(stdout) as { spec: { containers: { imagePullPolicy: string }[] } };
    assert.equal(spec.containers[0]?.imagePullPolicy, always ? 'Always' : 'IfNotPresent', image);
    assert.equal(pullsAlways({ name: 'web', image }), always, image);
  }
});
