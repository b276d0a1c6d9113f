import assert from 'node:assert/strict';
import { test } from 'node:test';
import { kubectlWords } from '../../../src/policy/kubectl-words.ts';

test('the first word is a namespace, unless kubectl takes it', () => {
  const rows: [string, string][] = [
    ['ivaap get pods', '-n ivaap get pods'],
    ['ivaap delete pod -l app=adminserver', '-n ivaap delete pod -l app=adminserver'],
    ['get pods', '-n own get pods'],
    ['rollout restart deploy/x', '-n own rollout restart deploy/x'],
    ['--context=x get pods', '-n own --context=x get pods'],
    // kubectl takes the last one.
    ['-n other get pods', '-n own -n other get pods'],
    ['getter get pods', '-n getter get pods'],
    ['other', '-n other'],
    ['version', '-n own version'],
    ['exec pod -- get', '-n own exec pod -- get'],
  ];
  for (const [typed, words] of rows) assert.equal(kubectlWords(typed.split(' '), 'own').join(' '), words);
});
