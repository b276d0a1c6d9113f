import { back, type Prompter } from '../../policy/prompter.ts';
import type { GivenAnswers } from './given-answers.ts';

/** What was answered so far. */
export type Draft = Partial<GivenAnswers>;

/** `skip`: there is nothing to ask with these answers. */
export type Outcome = Draft | typeof back | 'skip' | 'first';

/** One question; it offers what the draft says already, where the person has come back. */
export interface AnswerQuestion {
  ask(prompter: Prompter, draft: Draft): Promise<Outcome>;
}

/**
 * Asks one question after the other. Back is the last one that was really asked; at the first it asks again.
 */
export async function askAll(
  prompter: Prompter,
  questions: readonly AnswerQuestion[],
  given: Draft,
): Promise<Draft> {
  let draft = given;
  const asked: number[] = [];
  prompter.tell(['Esc goes back to the question before. Ctrl-C ends this, and nothing is changed.']);
  for (let at = 0; at < questions.length;) {
    const outcome = await questions[at]!.ask(prompter, draft);
    if (outcome === back) at = asked.pop() ?? at;
    else if (outcome === 'first') {
      at = asked[0] ?? 0;
      asked.length = 0;
    } else {
      if (outcome !== 'skip') {
        asked.push(at);
        draft = { ...draft, ...outcome };
      }
      at += 1;
    }
  }
  return draft;
}
