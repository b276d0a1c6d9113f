import { IvaapError } from '../../errors.ts';
import { isRoot } from '../../host/system.ts';
import type { Collector } from '../collector.ts';

const outOfMemory = /out of memory|oom-kill|oom_reaper|killed process/i;
const diskTrouble =
  /I\/O error|(?:EXT4|XFS|BTRFS)[^\n]*(?:error|corrupt|shutdown)|remounting filesystem read-only|medium error|critical target|no space left/i;

export const kernel: Collector = {
  id: 'kernel',
  title: 'What the kernel said of memory and disks',
  timeoutMs: 10_000,
  async collect(ctx) {
    const { signal } = ctx;
    const argv = ['dmesg', '--time-format=iso'] as const;
    const { stdout, exitCode, stderr } = await ctx.runner.run([...argv], {
      timeoutMs: 8000,
      signal,
      okCodes: 'any',
    });
    if (exitCode !== 0) {
      const who = isRoot() ? '' : 'only root can read it: ';
      throw new IvaapError('failed', `${who}dmesg failed: ${stderr.trim() || `exit code ${exitCode}`}`);
    }
    const lines = stdout.split('\n');
    ctx.facts.outOfMemory = lines.filter((line) => outOfMemory.test(line));
    ctx.facts.diskErrors = lines.filter((line) => diskTrouble.test(line));
    ctx.add('memory.txt', ctx.facts.outOfMemory.slice(-500).join('\n') || 'nothing');
    ctx.add('disk.txt', ctx.facts.diskErrors.slice(-500).join('\n') || 'nothing');
  },
};
