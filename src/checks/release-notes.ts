import type { Measurement } from '../policy/preflight-report.ts';
import { isToChange, keyText, type ToldKey, type ToldNotes } from '../policy/release-notes.ts';
import { computeOverlay, type PlainJson, valueAt } from '../policy/values-patches.ts';
import { upgradeNotes } from '../release/release-notes.ts';
import { toEdit } from '../shell-word.ts';
import type { Check } from './check.ts';
import type { UpgradeCheckContext } from './context.ts';

/**
 * What the release notes ask for is a warning unless the vendor's data says that it blocks: most renamed keys
 * do no harm, and a window that is refused for one would teach operators to waive.
 */
export const releaseNotes: Check<UpgradeCheckContext> = {
  id: 'release-notes',
  kind: 'outage',
  title: 'Values fit the release notes',
  limit: 'no key that the releases since the installed one removed, changed or ask for',
  limitInFull:
    'no key of the values file that the notes of the releases since the installed one name as removed, ' +
    'changed or needed, and no migration at once where they ask for a staged one; it blocks only what the ' +
    'vendor marks so, and warns of the rest',
  why: 'the new release would ignore or misread a setting that this host relies on',
  fix: 'edit the values file as the note says, then run the same command again',
  timeoutSeconds: 30,
  flows: ['upgrade'],
  measure(ctx) {
    const notes = upgradeNotes(ctx);
    const found = [...keyFindings(notes, ctx), ...migrationFindings(notes, ctx)];
    return found.length > 0 ? found : { outcome: 'ok', measured: allWell(notes, ctx) };
  },
};

function allWell(notes: readonly ToldNotes[], { from, to, paths }: UpgradeCheckContext): string {
  if (notes.length === 0) return `this file has no notes of releases after ${from} up to ${to}`;
  const keys = notes.flatMap(({ breaking }) => breaking);
  const named = (what: string, is: ToldKey['yours']): string[] => {
    const found = keys.filter(({ yours }) => yours === is).map(({ key }) => key);
    return found.length === 0 ? [] : [`${what}: ${found.join(', ')}`];
  };
  const done = [...named('replaced already', 'replaced'), ...named('set by a values patch', 'taken over')];
  return (
    `notes of ${notes.map(({ version }) => version).join(', ')}: ${paths.values} needs no change` +
    (done.length === 0 ? '' : ` (${done.join('; ')})`)
  );
}

/** One finding for each key, however many releases name it. */
function keyFindings(notes: readonly ToldNotes[], ctx: UpgradeCheckContext): Measurement[] {
  const { paths } = ctx;
  const patched = patchedValues(ctx);
  const affected = notes.flatMap(({ version, breaking }) =>
    breaking.filter(isToChange).map((one) => ({ ...one, version })),
  );
  return [...Map.groupBy(affected, ({ key }) => key)].map(([key, said]) => ({
    part: key,
    // What a patch has taken over does no harm to the new release.
    outcome: said.some(({ blocks, yours }) => blocks && yours === 'affected') ? 'fail' : 'warn',
    measured: said.map((one) => `${key} ${conditionText(one)}; ${one.version}: ${one.todo}`).join('; '),
    fix: edit(paths.values, `${said.map((one) => changeText(one, patched)).join('; ')}${whenText(said)}`),
    data: { key, versions: said.map(({ version }) => version).join(', ') },
  }));
}

const conditionText = ({ when, equals, yours }: ToldKey): string =>
  yours === 'taken over'
    ? 'is still in your file, a values patch sets the new key'
    : when === 'absent'
      ? 'is missing'
      : when === 'equals'
        ? `is ${JSON.stringify(equals)}`
        : 'is set';

/** By the text of its key, what the release's patches set here: the vendor's words, no secrets. */
function patchedValues({ release, values }: UpgradeCheckContext): Map<string, PlainJson> {
  const overlay = computeOverlay(values.root, release.valuesPatches).values;
  const paths = release.valuesPatches.flatMap(({ set }) => set.map(({ path }) => path));
  return new Map(
    paths.flatMap((path) => {
      const value = valueAt(overlay, path);
      return value === undefined ? [] : [[keyText(path), value] as const];
    }),
  );
}

function changeText({ key, when, replacedBy, todo }: ToldKey, patched: Map<string, PlainJson>): string {
  if (replacedBy === null) return when === 'absent' ? `set ${key}: ${todo}` : todo;
  const value = patched.get(replacedBy);
  return value === undefined
    ? `${replacedBy} instead of ${key}: ${todo}`
    : `${replacedBy}: ${JSON.stringify(value)} instead of ${key}`;
}

/** A patch does it for this release: the file may be edited later, and has to be some time. */
const whenText = (said: readonly ToldKey[]): string =>
  said.every(({ yours }) => yours === 'taken over')
    ? '; before this upgrade or after it'
    : '; before the upgrade';

function migrationFindings(notes: readonly ToldNotes[], ctx: UpgradeCheckContext): Measurement[] {
  const { product, paths } = ctx;
  const { autoMigrate } = product.values;
  const staged = notes.filter(
    ({ migration }) => migration?.kind === 'staged' && migration.yours === 'at once',
  );
  if (autoMigrate === undefined || staged.length === 0) return [];
  const flag = keyText(autoMigrate.path);
  const texts = staged.map(({ version, migration }) => `${version}: ${migration?.text ?? ''}`).join('; ');
  return [
    {
      part: 'staged-migration',
      outcome: staged.some(({ migration }) => migration?.blocks === true) ? 'fail' : 'warn',
      measured: `${flag} is ${JSON.stringify(autoMigrate.on)}, so the schema moves in this run; ${texts}`,
      limit: 'the rollout first, the migration in a second run',
      fix: edit(
        paths.values,
        `${flag}: '${autoMigrate.off}'; upgrade, look at the product, set it back, ` +
          'then install --upgrade --reapply',
      ),
    },
  ];
}

const edit = (path: string, what: string): string => `${toEdit(path)}   # ${what}`;
