import { releaseSecretName } from '../host/helm.ts';
import type { Manifest } from '../host/kubectl.ts';
import type { Product } from '../payload/product-schema.ts';
import type { Answer, DeployedRecord } from './answered-objects.ts';
import { asRoot, k3s, shellWord } from '../shell-word.ts';

/**
 * The command that changes an object in Helm's record to the API version that this server has. Helm's record
 * is a Secret, base64-encoded twice and gzipped; a copy of it is saved first. Where the new chart has no such
 * object, the record gets a ConfigMap that does not exist instead, which Helm then removes.
 */
export function recordRepairCommand(
  { release, namespace }: Pick<Product, 'release' | 'namespace'>,
  { revision }: DeployedRecord,
  old: Manifest,
  objects: readonly Answer[],
): string {
  const successor = objects.find(
    ({ manifest }) => manifest.kind === old.kind && manifest.metadata.name === old.metadata.name,
  )?.manifest.apiVersion;
  const secret = releaseSecretName(release, revision);
  const from = `apiVersion: ${old.apiVersion}\\\\nkind: ${old.kind}\\\\n`;
  const turned = `kind: ${old.kind}\\\\napiVersion: ${old.apiVersion}\\\\n`;
  const to =
    successor === undefined
      ? 'apiVersion: v1\\\\nkind: ConfigMap\\\\n'
      : `apiVersion: ${successor}\\\\nkind: ${old.kind}\\\\n`;
  const edits = [from, turned].map((text) => `s#${text.replaceAll('.', '\\.')}#${to}#g`).join(';');
  const file = `/root/${secret}`;
  const commands = [
    `${k3s} kubectl get secret ${secret} -n ${namespace} -o jsonpath='{.data.release}' > ${file}`,
    `base64 -d ${file} | base64 -d | gunzip | sed '${edits}' | gzip | base64 -w0 | base64 -w0 > ${file}.new`,
    `printf '{"data":{"release":"%s"}}' "$(cat ${file}.new)" > ${file}.json`,
    `test -s ${file}.new && ${k3s} kubectl patch secret ${secret} -n ${namespace} --patch-file=${file}.json`,
  ];
  return asRoot(`sh -c ${shellWord(commands.join(' && '))}`);
}
