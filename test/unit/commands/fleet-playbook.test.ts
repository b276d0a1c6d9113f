import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { commands } from '../../../src/commands/commands.ts';
import { statusSchema } from '../../../src/queries/status-schema.ts';
import { verifySchema } from '../../../src/queries/verify-schema.ts';
import { stateSchema } from '../../../src/engine/state.ts';

/**
 * The playbook for fleets is played only by command: what it types, reads and documents is compared here with
 * what there is.
 */

const docs = join(import.meta.dirname, '../../../docs');
const sources = globSync('fleet/**/*.{yml,j2}', { cwd: docs }).map((file) =>
  readFileSync(join(docs, file), 'utf8'),
);
const playbook = readFileSync(join(docs, 'fleet/upgrade.yml'), 'utf8');
const page = readFileSync(join(docs, 'fleet.md'), 'utf8');

interface Task {
  block?: Task[];
  when?: string;
  'ansible.builtin.include_tasks'?: string;
  vars?: { ask?: { name: string; argv: string | string[] } };
  any_errors_fatal?: boolean;
  ignore_errors?: boolean;
}
const plays = parse(playbook) as ({ tasks: Task[] } & Record<string, unknown>)[];
const flat = (tasks: readonly Task[]): Task[] => tasks.flatMap((task) => [task, ...flat(task.block ?? [])]);

test('every flag that the playbook types is one of that command', async () => {
  const asks = plays.flatMap(({ tasks }) => flat(tasks)).flatMap(({ vars }) => vars?.ask ?? []);
  assert.ok(asks.length >= 7, `${asks.length} questions`);
  for (const { argv } of asks) {
    const words = typeof argv === 'string' ? [...argv.matchAll(/'([^']+)'/g)].map(([, word]) => word) : argv;
    const entry = commands.find(({ name }) => name === words[0]);
    assert.ok(entry, `a command ${words[0]}`);
    const flags = (await entry.load()).options.map((option) => option.flags.split(' ')[0]);
    for (const flag of words.filter((word) => word?.startsWith('--'))) {
      assert.ok(flags.includes(flag ?? ''), `${words[0]} ${flag}`);
    }
    assert.ok(flags.includes('--json'), `${words[0]} --json`);
  }
});

test('the answers have the fields that the playbook reads', () => {
  for (const field of ['running', 'upgrade', 'state'] as const) assert.ok(statusSchema.shape[field], field);
  assert.ok(verifySchema.shape.version);
  assert.ok(stateSchema.shape.installed.unwrap().shape.version);
});

test('a question that is not asked leaves the last answer: its tasks are only included where it is', () => {
  const tasks = plays.flatMap((play) => flat(play.tasks));
  const conditional = tasks.filter(({ vars, when }) => vars?.ask !== undefined && when !== undefined);
  assert.ok(conditional.length >= 4, `${conditional.length} questions`);
  for (const task of conditional) {
    assert.equal(task['ansible.builtin.include_tasks'], 'tasks/ask.yml', task.vars?.ask?.name);
  }
});

test('the first failure ends each play, and no error is ignored', () => {
  for (const { tasks } of plays) assert.equal(tasks.at(-1)?.any_errors_fatal, true);
  assert.equal(plays[1]?.['max_fail_percentage'], 0);
  for (const text of sources) assert.doesNotMatch(text, /ignore_errors/);
});

test('the page has the variables of the playbook, and no others', () => {
  const read = sources.flatMap((text) =>
    [...text.matchAll(/\b(ivaap_[a-z0-9_]+) \| default/g)].map(([, name]) => name),
  );
  const own = ['ivaap_answer', 'ivaap_events', 'ivaap_outcome', 'ivaap_there'];
  const settings = new Set([...read.filter((name) => !own.includes(name ?? '')), 'ivaap_file']);
  const documented = [...page.matchAll(/^\| `(ivaap_[a-z0-9_]+)`/gm)].map(([, name]) => name);
  assert.deepEqual(documented.toSorted(), [...settings].toSorted());
});
