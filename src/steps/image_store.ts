import { existsSync } from 'node:fs';

/** containerd's root in k3s' layout, or the socket's file system where the host has another. */
export function imageStore(socket: string): string {
  const usual = '/var/lib/rancher/k3s/agent/containerd';
  return existsSync(usual) ? usual : socket;
}
