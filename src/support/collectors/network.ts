import { readFile } from 'node:fs/promises';
import { known } from '../../known.ts';
import { said } from '../said.ts';
import type { Collector } from '../collector.ts';

export const network: Collector = {
  id: 'network',
  title: 'Names, addresses, routes, ports and the firewall',
  timeoutMs: 10_000,
  async collect(ctx) {
    const ask = async (name: string, ...argv: [string, ...string[]]) =>
      ctx.add(name, await said(ctx, ...argv));
    for (const path of ['/etc/resolv.conf', '/etc/hosts', '/etc/nsswitch.conf']) {
      const text = await known(readFile(path, 'utf8'));
      ctx.add(path.slice('/etc/'.length), text.known ? text.value || 'empty' : `not known: ${text.why}`);
    }
    await Promise.all([
      ask('addresses.txt', 'ip', '-statistics', 'address'),
      ask('routes.txt', 'ip', 'route', 'show', 'table', 'all'),
      ask('ports.txt', 'ss', '--listening', '--tcp', '--udp', '--numeric', '--processes'),
      ask('firewall.txt', 'iptables', '--list-rules'),
      // k3s wants both switched off, or rules for its pods.
      ask('firewall-services.txt', 'systemctl', 'is-active', 'firewalld', 'ufw'),
    ]);
  },
};
