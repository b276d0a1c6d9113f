/** What a terminal asks a person, and how the answers come back. */

/** The person wants the question before this one again. */
export const back = Symbol('back');

/** What stands against an answer, in one sentence; undefined where nothing does. */
export type Objection = string | undefined;

interface Asked {
  title: string;
  /** Further lines below the title. */
  help?: readonly string[];
}

export interface TextQuestion extends Asked {
  /** Stands in the line already, and can be edited. */
  initial?: string;
  /** Looks at an answer while it is given, without the spaces around it. */
  check(answer: string): Promise<Objection>;
}

export interface Choice {
  value: string;
  label: string;
  /** Shown behind the label of the choice that the cursor is on. */
  hint?: string;
  /** Shown, but cannot be taken; the hint says why. */
  disabled?: boolean;
}

export interface ChoiceQuestion extends Asked {
  choices: readonly Choice[];
  initial?: string;
}

export interface ChoicesQuestion extends Asked {
  choices: readonly Choice[];
  initial: readonly string[];
}

/**
 * Asks on a terminal. Throws `interrupted` after Ctrl-C, `declined` at the end of input (Ctrl-D, a terminal
 * that is gone), and the reason of a request to stop.
 */
export interface Prompter {
  text(question: TextQuestion): Promise<string | typeof back>;
  choose(question: ChoiceQuestion): Promise<string | typeof back>;
  chooseSome(question: ChoicesQuestion): Promise<string[] | typeof back>;
  /** Lines that need no answer. */
  tell(lines: readonly string[]): void;
}
