import { formatBytes } from '../../policy/format-bytes.ts';
import { back, type Choice } from '../../policy/prompter.ts';
import { assertStoragePath } from '../../policy/answer-form.ts';
import { managedPaths } from '../../release/product-paths.ts';
import { assertStorageFolder, assertStorageRoom } from '../../release/storage-folder.ts';
import { listStorageClasses, type StorageClass } from '../../release/storage-class.ts';
import { roomAt } from '../../host/mounts.ts';
import type { Session } from '../../session/session.ts';
import { keptText } from '../../policy/kept-text.ts';
import type { KeptData } from '../../release/kept-data.ts';
import { usableKeptData } from './kept-data.ts';
import type { AnswerQuestion, Draft } from './ask-all.ts';
import { type About, objectionOf, typedPath } from './questions.ts';

const other = 'other';
const folderChoice = (path: string) => `folder ${path}`;
const classChoice = (name: string) => `class ${name}`;

/** A folder of this host, with its free room, or a StorageClass where the product allows it. */
export async function storageQuestion({ session }: About): Promise<AnswerQuestion> {
  const { product, signal } = session;
  const { defaultPath, storageClass } = product.database.volume;
  const { kubectl } = await session.tools();
  const classes = storageClass === undefined ? [] : await listStorageClasses(kubectl, signal);
  const choices = [
    await usualFolder(session, defaultPath),
    { value: other, label: 'another folder' },
    ...classes.map(choiceOf),
  ];
  const chosenBefore = ({ storagePath, storageClass: name }: Draft) => {
    if (name !== undefined) return classChoice(name);
    if (storagePath === undefined) return undefined;
    return storagePath === defaultPath ? folderChoice(defaultPath) : other;
  };
  return {
    async ask(prompter, draft) {
      for (;;) {
        const initial = chosenBefore(draft);
        const chosen = await prompter.choose({
          title: 'Where is the database to lie?',
          choices,
          ...(initial === undefined ? {} : { initial }),
        });
        if (chosen === back) return back;
        const taken = classes.find(({ name }) => classChoice(name) === chosen);
        if (taken !== undefined) return { storagePath: undefined, storageClass: taken.name };
        if (chosen !== other) return { storagePath: defaultPath, storageClass: undefined };
        const typed = await prompter.text({
          title: 'In which folder?',
          help: ['Its full path. It is made where it is missing.'],
          ...(draft.storagePath === undefined ? {} : { initial: draft.storagePath }),
          check: (answer) => objectionOf(() => assertUsable(session, typedFolder(answer))),
        });
        if (typed !== back) return { storagePath: typedFolder(typed), storageClass: undefined };
      }
    },
  };
}

/** What is not absolute stays so, and is refused: a folder of the shell is no place for a database. */
const typedFolder = (typed: string): string => {
  const path = typed.startsWith('~') ? typedPath(typed) : typed;
  return path.length > 1 ? path.replace(/\/+$/, '') : path;
};

/** Throws for a folder that cannot hold the database; gives what an uninstall has kept there. */
async function assertUsable(session: Session, path: string): Promise<KeptData | undefined> {
  const { product, paths, redactor } = session;
  assertStoragePath(path, `--storage-path ${product.database.volume.defaultPath}`);
  const kept = await usableKeptData(session, path, redactor);
  if (kept === undefined) await assertStorageFolder(path, managedPaths(paths));
  await assertStorageRoom(path, product);
  return kept;
}

async function usualFolder(session: Session, path: string): Promise<Choice> {
  let kept: KeptData | undefined;
  const objection = await objectionOf(async () => (kept = await assertUsable(session, path)));
  const choice = { value: folderChoice(path), label: path };
  if (objection !== undefined) return { ...choice, disabled: true, hint: objection };
  const { freeBytes, mountPoint } = await roomAt(path);
  const data = kept === undefined ? '' : `has kept data: ${keptText(kept)}; `;
  return { ...choice, hint: `${data}${formatBytes(freeBytes)} free on ${mountPoint}` };
}

const choiceOf = ({ name, objection }: StorageClass): Choice => ({
  value: classChoice(name),
  label: `StorageClass ${name}`,
  ...(objection === undefined ? {} : { disabled: true, hint: objection }),
});
