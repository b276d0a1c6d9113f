import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { inOwnMounts } from '../../fixtures/own-mounts.ts';

/** Disks that fstab or a unit of systemd names and nobody has mounted. */

const source = JSON.stringify(join(import.meta.dirname, '../../../src/host/missing-mount.ts'));

const setUp = `
mount -t tmpfs tmpfs /mnt; mount -t tmpfs tmpfs /etc; mkdir -p /etc/systemd/system
mkdir "/mnt/da ta" /mnt/up /mnt/unit /mnt/away; mount -t tmpfs tmpfs /mnt/up
cat > /etc/fstab <<'END'
# /mnt/comment/x is no line
UUID=1 /mnt/da\\040ta/ xfs defaults 0 0
UUID=2 /mnt/up xfs defaults 0 0
UUID=3 / ext4 defaults 0 0
UUID=4 none swap sw 0 0
UUID=5 /mnt/away xfs noauto 0 0
END
printf '[Mount]\\nWhat=/dev/sdb\\n  Where = /mnt/unit\\n' > /etc/systemd/system/mnt-unit.mount
printf '[Mount]\\nWhere=/mnt/b\\\\x20c\\n' > /etc/systemd/system/mnt-b.mount
printf '[Unit]\\nDescription=Where=/mnt/none\\n' > /etc/systemd/system/broken.mount
ln -s /dev/null /etc/systemd/system/tmp.mount
ln -s /mnt/away/postgres /mnt/link
`;

function asked(paths: readonly string[]): unknown[] {
  const script = `import { missingMount, notMounted } from ${source};
    for (const path of ${JSON.stringify(paths)}) {
      const found = await missingMount(path);
      console.log(JSON.stringify(found === undefined ? null : [found.point, found.command, notMounted(path, found).hint]));
    }`;
  const argv = [process.execPath, '--input-type=module', '--eval', script];
  const [program, ...rest] = inOwnMounts(setUp, argv);
  return execFileSync(program, rest, { encoding: 'utf8' })
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown);
}

test('what fstab or a unit names and nobody has mounted is found on the way to a path, by links too', () => {
  const fstabHint = 'Where that disk is gone for good, delete its line of /etc/fstab first';
  assert.deepEqual(asked(['/mnt/da ta/pg', '/mnt/unit', '/mnt/b c/x/y', '/mnt/link', '/mnt/link/below']), [
    ['/mnt/da ta', "mount '/mnt/da ta'", `mount '/mnt/da ta'\n${fstabHint}`],
    [
      '/mnt/unit',
      'systemctl start mnt-unit.mount',
      'systemctl start mnt-unit.mount\n' +
        'Where that disk is gone for good, delete /etc/systemd/system/mnt-unit.mount first',
    ],
    [
      '/mnt/b c',
      'systemctl start mnt-b.mount',
      'systemctl start mnt-b.mount\n' +
        'Where that disk is gone for good, delete /etc/systemd/system/mnt-b.mount first',
    ],
    ['/mnt/away', 'mount /mnt/away', `mount /mnt/away\n${fstabHint}`],
    ['/mnt/away', 'mount /mnt/away', `mount /mnt/away\n${fstabHint}`],
  ]);
  assert.deepEqual(asked(['/mnt/up/pg', '/mnt/comment/x', '/mnt/none/x', '/mnt/unit2', '/opt', '/']), [
    null,
    null,
    null,
    null,
    null,
    null,
  ]);
});
