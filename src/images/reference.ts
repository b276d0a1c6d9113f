/** The full name under which containerd and kubelet keep an image that a chart may name more briefly: registry and tag added. */
export function fullReference(reference: string): string {
  const [first = '', ...rest] = reference.split('/');
  const namesRegistry = rest.length > 0 && (/[.:]/.test(first) || first === 'localhost');
  const withRegistry = namesRegistry
    ? reference
    : `docker.io/${rest.length === 0 ? `library/${reference}` : reference}`;
  const last = withRegistry.slice(withRegistry.lastIndexOf('/') + 1);
  return /[:@]/.test(last) ? withRegistry : `${withRegistry}:latest`;
}
