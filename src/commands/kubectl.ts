import { writeSync } from 'node:fs';
import { IvaapError } from '../errors.ts';
import { becomeKubectl } from '../flows/become-kubectl.ts';
import type { NamedProduct } from '../policy/path-names.ts';
import { answer, assertStdoutOpen } from '../ui/answer.ts';
import { helpAlone } from './alone.ts';
import type { CommandText, Invocation } from './command.ts';
import { noticeUnsigned } from './unsigned-notice.ts';

/** `ki`: `k3s kubectl` with a namespace in front. */
export const kubectlText: CommandText = {
  arguments: [
    { name: '[namespace]', summary: "a namespace; without one, the product's own" },
    { name: '<arguments...>', summary: 'what kubectl gets, unchanged' },
  ],
  options: [],
  touches: [
    "The first word is a namespace, unless it is a flag or a command of kubectl: then the product's own " +
      'namespace is meant. All other words are passed on as they are. A namespace that is called like a ' +
      'command of kubectl needs -n NAMESPACE.',
    'This process becomes k3s kubectl, with the kubeconfig of k3s: terminal, signals and exit code are ' +
      'those of kubectl. Needs root where only root may read that kubeconfig.',
  ],
  examples: [
    ['ivaap get pods', 'k3s kubectl -n ivaap get pods'],
    ['get pods', "the same: get is a command, so the product's namespace is meant"],
    ['ivaap delete pod -l app=adminserver', 'deletes a pod; its controller starts a new one'],
    ['kube-system logs -l k8s-app=kube-dns --follow', 'of another namespace, until Ctrl-C'],
  ],
  exits: ['usage', 'preflight', 'payload'],
};

type Started = Pick<Invocation, 'program' | 'signal'> & { umask: number; summary: string };
type KubectlProduct = Parameters<typeof becomeKubectl>[1]['product'] & NamedProduct;

/** Becomes kubectl; returns only where help was asked for, with what prints it. */
export async function runKubectl(
  args: readonly string[],
  product: KubectlProduct,
  { program, signal, umask, summary }: Started,
): Promise<() => Promise<void>> {
  const [first] = args;
  if (first === undefined) {
    throw new IvaapError('usage', `${program} needs a namespace, or a command of kubectl`, {
      hint: `${program} ${product.namespace} get pods; more: ${program} --help`,
    });
  }
  if (args.length === 1 && (first === '--help' || first === '-h')) {
    return async () => {
      assertStdoutOpen();
      await answer(await helpAlone(kubectlText, summary, program), signal);
    };
  }
  // The stream is not opened for it: kubectl gets its descriptors as they were given to us.
  await noticeUnsigned((text) => {
    try {
      writeSync(2, text);
    } catch {
      // Nobody reads it.
    }
  });
  return becomeKubectl(args, { program, product, umask });
}
