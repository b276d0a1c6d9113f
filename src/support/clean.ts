import { Redactor } from '../engine/redact.ts';
import { unmarked } from '../foreign.ts';
import { findSecrets, withoutSecretForms, writtenForms } from '../policy/secret-forms.ts';

/**
 * What others print has no bound. A longer one, or one more, is still removed where it is announced, but not
 * looked for in other places.
 */
const longestLearned = 8192;
const mostLearned = 20_000;

/**
 * Removes secrets from all texts of a bundle: known ones, and what looks like one in any of the texts is a
 * known one for all others.
 */
export class Cleaner {
  readonly #redactor = new Redactor();
  readonly #known = new Set<string>();
  #learned = 0;

  hide(secret: string): void {
    if (this.#known.has(secret)) return;
    this.#known.add(secret);
    for (const form of writtenForms(secret)) this.#redactor.add(form);
  }

  /** To be told of every text before the first one is cleaned. */
  learn(text: string): void {
    for (const secret of findSecrets(unmarked(text))) {
      if (secret.length > longestLearned || this.#learned >= mostLearned) continue;
      this.#learned += 1;
      this.hide(secret);
    }
  }

  text(text: string): string {
    return withoutSecretForms(this.#redactor.text(unmarked(text)));
  }
}
