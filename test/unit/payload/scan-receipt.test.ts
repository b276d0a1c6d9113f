import assert from 'node:assert/strict';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { openPayload } from '../../../src/payload/open-payload.ts';
import type { Payload } from '../../../src/payload/reader.ts';
import { isReceipted, receiptOf, writeReceipt } from '../../../src/payload/scan-receipt.ts';
import { makeTinyPayload, type TinyPayload } from '../../fixtures/tiny-payload.ts';

const skip = process.geteuid?.() === 0 ? false : 'only root writes and believes a receipt';

describe('the receipt of a scan', { skip }, () => {
  let tiny: TinyPayload;
  let payload: Payload;
  // Not below /tmp, which others may write.
  const root = skip === false ? mkdtempSync('/var/lib/scan-receipt-') : '';
  const path = join(root, 'scan-receipt.json');
  before(async () => {
    tiny = await makeTinyPayload();
    payload = await openPayload(tiny.path);
  });
  after(async () => {
    await payload.close();
    tiny.remove();
    rmSync(root, { recursive: true, force: true });
  });
  const written = () => writeReceipt(payload, receiptOf(payload), path);

  it('is believed of the file that it was written of, and is for root alone', async () => {
    assert.equal(await isReceipted(payload, path), false);
    await written();
    assert.equal(statSync(path).mode & 0o7777, 0o600);
    assert.equal(await isReceipted(payload, path), true);
  });

  it('is of no copy, and of no file that was touched since', async () => {
    await written();
    const copy = join(tiny.folder, 'copy');
    copyFileSync(tiny.path, copy);
    const other = await openPayload(copy);
    assert.equal(await isReceipted(other, path), false);
    await other.close();
    utimesSync(tiny.path, new Date(), new Date());
    assert.equal(await isReceipted(payload, path), false);
  });

  it('is not written of a file that changed during the scan', async () => {
    rmSync(path, { force: true });
    const receipt = receiptOf(payload);
    utimesSync(tiny.path, new Date(0), new Date(0));
    await writeReceipt(payload, receipt, path);
    assert.equal(await isReceipted(payload, path), false);
    assert.throws(() => statSync(path), { code: 'ENOENT' });
  });

  it('that says another number anywhere is of another file', async () => {
    await written();
    const good = JSON.parse(readFileSync(path, 'utf8')) as Record<string, string>;
    for (const field of Object.keys(good)) {
      const { [field]: value = '', ...rest } = good;
      for (const changed of [{ ...rest, [field]: `${value}0` }, rest]) {
        writeFileSync(path, JSON.stringify(changed));
        assert.equal(await isReceipted(payload, path), false, field);
      }
    }
  });

  it('that is damaged, foreign or in a place that others may write is ignored, and never an error', async () => {
    await written();
    const good = readFileSync(path, 'utf8');
    for (const text of ['', '{', 'null', '[]', '"x"', good.slice(0, -9), `${good}${' '.repeat(5000)}`]) {
      writeFileSync(path, text);
      assert.equal(await isReceipted(payload, path), false, text.slice(0, 20));
    }
    writeFileSync(path, good);
    assert.equal(await isReceipted(payload, path), true);
    const spoilt: [what: string, spoil: () => void, repair: () => void][] = [
      ['readable by others', () => chmodSync(path, 0o644), () => chmodSync(path, 0o600)],
      ['of another user', () => chownSync(path, 65_534, 0), () => chownSync(path, 0, 0)],
      ['below a folder of others', () => chmodSync(root, 0o777), () => chmodSync(root, 0o700)],
    ];
    for (const [what, spoil, repair] of spoilt) {
      spoil();
      assert.equal(await isReceipted(payload, path), false, what);
      repair();
      assert.equal(await isReceipted(payload, path), true);
    }
    const link = join(root, 'link.json');
    symlinkSync(path, link);
    assert.equal(await isReceipted(payload, link), false, 'a link');
    mkdirSync(join(root, 'folder.json'));
    assert.equal(await isReceipted(payload, join(root, 'folder.json')), false, 'a folder');
  });
});
