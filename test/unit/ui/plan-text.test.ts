import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runPlanSchema, type RunPlan } from '../../../src/engine/run-plan.ts';
import { planBrief, planLines } from '../../../src/ui/plan-text.ts';

const plan: RunPlan = runPlanSchema.parse({
  flow: 'upgrade',
  product: 'IVAAP',
  from: '2026.1',
  to: '2026.2',
  run: '20260501T102030Z-upgrade',
  steps: [
    {
      id: 'detect',
      title: 'Record the versions',
      action: 'done',
      summary: 'completed at ten',
      details: [],
      data: {},
    },
    {
      id: 'backup',
      title: 'Back up the database',
      action: 'run',
      why: 'an earlier attempt was cut off after dump-written',
      summary: 'dump ivaapdb into a new folder below /opt/ivaap/.installer/backups',
      brief: 'dump of ivaapdb, about 7.63 MiB',
      details: ['about 7.63 MiB (estimated from a sample of its rows)'],
      data: { sizeBytes: 8_000_000 },
    },
    {
      id: 'migrate',
      title: 'Adapt the values',
      action: 'skip',
      summary: 'no patch applies',
      details: [],
      data: {},
    },
    {
      id: 'helm',
      title: 'Upgrade the release',
      action: 'run',
      summary: 'helm upgrade ivaap',
      details: [
        'objects: 0 added, 1 changed, 0 removed',
        '  ~ Deployment/backend',
        '      spec.template.spec.containers[backend].image: ' +
          'registry.ivaap.example/ivaap/backend:2026.1 -> ' +
          'registry.ivaap.example/ivaap/backend:2026.2',
        'pods \u001b[31mred\u001b[0m\nand more',
      ],
      data: {},
    },
    {
      id: 'health',
      title: 'Ask',
      action: 'run',
      summary: 'ask',
      details: [],
      data: {},
      notKnown: 'the database pod is not running',
    },
  ],
  room: [
    { mountPoint: '/opt/ivaap', neededBytes: 2 ** 31, freeBytes: 2 ** 30, enough: false, what: 'dump' },
    { mountPoint: '/', neededBytes: 5, freeBytes: null, enough: false, what: '' },
  ],
  notes: ['2028.1 is not supported'],
  refusals: [
    { code: 'preflight', exitCode: 3, message: 'too little room', hint: 'df -h\nmake room' },
    { code: 'version', exitCode: 5, message: 'a downgrade' },
  ],
});

test('a plan at 80 columns: steps, why they run again, what is not known, room and all refusals', () => {
  assert.deepEqual(planLines(plan, 80), [
    'IVAAP, dry run of the upgrade 2026.1 -> 2026.2. Nothing was changed.',
    'It would resume the run 20260501T102030Z-upgrade.',
    '! 2028.1 is not supported',
    '',
    'detect: Record the versions',
    '  already done: completed at ten',
    '',
    'backup: Back up the database',
    '  dump ivaapdb into a new folder below /opt/ivaap/.installer/backups',
    '  runs again: an earlier attempt was cut off after dump-written',
    '  about 7.63 MiB (estimated from a sample of its rows)',
    '',
    'migrate: Adapt the values',
    '  skipped: no patch applies',
    '',
    'helm: Upgrade the release',
    '  helm upgrade ivaap',
    '  objects: 0 added, 1 changed, 0 removed',
    '    ~ Deployment/backend',
    '        spec.template.spec.containers[backend].image:',
    '          registry.ivaap.example/ivaap/backend:2026.1 ->',
    '          registry.ivaap.example/ivaap/backend:2026.2',
    '  pods red and more',
    '',
    'health: Ask',
    '  ask',
    '  not known: the database pod is not running',
    '',
    'Free space',
    '  blocker: /opt/ivaap: 2.00 GiB needed, 1.00 GiB free',
    '      dump',
    '  blocker: /: 5 B needed, free space not known',
    '',
    'The upgrade would be refused with exit code 3:',
    '  blocker: too little room',
    '    try: df -h',
    '    try: make room',
    '  blocker: a downgrade (exit code 5)',
  ]);
});

test('at 40 columns no line is longer but one with a path alone, and nothing is lost', () => {
  for (const columns of [40, 20]) {
    const lines = planLines(plan, columns);
    const tooLong = lines.filter((line) => line.length > columns && !/^ *\/\S+$/.test(line));
    assert.deepEqual(tooLong, []);
    const letters = (text: string[]) => text.join('').replaceAll(' ', '');
    assert.equal(letters(lines), letters(planLines(plan, 1000)));
  }
  const at40 = planLines(plan, 40);
  const image = at40.findIndex((line) => line.includes('spec.template'));
  assert.deepEqual(at40.slice(image, image + 5), [
    '        spec.template.spec.',
    '          containers[backend].image:',
    '          registry.ivaap.example/ivaap/',
    '          backend:2026.1 ->',
    '          registry.ivaap.example/ivaap/',
  ]);
});

test('what is at stake stands apart from the notes, in front of the steps', () => {
  const stake = ['This replaces the database ivaapdb with', '  release    2026.2 now, 2026.1 afterwards'];
  const restore = { ...plan, flow: 'restore', run: null, stake, notes: ['not restored: the claim reports'] };
  assert.deepEqual(planLines(restore, 80).slice(1, 7), [
    '',
    ...stake,
    '',
    '! not restored: the claim reports',
    '',
  ]);
});

test('a run without blockers says so', () => {
  assert.equal(planLines({ ...plan, refusals: [] }).at(-1), 'No blockers: the upgrade would start.');
  const install = { ...plan, flow: 'install', from: null, run: null };
  assert.match(planLines(install)[0] ?? '', /^IVAAP, dry run of the install of 2026\.2\. Nothing/);
});

test('the summary before the first step is short', () => {
  assert.deepEqual(planBrief(plan, 80), [
    'plan: 3 steps to run, 1 already done, 1 with nothing to do (resuming)',
    '  backup: dump of ivaapdb, about 7.63 MiB',
    '  health: not known in advance: the database pod is not running',
  ]);
});
