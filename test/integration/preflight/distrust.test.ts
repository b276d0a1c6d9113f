import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { IvaapError } from '../../../src/errors.ts';
import { assertCluster } from '../../../src/session/host-tools.ts';
import { createKubectl } from '../../../src/host/kubectl.ts';
import { isClusterDown } from '../../../src/host/cluster-down.ts';
import type { Product } from '../../../src/payload/product-schema.ts';
import { startApiServer, type TestApiServer } from '../../fixtures/api-server.ts';

/** An API server that answers and does not accept us is another thing than one that does not answer. */

interface Kubeconfig {
  clusters: { cluster: Record<string, unknown> }[];
  users: { user: Record<string, unknown> }[];
}

describe('an API server and we do not come together', () => {
  let server: TestApiServer;
  before(async () => (server = await startApiServer()));
  after(() => server.stop());

  async function refusal(edit: (config: Kubeconfig) => void, missing = false): Promise<IvaapError> {
    const config = JSON.parse(readFileSync(server.kubeconfig, 'utf8')) as Kubeconfig;
    edit(config);
    const kubeconfig = join(server.folder, missing ? 'no-such.yaml' : 'other.yaml');
    if (!missing) writeFileSync(kubeconfig, JSON.stringify(config));
    const kubectl = createKubectl(server.runner, { k3s: server.k3s, kubeconfig, manager: 'm' });
    const error = await assertCluster(kubectl, { k3s: { kubeconfig } as Product['k3s'] }).then(
      () => undefined,
      (reason: unknown) => reason as IvaapError,
    );
    assert.ok(error, 'it is refused');
    assert.equal(error.exitCode, 3);
    return error;
  }

  /** A client certificate that was good until yesterday. */
  function expired(): { certificate: string; key: string } {
    const file = (name: string) => join(server.folder, name);
    const openssl = (words: string) => execFileSync('openssl', words.split(' '), { stdio: 'ignore' });
    openssl(`req -newkey rsa:2048 -nodes -subj /CN=admin -keyout ${file('old.key')} -out ${file('old.csr')}`);
    openssl(`x509 -req -in ${file('old.csr')} -signkey ${file('old.key')} -days -1 -out ${file('old.crt')}`);
    const read = (name: string) => readFileSync(file(name)).toString('base64');
    return { certificate: read('old.crt'), key: read('old.key') };
  }

  it('names our certificate that has expired, with what renews it', async () => {
    const { certificate, key } = expired();
    const error = await refusal(({ users }) => {
      users[0]!.user = {
        token: 'no-such-token',
        'client-certificate-data': certificate,
        'client-key-data': key,
      };
    });
    assert.match(
      error.message,
      /^the API server answers, but the certificate of \S+other\.yaml expired on \S+Z$/,
    );
    assert.match(error.hint ?? '', /systemctl restart k3s$/);
  });

  it('says of an identity that is not accepted that the server answers, and does not wait for it', async () => {
    const error = await refusal(({ users }) => (users[0]!.user = { token: 'no-such-token' }));
    assert.match(
      error.message,
      /^the API server answers, but its certificate, or the one .* is not accepted$/,
    );
    assert.equal(isClusterDown(error), false);
  });

  it('says the same of an authority that is unknown', async () => {
    const error = await refusal(({ clusters }) => delete clusters[0]!.cluster['insecure-skip-tls-verify']);
    assert.match(
      error.message,
      /^the API server answers, but its certificate, or the one .* is not accepted$/,
    );
  });

  it('names a kubeconfig that is not there', async () => {
    const error = await refusal(() => {}, true);
    assert.match(error.message, /kubeconfig \S+no-such\.yaml is missing/);
    assert.match(error.hint ?? '', /systemctl cat k3s/);
  });

  it('still says of a port where nobody listens that nothing answers', async () => {
    const error = await refusal(({ clusters }) => (clusters[0]!.cluster['server'] = 'https://127.0.0.1:1'));
    assert.equal(error.message, 'the Kubernetes API server does not answer');
    assert.equal(isClusterDown(error), true);
  });
});
