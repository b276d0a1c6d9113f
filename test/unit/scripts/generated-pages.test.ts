import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { commandsPages } from '../../../scripts/commands-page.ts';
import { eventsPage } from '../../../scripts/events-page.ts';
import { preflightPage } from '../../../scripts/preflight-page.ts';
import { formatPage } from '../../../scripts/format-example.ts';
import { exitCodesPage } from '../../../scripts/exit-codes.ts';
import { troubleshootingPage } from '../../../scripts/troubleshooting-page.ts';
import { jsonPage } from '../../../scripts/json-page.ts';
import { helmStatesPage } from '../../../scripts/helm-states.ts';

test('the generated pages are what their generators write today', async () => {
  const pages = [
    eventsPage(),
    exitCodesPage(),
    formatPage(),
    helmStatesPage(),
    jsonPage(),
    preflightPage(),
    troubleshootingPage(),
  ];
  for (const { path, text } of [...(await commandsPages()), ...(await Promise.all(pages))]) {
    assert.equal(readFileSync(path, 'utf8'), text, `${path} is out of date; its first line says what to run`);
  }
});
