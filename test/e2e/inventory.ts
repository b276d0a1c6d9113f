import assert from 'node:assert/strict';
import type { TestHost } from './host.ts';

/** What a host has on disks of its own; the rest of its root is the machine's, where others are at work. */
const places = '/etc /opt /root /usr/local /var/lib';

/** Places that change by themselves, and those that tests make themselves. */
const passed =
  '/var/lib/rancher /var/lib/kubelet /var/lib/cni /var/lib/lab /usr/local/lib/lab /opt/packages ' +
  '/root/.cache /root/.kube /root/license.json /root/ivaap-first /root/ivaap-second';

/** Files, mounts, objects and images with their labels: what an install may change of a host. */
export async function inventory(host: TestHost): Promise<string[]> {
  const prune = passed
    .split(' ')
    .map((path) => `-path ${path} -prune -o`)
    .join(' ');
  const [files, mounts, objects, images] = await Promise.all([
    host.shell(`find ${places} ${prune} -printf 'file %p %y %m %U:%G %l\\n' | sort`),
    host.shell(`findmnt -rno TARGET | grep -vE '^/(proc|sys|dev|run|var/lib/kubelet|opt/packages)' | sort`),
    host.kubectl('get', 'namespaces,persistentvolumes,storageclasses,clusterroles', '-o', 'name'),
    host.k3s('ctr', 'images', 'list'),
  ]);
  assert.equal(objects.code, 0, objects.stderr);
  assert.equal(images.code, 0, images.stderr);
  return [
    ...linesOf(files.stdout),
    ...linesOf(mounts.stdout).map((line) => `mount ${line}`),
    ...linesOf(objects.stdout),
    ...linesOf(images.stdout).map((line) => `image ${line.replaceAll(/\s+/g, ' ')}`),
  ];
}

const linesOf = (text: string) => text.trim().split('\n');
