import { Redactor } from '../engine/redact.ts';
import { unmarked } from '../foreign.ts';
import { findSecrets, withoutSecretForms, writtenForms } from '../policy/secret-forms.ts';

/**
 * Removes secrets from all texts of a bundle: known ones, and what looks like one in any of the texts is a
 * known one for all others.
 */
export class Cleaner {
  readonly #redactor = new Redactor();
  readonly #known = new Set<string>();

  hide(secret: string): void {
    if (this.#known.has(secret)) return;
    this.#known.add(secret);
    for (const form of writtenForms(secret)) this.#redactor.add(form);
  }

  /** To be told of every text before the first one is cleaned. */
  learn(text: string): void {
    for (const secret of findSecrets(unmarked(text))) this.hide(secret);
  }

  text(text: string): string {
    return withoutSecretForms(this.#redactor.text(unmarked(text)));
  }
}
