import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { IvaapError } from '../errors.ts';
import { becomeProgram } from '../host/become-program.ts';
import { locateK3s } from '../host/k3s.ts';
import type { Product } from '../payload/product-schema.ts';
import { kubectlWords } from '../policy/kubectl-words.ts';
import { asRoot, quotedWord } from '../shell-word.ts';

/**
 * This process becomes `k3s kubectl` with the product's kubeconfig, whatever the operator's environment
 * names. Throws `preflight` where k3s is missing or only root may read that file.
 */
export async function becomeKubectl(
  typed: readonly string[],
  {
    program,
    product,
    umask,
  }: { program: string; product: Pick<Product, 'namespace' | 'k3s'>; umask: number },
): Promise<never> {
  const k3s = await locateK3s();
  const { kubeconfig } = product.k3s;
  // What else may be wrong with it, kubectl says itself.
  const why = await access(kubeconfig, constants.R_OK).then(
    () => undefined,
    (error: NodeJS.ErrnoException) => error.code,
  );
  if (why === 'EACCES') {
    throw new IvaapError('preflight', `this user may not read ${kubeconfig}`, {
      hint: asRoot([program, ...typed.map(quotedWord)].join(' ')),
    });
  }
  const argv = ['k3s', 'kubectl', ...kubectlWords(typed, product.namespace)];
  return becomeProgram(k3s, argv, { env: { ...process.env, KUBECONFIG: kubeconfig }, umask });
}
