/**
 * The answers of a new install, as data: the flag of each, and its key in the answers file. In the order in
 * which a person is asked.
 */
export const answerKeys = {
  license: { flag: '--license', value: 'FILE', what: 'the licence' },
  fqdn: { flag: '--fqdn', value: 'NAME', what: 'the host name of this host' },
  storagePath: { flag: '--storage-path', value: 'FOLDER', what: "the database's folder" },
  storageClass: { flag: '--storage-class', value: 'NAME', what: "the database's StorageClass" },
  connectors: { flag: '--connectors', value: 'NAMES', what: 'the connectors' },
  values: { flag: '--values', value: 'FILE', what: 'the values file' },
} as const;

export type AnswerKey = keyof typeof answerKeys;

export const isAnswerKey = (text: string): text is AnswerKey => Object.hasOwn(answerKeys, text);
