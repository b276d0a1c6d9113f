import { AsyncLocalStorage } from 'node:async_hooks';

const scope = new AsyncLocalStorage<string>();

/** Calls `work` as part of a step: whatever it starts knows of which one. */
export const inStep = <T>(step: string, work: () => T): T => scope.run(step, work);

/** Id of the step as part of which this is called. */
export const currentStep = (): string | undefined => scope.getStore();
